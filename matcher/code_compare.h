// SPDX-License-Identifier: GPL-2.0-or-later
//
// Compares the code of one pre section with memory.
//
// The straight way first: same layout, so that the stretches between relocations and sites are
// compared with memcmp, relocated fields are proved as references and sites against their forms.
// Only where that finds a difference does the second way decode both sides with Capstone,
// instruction by instruction, and tolerate what an assembler or linker may do without changing the
// code: a short jump for a near one, other padding, and branches whose displacement differs because
// of these. Every branch is then checked to lead to the same instruction on both sides.
//
// Invariant: both ways accept only code that does the same; the second tolerates layout, never
// another instruction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "matcher/elf_object.h"
#include "matcher/forms.h"
#include "matcher/image.h"
#include "matcher/references.h"
#include "matcher/sites.h"

namespace splicer {

struct Difference {
  std::uint64_t pre_offset = 0;  // in the section
  std::uint64_t run_offset = 0;  // from the code's start in memory
  std::string reason;
};

struct Comparison {
  std::optional<Difference> difference;  // nothing: it matches
  std::vector<std::uint8_t> run;         // the code in memory, as long as it is there
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
  Comparison compare(std::uint32_t section, std::uint64_t address, Trial& trial) const;

 private:
  // Where the layout differs: the code's start in memory, and what must lead to the same
  // instruction on both sides, as pairs (pre offset, run offset).
  struct Moved {
    std::uint64_t code = 0;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> branches;
  };

  std::optional<Difference> compare_straight(std::uint32_t section, std::uint64_t address,
                                             Bytes run, Trial& trial, Comparison& result) const;
  std::optional<Difference> compare_moved(std::uint32_t section, std::uint64_t address, Bytes run,
                                          Trial& trial, Comparison& result) const;
  // Does section[begin, end), as it was built, differ from `run`, which stands at `address`?
  bool stretch_differs(std::uint32_t section, std::uint64_t begin, std::uint64_t end,
                       std::uint64_t address, Bytes run, Trial& trial) const;
  // Tries all forms of the group against run[offset...]; gives the reason when none fits.
  std::optional<std::string> compare_group(std::uint32_t section, const SiteGroup& group,
                                           std::uint64_t address, Bytes run, Trial& trial,
                                           Comparison& result, Moved* moved) const;
  std::optional<std::string> fit(std::uint32_t section, const SiteGroup& group, const Form& form,
                                 std::uint64_t address, Bytes run, Trial& trial,
                                 Moved* moved) const;
  // Trial::prove(), but where the layout differs a place inside this code is not where it was: then
  // it is left to the check of the branches.
  std::optional<std::string> prove(std::uint32_t section, const Relocation& relocation, Bytes field,
                                   std::uint64_t address, std::uint64_t place, Trial& trial,
                                   Moved* moved) const;

  const ElfObject& object_;
  const SiteTables& sites_;
  const Image& image_;
  FormMaker forms_;
};

}  // namespace splicer
