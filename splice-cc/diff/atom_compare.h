// SPDX-License-Identifier: GPL-2.0-or-later
//
// Are two atoms the same, as far as the kernel can tell? (splice-cc/diff/unit_diff.h says by which
// rule.)
//
//     AtomComparer compare(unit);
//     if (auto what = compare.difference(pre_atom, post_atom)) ..."its code differs at +0x1c"...
//
// Invariant: no difference means that the post atom, put in the pre atom's place, would do the
// same.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "splice-cc/diff/unit_pair.h"

namespace splicer {

// Parts of two atoms that are to be compared; offsets in the atoms.
struct AtomStretch {
  std::uint64_t pre_begin = 0;
  std::uint64_t post_begin = 0;
  std::uint64_t size = 0;
};

class AtomComparer {
 public:
  explicit AtomComparer(const UnitPair& unit) : unit_(unit) {}

  // What differs, for people; nothing if the atoms are the same.
  std::optional<std::string> difference(std::uint32_t pre, std::uint32_t post);
  // The same for a stretch of two atoms, with or without the special entries about it.
  std::optional<std::string> difference_in(std::uint32_t pre, std::uint32_t post,
                                           const AtomStretch& stretch, bool with_entries);
  // These constants (post atoms) are the kernel's own, whatever they hold in post: a reference to one
  // is equal if it is to the twin. Forgets what has been compared.
  void place(std::set<std::uint32_t> constants) {
    placed_ = std::move(constants);
    known_.clear();
  }
  bool is_placed(std::uint32_t post) const { return placed_.contains(post); }
  // The reference (of the post object) means content that new code must bring itself: a string, an
  // unnamed constant, an out-of-line part, the middle of a function.
  bool is_own_content(const Reference& reference) const;

 private:
  std::optional<std::string> compare(std::uint32_t pre, std::uint32_t post);
  bool same_reference(const Reference& a, const Reference& b);
  std::string reference_difference(const Reference& before, const Reference& after) const;
  bool is_same_entry(const Atom& before, const Reference& a, const Atom& after,
                     const Reference& b) const;
  static bool same_merged(const AtomTable& before, const Reference& a, const AtomTable& after,
                          const Reference& b);
  static bool same_bytes(Bytes before, Bytes after, const AtomStretch& stretch,
                         const std::vector<Reference>& references, std::uint64_t* where);
  bool same_entries(std::uint32_t pre, std::uint32_t post, const AtomStretch& stretch,
                    std::string* table);
  bool same_entry(const TableEntry& a, const TableEntry& b, const AtomStretch& stretch);

  const UnitPair& unit_;
  std::set<std::uint32_t> placed_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::optional<std::string>> known_;
};

}  // namespace splicer
