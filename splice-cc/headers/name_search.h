// SPDX-License-Identifier: GPL-2.0-or-later
//
// Name search: which of the files that may include a patched header can use what changed in it, by
// names alone, before anything is preprocessed.
//
// A header that nearly every file includes would be preprocessed thousands of times to find the few
// that use what changed. But what uses a declaration mentions its name, or the name of something in
// a header that mentions it, and so on:
//
//     include/net/ip6_route.h  changes ip6_dst_hold()
//     include/net/ip6_fib.h    fib6_get() calls it                names: ip6_dst_hold, fib6_get
//     net/ipv6/route.c         calls fib6_get()                   stays
//     net/ipv4/route.c         mentions neither                   cannot change
//
// Macros may put a name together from parts (`a##b`, mentions.h). An #include line that comes or
// goes changes what it brings (new_includes.h).
//
// Invariant: a file that is left out is compiled to the same code before and after. Where a text
// cannot be understood (header_pieces.h), all that may include it stay.
// Cost: each name is looked up once in the index of the tree (name_index.h): milliseconds, however
// many read the header.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "splice-cc/headers/include_graph.h"
#include "splice-cc/headers/name_index.h"

namespace splicer {

struct HeaderChange {
  std::string path;
  std::string before;
  std::string after;
};

// Does anything differ that a compiler sees?
bool changes_code(const HeaderChange& change);

// What is searched.
struct SearchedTree {
  const NameIndex& index;
  const IncludeGraph& graph;  // knows the #include lines of both versions of each change
  ReadSource read;            // the text of any file, as it is before; any thread may call
  std::set<std::string> differing = {};  // files of which that is not what the index was made from
  unsigned jobs = 1;
};

// Those of `sources` that `changes` may reach.
std::set<std::string> search_by_name(const SearchedTree& tree,
                                     const std::vector<HeaderChange>& changes,
                                     const std::set<std::string>& sources);

}  // namespace splicer
