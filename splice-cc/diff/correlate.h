// SPDX-License-Identifier: GPL-2.0-or-later
//
// Correlation: which atom of the post object is the twin of which atom of the pre object.
//
// A function or a variable is its twin's twin by name. Static variables of functions are the hard
// case: the compiler numbers them (count.1234), and a patch shifts the numbers. Their twin is found
// by use: the n-th variable called `count` that the function mentions. Getting this wrong would
// give the new code a fresh copy of a live variable, or another function's.
//
//     Twins twins = correlate(pre, post);
//     twins.pre_of(post_atom)        // nothing: it is new
//
// Invariant: a one-to-one relation; twins are of one kind. A numbered writable variable that could
// have two twins has none, and stands in `ambiguous` unless a fresh copy behaves as well.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "splice-cc/diff/atoms.h"

namespace splicer {

class Twins {
 public:
  Twins(std::size_t pre, std::size_t post) : of_pre_(pre), of_post_(post) {}
  std::optional<std::uint32_t> post_of(std::uint32_t pre) const { return of_pre_[pre]; }
  std::optional<std::uint32_t> pre_of(std::uint32_t post) const { return of_post_[post]; }
  bool pair(std::uint32_t pre, std::uint32_t post);  // false when one of them has a twin already
  std::set<std::uint32_t> ambiguous;                 // post atoms

 private:
  std::vector<std::optional<std::uint32_t>> of_pre_;
  std::vector<std::optional<std::uint32_t>> of_post_;
};

Twins correlate(const AtomTable& pre, const AtomTable& post);

// Functions of post that share a piece with others in one version only (a short jump keeps them together,
// divide.h), and so have no twin of their own: a change of theirs would be overlooked.
std::set<std::string> joined_differently(const AtomTable& pre, const AtomTable& post,
                                         const Twins& twins);

}  // namespace splicer
