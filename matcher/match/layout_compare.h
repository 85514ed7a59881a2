// SPDX-License-Identifier: GPL-2.0-or-later
//
// Compares code whose layout differs, instruction by instruction.
//
// The same source through the same compiler may still be laid out otherwise: an assembler or linker
// makes a near jump of a short one, or pads in other places. Both sides are decoded with Capstone,
// and what may differ is a short branch for a near one of the same kind, nops (of whatever lengths
// on either side), and the displacements of branches:
//
//     pre   0  eb 05          jmp 7           run   0  e9 05 00 00 00   jmp a
//           2  31 c0          xor             5     31 c0               xor
//           4  0f 1f 00       nop             7     0f 1f 00            nop
//           7  c3             ret             a     c3                  ret
//
// Every branch is noted as a pair (7, a), and at the end each pair must be two instructions that
// stand for each other.
//
// Invariant: what is accepted has the same instructions in the same order, but for nops, and each
// branch leads to the same one on both sides.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "matcher/elf/instruction.h"
#include "matcher/match/code_compare.h"

namespace splicer {

class LayoutComparison final : public SectionComparison {
 public:
  // How much longer than the pre code the code in memory may be: every short jump of it made near.
  static constexpr std::uint64_t kMaxGrowth = 256;

  using SectionComparison::SectionComparison;

  // `begin` is where the section's only function begins; before it is its padding, which has to be
  // equal. `run` begins where the section would and may be longer than the code. Takes one decoding
  // of each instruction of both sides.
  std::optional<Difference> compare(SectionOffset begin, Bytes run);

  // After compare() found no difference: pairs of instruction starts, and the code's length in
  // memory.
  std::vector<std::pair<SectionOffset, std::uint64_t>> take_moved() {
    return {places_.begin(), places_.end()};
  }
  std::size_t run_size() const { return r_; }

 protected:
  // A place inside this code is not where it was: then it is left to the check of the branches.
  std::optional<std::string> prove(const Relocation& relocation, Bytes field, RunAddress address,
                                   SectionOffset place) override;
  Mark mark() const override { return {trial_.mark(), branches_.size()}; }
  void back_to(const Mark& mark) override {
    trial_.back_to(mark.trial);
    branches_.resize(mark.branches);
  }

 private:
  // Each compares what begins at p_ and r_, and moves both behind it; returns the reason if it
  // differs.
  std::optional<std::string> compare_next();
  std::optional<std::string> compare_site(const SiteGroup& group);
  std::optional<std::string> compare_site_at_end(const SiteGroup& group, const Instruction& pre,
                                                 const Instruction& run);
  std::optional<std::string> compare_branch(const Instruction& pre, const Instruction& run);
  std::optional<std::string> compare_instruction(const Instruction& pre, const Instruction& run);
  // Notes that p_ and r_, and the nops passed on the way there, stand for each other.
  void pair_up();
  std::optional<Difference> check_branches() const;

  Bytes run_;
  SectionOffset begin_;
  SectionOffset p_;
  std::uint64_t r_ = 0;  // in run_
  std::vector<SiteGroup>::const_iterator group_;
  std::vector<SiteGroup>::const_iterator last_group_;
  // Instructions that stand for each other, pre -> run; a nop counts as the next real instruction.
  std::map<SectionOffset, std::uint64_t> places_;
  std::map<SectionOffset, SectionOffset> pre_real_;
  std::map<std::uint64_t, std::uint64_t> run_real_;
  std::vector<SectionOffset> pre_nops_;
  std::vector<std::uint64_t> run_nops_;
  // What must lead to the same instruction: pairs (pre, run).
  std::vector<std::pair<SectionOffset, std::uint64_t>> branches_;
};

}  // namespace splicer
