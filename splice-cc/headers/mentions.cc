// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/mentions.h"

#include <algorithm>
#include <iterator>
#include <string>

namespace splicer {

namespace {

using Number = NameIndex::Number;

// Both are in order.
std::vector<Number> in_both(NameIndex::Numbers one, NameIndex::Numbers other) {
  if (one.size() > other.size()) std::swap(one, other);
  std::vector<Number> both;
  // Where one is much shorter, looking each of it up is faster than going through both.
  if (one.size() * 16 < other.size()) {
    for (const Number entry : one)
      if (std::ranges::binary_search(other, entry)) both.push_back(entry);
  } else {
    std::ranges::set_intersection(one, other, std::back_inserter(both));
  }
  return both;
}

}  // namespace

Mentions::Mentions(const NameIndex& index, const TokenPasting& pasting)
    : index_(index), pasting_(pasting), parts_(pasting.parts().begin(), pasting.parts().end()) {
  for (const std::string& macro : pasting.chaining()) {
    const auto word = index.word(macro);
    if (!word) continue;
    const Numbers entries = index.mentioning(*word);
    chaining_.insert(chaining_.end(), entries.begin(), entries.end());
  }
  std::ranges::sort(chaining_);
  chaining_.erase(std::unique(chaining_.begin(), chaining_.end()), chaining_.end());
}

std::vector<Number> Mentions::of(std::string_view name) const {
  std::vector<Number> found;
  const auto add = [&](Numbers entries) {
    found.insert(found.end(), entries.begin(), entries.end());
  };
  // A part of it whose rest the macros have.
  for (std::size_t begin = 0; begin < name.size(); ++begin) {
    if (begin != 0 && !parts_.contains(name.substr(0, begin))) continue;
    for (std::size_t end = begin + 1; end <= name.size(); ++end)
      if (end == name.size() || parts_.contains(name.substr(end)))
        if (const auto word = index_.word(name.substr(begin, end - begin)))
          add(index_.mentioning(*word));
  }
  for (std::size_t i = 1; i < name.size(); ++i) {
    const auto first = index_.word(name.substr(0, i));
    if (!first) continue;
    if (const auto second = index_.word(name.substr(i)))
      add(in_both(index_.mentioning(*first), index_.mentioning(*second)));
  }
  for (const TokenPasting::Chain& chain : pasting_.chains())
    add_chain(chain, 0, name, chaining_, found);
  return found;
}

const std::vector<Number>& Mentions::chaining(Number word) const {
  const auto [place, is_new] = by_word_.try_emplace(word);
  if (is_new) place->second = in_both(chaining_, index_.mentioning(word));
  return place->second;
}

// `rest`: of the name, what chain[at] and those behind it are to make. `entries` have all words
// before.
void Mentions::add_chain(const TokenPasting::Chain& chain, std::size_t at, std::string_view rest,
                         Numbers entries, std::vector<Number>& found) const {
  if (entries.empty()) return;
  if (at == chain.size()) {
    if (rest.empty()) found.insert(found.end(), entries.begin(), entries.end());
    return;
  }
  if (!chain[at].empty()) {
    if (rest.starts_with(chain[at]))
      add_chain(chain, at + 1, rest.substr(chain[at].size()), entries, found);
    return;
  }
  // The last one is all that is left.
  const std::size_t first = at + 1 == chain.size() ? rest.size() : 1;
  for (std::size_t size = std::max<std::size_t>(first, 1); size <= rest.size(); ++size)
    if (const auto word = index_.word(rest.substr(0, size)))
      // Nearly all words are in few of them.
      add_chain(chain, at + 1, rest.substr(size), in_both(entries, chaining(*word)), found);
}

}  // namespace splicer
