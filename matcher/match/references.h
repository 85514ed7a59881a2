// SPDX-License-Identifier: GPL-2.0-or-later
//
// References: what the relocations of matched code say about the kernel's symbols.
//
// Where the pre object has a relocation, the kernel has a number. The number is S + A (and - P), so
// the matcher solves for S: the code itself says where its symbols are, those with static and
// ambiguous names too. One symbol has one address, so a second answer that differs is a conflict,
// and a conflict is a mismatch. Where the kernel's own symbol table has the name, it must agree.
//
//     Trial trial(references);
//     if (auto conflict = trial.prove(relocation, field, address, section, relocation.offset))
//       ...mismatch, with its reason...
//     trial.commit();
//
// What is not a symbol is compared by content: merged strings and constants are at other places in
// the kernel than in the object.
//
// Invariant: committed bindings never change; every binding agrees with the kernel's symbol table
// wherever that has the name in the symbol's scope (scope.h); 0 is the address of an undefined weak
// symbol, or of one that the table has there.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "matcher/elf/elf_object.h"
#include "matcher/image/image.h"
#include "matcher/match/options.h"
#include "matcher/match/reference_plan.h"

namespace splicer {

// The value that a relocation of this type wrote into `field`, extended as the psABI (table 4.9)
// says.
std::uint64_t read_field(Bytes field, std::uint32_t type);

class References {
 public:
  // `plan` is that of `object`, and lives as long as this.
  References(const ElfObject& object, const ReferencePlan& plan, const Image& image,
             const MatchOptions& options);

  std::optional<RunAddress> section_base(std::uint32_t section) const;
  std::optional<RunAddress> symbol_value(std::uint32_t symbol) const;
  const ReferencePlan& plan() const { return plan_; }

 private:
  friend class Trial;
  struct Binding {
    RunAddress value;
    bool known = false;
  };
  // What the kernel's table says of a name of the object: nothing, one address, or more than fits.
  struct KnownName {
    enum class Kind : std::uint8_t { nowhere, once, several };
    RunAddress address;
    Kind kind = Kind::nowhere;
  };
  std::optional<RunAddress> bound(std::uint32_t slot) const {
    return bindings_[slot].known ? std::optional(bindings_[slot].value) : std::nullopt;
  }
  void look_names_up();
  void find_module_constants();

  const ElfObject& object_;
  const ReferencePlan& plan_;
  const Image& image_;
  const MatchOptions& options_;
  std::vector<Binding> bindings_;       // by slot
  std::vector<std::uint32_t> open_;     // slots that the present trial bound, in that order
  std::vector<KnownName> known_;        // by symbol
  std::vector<KnownName> known_bases_;  // by section: where its names say that it begins
  // The kernel's read-only data, if the table has it and constants of the target must be there.
  std::optional<AddressRange> read_only_;
  // By section of constants: the section of the target module that they must be in, if it is known.
  std::map<std::uint32_t, AddressRange> module_constants_;
};

// Bindings that hold only if all of a function matches: what is not committed is undone. One trial
// at a time.
class Trial {
 public:
  // `update_module`: of the code that is compared, if an update brought it. Such code has its
  // constants in that module.
  explicit Trial(References& references, std::string update_module = {})
      : references_(references), update_module_(std::move(update_module)) {}
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;
  ~Trial() { back_to(0); }

  // Proves the relocated field of `run` bytes that is at `address` in the kernel; `origin` is the
  // section that the relocation is in and `place` its offset there. Returns the reason when it
  // cannot be.
  std::optional<std::string> prove(const Relocation& relocation, Bytes field, RunAddress address,
                                   std::uint32_t origin, SectionOffset place);
  // Proves that all of `section`, as it was built, is `run`, which is at `address`; false if
  // anything differs, even lawfully.
  bool prove_as_built(std::uint32_t section, Bytes run, RunAddress address);
  // Binds the base of a section that is being matched there.
  std::optional<std::string> bind_section(std::uint32_t section, RunAddress base);

  std::size_t mark() const { return references_.open_.size(); }
  void back_to(std::size_t mark);
  // Sections that this trial bound first.
  std::vector<std::uint32_t> commit();

 private:
  std::optional<std::string> settle(std::uint32_t slot, RunAddress value);
  std::optional<std::string> bind(std::uint32_t slot, RunAddress value);
  std::optional<std::string> agree(std::uint32_t symbol, RunAddress address) const;
  bool must_be_listed(const Symbol& symbol) const;
  static std::string not_listed(const Symbol& symbol);
  // Nothing if a constant may be there, otherwise what it is outside of.
  std::optional<std::string> misplaced(const PlannedConstant& constant, RunAddress address) const;
  std::optional<std::string> same_content(const PlannedConstant& constant, std::uint32_t slot,
                                          RunAddress address);
  std::string conflict(std::uint32_t slot, RunAddress value) const;

  // A constant of the object, and where it is in the kernel.
  struct Constant {
    std::uint32_t section;
    SectionOffset offset;
    RunAddress address;
    auto operator<=>(const Constant&) const = default;
  };

  References& references_;
  const std::string update_module_;
  // Constants that are equal, or are just being compared, at another place than their first: they
  // may refer to each other in a circle.
  std::set<Constant> compared_;
  unsigned depth_ = 0;  // constants that refer to the one that is being compared
};

}  // namespace splicer
