// SPDX-License-Identifier: GPL-2.0-or-later
//
// Both builds of a unit, pre and post, taken apart and correlated: what the differ works on.
//
//     const auto pair = UnitPair::open(built);
//     (*pair)->twins->pre_of(atom)           // of an atom of (*pair)->post
//
// Invariant: once open() has succeeded, no pointer here is null, and all of them look into the two
// objects; so a pair stays where it was made.
#pragma once

#include <memory>
#include <utility>

#include "splice-cc/build/unit.h"
#include "splice-cc/diff/atoms.h"
#include "splice-cc/diff/correlate.h"
#include "splice-cc/diff/special_section.h"

namespace splicer {

struct UnitPair {
  UnitPair(Unit unit_, ElfObject pre_, ElfObject post_)
      : unit(std::move(unit_)), pre_object(std::move(pre_)), post_object(std::move(post_)) {}
  UnitPair(const UnitPair&) = delete;
  UnitPair& operator=(const UnitPair&) = delete;

  Unit unit;
  ElfObject pre_object;
  ElfObject post_object;
  std::unique_ptr<AtomTable> pre;
  std::unique_ptr<AtomTable> post;
  std::unique_ptr<SpecialSections> pre_tables;
  std::unique_ptr<SpecialSections> post_tables;
  std::unique_ptr<Twins> twins;

  // Reads both objects: a second for a large one. Errors: "file-unreadable", "elf-malformed",
  // "reference-outside", "special-section-malformed".
  static Result<std::unique_ptr<UnitPair>> open(const BuiltUnit& built);
};

}  // namespace splicer
