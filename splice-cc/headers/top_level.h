// SPDX-License-Identifier: GPL-2.0-or-later
//
// The constructs of a C file that stand at its top level, each from its first line to its last: functions,
// structures, tables, declarations, macros.
//
//     static int limit(void)     3 to 6, "static int limit(void)"
//     {
//     	return max;
//     }
//
// What #if leaves open or closes is taken as in its first branch.
//
// Invariant: they ascend and do not overlap, but two may share a line.
// Cost: linear in the text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace splicer {

struct Construct {
  unsigned first = 0;  // lines; the first is 1
  unsigned last = 0;
  std::string head;  // its text up to the first brace or its end, without line ends and comments
};

std::vector<Construct> top_level(std::string_view text);

}  // namespace splicer
