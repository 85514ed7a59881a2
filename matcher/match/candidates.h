// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where in the kernel a code section of the object could be.
//
// Three sources, none of which is a proof; what they name is then compared with the code:
//
//     names       the kernel's symbol table has all of the section's names, at the distances that
//                 they have in the section
//     neighbours  of several such places, the one between proved code of the same object, or right
//                 beside proved code that it follows or precedes in the object
//     pointers    of several such places, the one that a variable of the object points to whose own
//                 name is unique, as a table of operations does
//
// Example: fs/read_write.c and fs/splice.c both have a static vfs_poll(); the kernel's table has
// the name twice, and only one of the two places is between other functions of fs/read_write.o.
//
// Invariant: nothing here reads code, and no candidate is chosen because its code looks right.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "matcher/base/address.h"
#include "matcher/elf/elf_object.h"
#include "matcher/image/image.h"
#include "matcher/match/options.h"
#include "matcher/match/reference_plan.h"

namespace splicer {

// Bases that the names of a section allow.
struct NamedBases {
  std::vector<RunAddress> bases;
  // The kernel has the section's names, but nowhere at the section's distances.
  bool inconsistent = false;
  // Its names are weak, and the kernel has another object's strong function of that name.
  bool overridden = false;
};

// A weak function may be another object's, so weak names count only where there are no others, and
// only where the kernel's symbol is weak too: nm(1) tells which of two definitions the linker took.
// Takes time in proportion to the places that the names have.
NamedBases bases_by_name(const ElfObject& object, const ReferencePlan& plan, const Image& image,
                         const MatchOptions& options, std::uint32_t section);

// Proved code of one object by address. The linker lays the code of an object out in one piece for
// each output section, so between two of its pieces nothing else is.
class Neighbourhood {
 public:
  explicit Neighbourhood(const SymbolTable& symbols) : symbols_(symbols) {}

  // A section that has its place: which one it is of its group in the object, and its bytes.
  struct Section {
    std::string group;  // linked_section() of its name
    std::size_t place = 0;
    std::uint64_t size = 0;  // as the kernel has it
    bool replaced = false;   // an update's code: its place says nothing
  };
  void add(RunAddress address, Section section) { taken_.emplace(address, std::move(section)); }
  // Would a section of that group, place and size have to be the object's own at `base`? Takes
  // log(sections proved) where nothing is replaced.
  bool is_own(RunAddress base, const std::string& group, std::size_t place,
              std::uint64_t size) const;

 private:
  bool nothing_between(RunAddress from, RunAddress to) const;

  const SymbolTable& symbols_;
  std::map<RunAddress, Section> taken_;
};

// Calls `visit(section, base)` for each pointer to a `wanted` section of the object in a variable
// whose name the kernel's table has once, as the kernel's memory has that pointer, until it returns
// true; then so does this. Takes time in proportion to the variables and their relocations.
bool visit_pointed_at(const ElfObject& object, const Image& image, const std::string& target,
                      const std::function<bool(std::uint32_t section)>& wanted,
                      const std::function<bool(std::uint32_t section, RunAddress base)>& visit);

}  // namespace splicer
