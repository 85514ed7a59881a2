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
// Macros may put a name together from parts (`a##b`, token_pasting.h). So a file mentions a name,
// too, if it has a part of it whose rest is in some macro, or both parts.
//
// Invariant: a file that is left out is compiled to the same code before and after. Where a text
// cannot be understood (header_pieces.h), all that may include it stay.
// Cost: all that the sources may read is read four times or so for token pasting, and once for each
// round of names; a change in a header that everything includes takes seconds, in all threads.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "splice-cc/headers/include_graph.h"

namespace splicer {

struct HeaderChange {
  std::string path;
  std::string before;
  std::string after;
};

using ReadSource = std::function<std::optional<std::string>(const std::string& path)>;

// Those of `sources` that `changes` may reach. `read` returns the text of any file of the graph, as
// it is before; `jobs` threads call it.
std::set<std::string> search_by_name(const std::vector<HeaderChange>& changes,
                                     const std::set<std::string>& sources,
                                     const IncludeGraph& graph, const ReadSource& read,
                                     unsigned jobs);

}  // namespace splicer
