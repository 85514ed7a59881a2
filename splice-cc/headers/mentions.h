// SPDX-License-Identifier: GPL-2.0-or-later
//
// Mentions: which entries of a name index may mention a name, whether they have it as a word or a
// macro puts it together there (token_pasting.h).
//
//     spin_one_end     the word itself
//     one_end          where some macro has "spin_" to join it with
//     spin_, one_end   both words, of which one macro makes a name
//     spin, one, end   a macro that joins several, a##_##b##_##c, is called there
//
// The ways in which a name can be taken apart are many: C(47, 3) of four parts for 48 letters. So
// none is written down. A name is taken apart from its beginning, and only as far as some entry has
// all the words so far.
//
// Invariant: an entry that is left out does not mean the name, in any expansion of its macros.
// For one thread.
// Cost: a look-up for each part of the name that is a word, and the entries that are found. No
// memory but for the answer.
#pragma once

#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "splice-cc/headers/name_index.h"

namespace splicer {

class Mentions {
 public:
  // Both must outlive it.
  Mentions(const NameIndex& index, const TokenPasting& pasting);
  // In no order; an entry may be there more than once.
  std::vector<NameIndex::Number> of(std::string_view name) const;

 private:
  using Numbers = NameIndex::Numbers;
  void add_chain(const TokenPasting::Chain& chain, std::size_t at, std::string_view rest,
                 Numbers entries, std::vector<NameIndex::Number>& found) const;

  // Of the entries in chaining_, those that mention the word.
  const std::vector<NameIndex::Number>& chaining(NameIndex::Number word) const;

  const NameIndex& index_;
  const TokenPasting& pasting_;
  std::unordered_set<std::string_view> parts_;  // those of the macros
  std::vector<NameIndex::Number> chaining_;  // entries that call a macro that joins several words
  mutable std::unordered_map<NameIndex::Number, std::vector<NameIndex::Number>> by_word_;
};

}  // namespace splicer
