// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which hunks go together, so that no construct of a file (top_level.h) is changed in half.
//
//     struct task { ...  u32 tries; };              one part
//     static int retry(t)  { two hunks in here }    one part
//
// A hunk that touches two constructs makes one part of all hunks of both.
//
// Invariant: each hunk is in exactly one part; parts are in the order of their first hunks.
// Cost: for each file, its constructs times its hunks; each file is read once.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "splice-cc/headers/top_level.h"
#include "splice-cc/source/hunks.h"

namespace splicer {

struct HunkPart {
  std::set<std::size_t> hunks;
  std::string
      heads;  // of the constructs that they touch, and what they add at the top level, a line each
  std::string text;  // of these constructs as they are, and of the hunks
};

struct HunkParts {
  std::vector<HunkPart> parts;
  std::vector<std::size_t> part_of;                          // each hunk
  std::map<std::string, std::vector<Construct>> constructs;  // of each patched file, as it is
};

// `source`: the tree that the hunks are for; a file that it lacks has no constructs.
HunkParts parts_of(const std::vector<Hunk>& hunks, const std::filesystem::path& source);

// Does the hunk delete a line of the construct, or add one in it?
bool touches(const Construct& construct, const Hunk& hunk);

}  // namespace splicer
