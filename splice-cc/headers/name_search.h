// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which of the files that may include a patched header can use what changed in it, told by names
// alone, before anything is preprocessed.
//
// A header that nearly every file includes is preprocessed thousands of times to find the few that
// use what changed. But what uses a declaration mentions its name, or the name of something in a
// header that mentions it, and so on:
//
//     include/net/ip6_route.h  changes ip6_dst_hold()
//     include/net/ip6_fib.h    fib6_get() calls it                names: ip6_dst_hold, fib6_get
//     net/ipv6/route.c         calls fib6_get()                   stays
//     net/ipv4/route.c         mentions neither                   cannot change
//
// Macros may put a name together from parts (`a##b`). So a file mentions a name, too, if it has a
// part of it whose rest stands in some macro, or both parts.
//
// Invariant: a file that is left out is compiled to the same code before and after. Where a text
// cannot be understood (header_text.h), all that may include it stay.
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

// Those of `sources` that may be reached by `changes`. `read` gives the text of any file of the
// graph, as it is before; it is called by `jobs` threads.
std::set<std::string> reached_by_name(const std::vector<HeaderChange>& changes,
                                      const std::set<std::string>& sources,
                                      const IncludeGraph& graph, const ReadSource& read,
                                      unsigned jobs);

}  // namespace splicer
