// SPDX-License-Identifier: GPL-2.0-or-later
//
// Compares the code of one pre section with memory.
//
// Code that stands as it was built, as most of a kernel on disk does, is compared in one go beside
// its relocated fields (reference_plan.h). Then the straight way: same layout, so that the
// stretches between relocations and sites are compared with memcmp, relocated fields are proved as
// references and sites against their forms. Only where that finds a difference does the last way
// decode both sides with Capstone, instruction by instruction, and tolerate what an assembler or
// linker may do without changing the code: a short jump for a near one, other padding, and branches
// whose displacement differs because of these. Every branch is then checked to lead to the same
// instruction on both sides.
//
// Invariant: all ways accept only code that does the same; the last tolerates layout, never another
// instruction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "matcher/elf/elf_object.h"
#include "matcher/image/image.h"
#include "matcher/match/encodings.h"
#include "matcher/match/references.h"
#include "matcher/match/sites.h"

namespace splicer {

struct Difference {
  std::uint64_t pre_offset = 0;  // in the section
  std::uint64_t run_offset = 0;  // from the code's start in memory
  std::string reason;
};

// Code as an image has it: where it is, if it is in one piece, otherwise a copy.
class RunCode {
 public:
  // Nothing if the image has no such memory.
  static Result<RunCode> read(const Image& image, RunAddress address, std::size_t size);
  RunCode() = default;
  RunCode(RunCode&&) = default;
  RunCode& operator=(RunCode&&) = default;
  RunCode(const RunCode&) = delete;
  RunCode& operator=(const RunCode&) = delete;
  ~RunCode() = default;

  Bytes bytes() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  void shorten(std::size_t size) { bytes_ = bytes_.first(size); }

 private:
  std::vector<std::uint8_t> copy_;
  Bytes bytes_;  // of copy_, which keeps its place when it is moved, or of the image
};

struct Comparison {
  std::optional<Difference> difference;  // nothing: it matches
  RunCode run;                           // the code in memory, as long as it is there
  // Pairs (pre offset, run offset) of instruction starts when the layout differs; else empty.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> moved;
  std::vector<std::pair<std::uint64_t, std::string>> hooks;  // pre offset of ftrace site, who

  // Where in memory the code of this pre offset stands.
  std::uint64_t run_offset(std::uint64_t pre_offset) const;
};

class CodeComparer {
 public:
  CodeComparer(const ElfObject& object, const SiteTables& sites, const Image& image)
      : object_(object), sites_(sites), image_(image), forms_(object, sites, image) {}

  // Compares the whole of `section` with the code at `address`. What is learnt goes to `trial`,
  // which is as it was when there is a difference.
  Comparison compare(std::uint32_t section, RunAddress address, Trial& trial) const;

 private:
  // Where the layout differs: where the section would start in memory, where its code begins, on
  // both sides, and what must lead to the same instruction, as pairs (pre offset, run offset).
  struct Moved {
    RunAddress code;
    std::uint64_t begin = 0;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> branches;
  };

  std::optional<Difference> compare_straight(std::uint32_t section, RunAddress address, Bytes run,
                                             Trial& trial, Comparison& result) const;
  std::optional<Difference> compare_moved(std::uint32_t section, std::uint64_t begin,
                                          RunAddress address, Bytes run, Trial& trial,
                                          Comparison& result) const;
  // Does section[begin, end), as it was built, differ from `run`, which stands at `address`?
  bool stretch_differs(std::uint32_t section, std::uint64_t begin, std::uint64_t end,
                       RunAddress address, Bytes run, Trial& trial) const;
  // Tries all forms of the group against run[offset...]; gives the reason when none fits.
  std::optional<std::string> compare_group(std::uint32_t section, const SiteGroup& group,
                                           RunAddress address, Bytes run, Trial& trial,
                                           Comparison& result, Moved* moved) const;
  std::optional<std::string> fit(std::uint32_t section, const SiteGroup& group, const Form& form,
                                 RunAddress address, Bytes run, Trial& trial, Moved* moved) const;
  // Trial::prove(), but where the layout differs a place inside this code is not where it was: then
  // it is left to the check of the branches.
  std::optional<std::string> prove(std::uint32_t section, const Relocation& relocation, Bytes field,
                                   RunAddress address, std::uint64_t place, Trial& trial,
                                   Moved* moved) const;

  const ElfObject& object_;
  const SiteTables& sites_;
  const Image& image_;
  FormMaker forms_;
};

}  // namespace splicer
