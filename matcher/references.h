// SPDX-License-Identifier: GPL-2.0-or-later
//
// References: what the relocations of matched code say about the kernel's symbols.
//
// Where the pre object has a relocation, the kernel has a number. With S + A (and - P) for the
// number the matcher solves for S: the code itself tells where its symbols are, static and
// ambiguous names too. One symbol has one address, so a second answer that differs is a conflict,
// and a conflict is a mismatch. What the kernel's own symbol table knows by name must agree as
// well.
//
//     Trial trial(references);
//     if (auto conflict = trial.prove(relocation, field, address)) ...mismatch, with its reason...
//     trial.commit();
//
// What is not a symbol is compared by content: merged strings and constants stand in other places
// in the kernel than in the object.
//
// Invariant: committed bindings never change; every binding agrees with the kernel's symbol table
// wherever that has the name.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "matcher/elf_object.h"
#include "matcher/image.h"
#include "matcher/match.h"

namespace splicer {

// What a relocation is about: a section of the object (all that it defines) or one symbol.
struct Anchor {
  bool is_section = false;
  std::uint32_t index = 0;
  auto operator<=>(const Anchor&) const = default;
};

// The value that a relocation of this type wrote into `field`, extended as the psABI (table 4.9)
// says.
std::uint64_t read_field(Bytes field, std::uint32_t type);

class References {
 public:
  References(const ElfObject& object, const Image& image, const MatchOptions& options);

  std::optional<std::uint64_t> section_base(std::uint32_t section) const;
  std::optional<std::uint64_t> symbol_value(std::uint32_t symbol) const;

 private:
  friend class Trial;
  std::optional<std::uint64_t> bound(Anchor anchor) const;
  // The anchors of an object are numbered: its sections, then its symbols.
  std::size_t number(Anchor anchor) const;
  // Where the instructions of a code section begin, told once.
  const std::vector<std::uint64_t>& instructions(std::uint32_t section) const;

  const ElfObject& object_;
  const Image& image_;
  const MatchOptions& options_;
  std::vector<std::optional<std::uint64_t>> bindings_;  // by the anchor's number
  // Where the merged constants are that proved code refers to, by section and offset.
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> merged_;
  std::vector<std::vector<std::uint32_t>> names_;  // by section: its symbols that have names
  mutable std::map<std::uint32_t, std::vector<std::uint64_t>> instructions_;
};

// Bindings that hold only if all of a function matches.
class Trial {
 public:
  explicit Trial(References& references)
      : references_(references), place_(references.bindings_.size()) {}

  // Proves the relocated field of `run` bytes that stands at `address` in the kernel; `origin` is
  // the section that the relocation is in and `place` its offset there. Gives the reason when it
  // cannot be.
  std::optional<std::string> prove(const Relocation& relocation, Bytes field, std::uint64_t address,
                                   std::uint32_t origin, std::uint64_t place);
  // Binds the base of a section that is being matched there.
  std::optional<std::string> bind_section(std::uint32_t section, std::uint64_t base);

  std::size_t mark() const { return added_.size(); }
  void back_to(std::size_t mark) {
    for (; added_.size() > mark; added_.pop_back()) {
      const Learnt& last = added_.back();
      if (last.merged) {
        merged_.erase({last.anchor.index, *last.merged});
      } else {
        place_[references_.number(last.anchor)] = 0;
      }
    }
    compared_.clear();  // what was equal may have been so under the bindings that are gone
  }
  // Sections that this trial bound first.
  std::vector<std::uint32_t> commit();

 private:
  std::optional<std::uint64_t> find(Anchor anchor) const;
  std::optional<std::string> bind(Anchor anchor, std::uint64_t value);
  std::optional<std::string> agree(const std::string& name, std::uint64_t address,
                                   bool local) const;
  std::optional<std::string> same_content(const Symbol& symbol, std::uint64_t offset,
                                          std::uint64_t address);
  unsigned distance_to_next_instruction(std::uint32_t section, std::uint64_t place) const;

  // A constant of the object, and where it stands in the kernel.
  struct Constant {
    std::uint32_t section;
    std::uint64_t offset;
    std::uint64_t address;
    auto operator<=>(const Constant&) const = default;
  };

  References& references_;
  struct Learnt {
    Anchor anchor;
    std::uint64_t value;
    std::optional<std::uint64_t> merged = {};  // offset of a merged constant in that section
  };
  std::optional<std::string> place_constant(const Section& section, std::uint64_t offset,
                                            std::uint64_t address);

  std::vector<Learnt> added_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> merged_;
  std::vector<std::uint32_t> place_;  // by the anchor's number: where in added_, from 1; 0: nowhere
  // Constants that are equal, or are just being compared: they may refer to each other in a circle.
  std::set<Constant> compared_;
  unsigned depth_ = 0;  // constants that refer to the one that is being compared
};

}  // namespace splicer
