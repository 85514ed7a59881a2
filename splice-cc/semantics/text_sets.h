// SPDX-License-Identifier: GPL-2.0-or-later
//
// Sets of texts of two versions, and what one has that the other has not.
//
//     without({"a", "b"}, {"b"})            {"a"}
//     exchanged(before, after, "foo.id")    something of foo.id has gone, and something else has come
//     list({"a", "b"})                      "a, b"
//
// Cost: linear in the elements.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>

namespace splicer {

using TextsByPlace = std::map<std::string, std::set<std::string>>;

template <typename T>
std::set<T> without(const std::set<T>& from, const std::set<T>& others) {
  std::set<T> left;
  std::ranges::set_difference(from, others, std::inserter(left, left.end()));
  return left;
}

template <typename T>
std::string list(const std::set<T>& all) {
  return fmt::format("{}", fmt::join(all, ", "));
}

// Those of a place; none if nothing is said of it.
inline const std::set<std::string>& at(const TextsByPlace& all, const std::string& place) {
  static const std::set<std::string> none;
  const auto found = all.find(place);
  return found == all.end() ? none : found->second;
}

inline void merge(TextsByPlace& into, const TextsByPlace& from) {
  for (const auto& [place, texts] : from) into[place].insert(texts.begin(), texts.end());
}

inline bool exchanged(const TextsByPlace& before, const TextsByPlace& after,
                      const std::string& place) {
  return !without(at(before, place), at(after, place)).empty() &&
         !without(at(after, place), at(before, place)).empty();
}

}  // namespace splicer
