// SPDX-License-Identifier: GPL-2.0-or-later
//
// The hunks of patches, one by one: which lines of the old file each touches, what is left of the patches
// without some of them, and where a line of the file that they make comes from.
//
//     @@ -12,7 +12,9 @@ static int fork_limit(void)     touches line 15, and the gap before line 16
//      ...
//     -	if (n > max)                                  a deleted line: point 2 * 15
//     +	if (n >= max)                                 a gap: point 2 * 16 - 1
//
// Invariant: the hunks of a patch set, all kept, make the patches that they came from; their places are
// those of the old file, which does not move when others are left out.
// Cost: linear in the patches.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "splice-cc/source/patch_set.h"

namespace splicer {

struct Hunk {
  std::size_t patch = 0;  // of PatchSet::patches()
  std::size_t file = 0;   // of Patch::files
  std::string path;
  unsigned begin = 0;  // its first line in the old file; the first is 1
  std::vector<unsigned>
      points;        // that it touches, ascending: 2 * line, or 2 * line - 1 for the gap before
  std::string text;  // with its "@@" line
  std::vector<std::string> added;    // its lines that begin with +, without that
  std::vector<std::string> removed;  // with -

  unsigned first_line() const { return points.empty() ? begin : (points.front() + 1) / 2; }
  unsigned last_line() const { return points.empty() ? begin : points.back() / 2; }
};

// In the order of the patches.
std::vector<Hunk> hunks_of(const PatchSet& patches);

// Only those whose number is in `kept`. A file or a patch of which none is left is not there.
PatchSet with_hunks(const PatchSet& patches, const std::vector<Hunk>& hunks,
                    const std::set<std::size_t>& kept);

// A place in the file that the kept hunks make.
struct OldPlace {
  unsigned line = 0;                // of the old file; for an added line, the one behind it
  std::optional<std::size_t> hunk;  // that it is in, with the context
};
OldPlace old_place(const std::vector<Hunk>& hunks, const std::set<std::size_t>& kept,
                   const std::string& path, unsigned line);

}  // namespace splicer
