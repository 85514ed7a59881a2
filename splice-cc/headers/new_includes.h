// SPDX-License-Identifier: GPL-2.0-or-later
//
// New includes: what it means for others that an #include line of a header comes, goes or moves.
//
//     #include <linux/wait.h>
//     +#include <linux/kref.h>      brings kref.h; what that includes is here by wait.h already
//
// Where a unit reads the header, the preprocessor now sees at this place the files that the line
// brings, and no longer where it saw them before, if it did. All other text of the unit is as it
// was. So the code of a unit can change only by
//
//   - their macros, in text that comes before the unit's own reading of them. A text that surely
//     reads the file itself, before its first code, sees the macro in both versions;
//   - their functions and variables, where somebody declares the same once more, perhaps with
//     other attributes: another header, or the unit that defines it;
//   - their own text, where it has a macro that is defined in between: it is read earlier now;
//   - what makes code by itself, and pragmas. These concern all that read the header.
//
// Types that come or go without a macro change no code: it did not compile without those that it
// needs. A macro that is called outside of functions is taken for a declaration of something that
// nobody else declares. A line that goes is the same with before and after exchanged.
//
// Invariant: a unit whose text is not named by the effect has the same code with and without the
// line.
// Cost: the files that the line brings are cut, and the names in them looked up; what those that
// mention one surely read is read, each file once.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "splice-cc/headers/include_graph.h"
#include "splice-cc/headers/visible_entries.h"

namespace splicer {

// An #include line that one version of a header has in this place.
struct IncludeChange {
  std::string path;       // of the header
  std::string include;    // "<linux/kref.h"
  std::string text;       // of the version
  std::size_t above = 0;  // how many #include lines are above it
};

struct IncludeEffect {
  bool unknown = false;               // all that read the header may change
  std::set<std::string> names;        // whatever mentions one may change, directly or not
  std::vector<VisibleEntry> entries;  // these may change
  std::set<std::string> readers_of;   // all that read one of these files may change
};

// Where it is looked for. `changed`: files whose own changes are looked at as such, and their texts
// after.
struct IncludeContext {
  const VisibleEntries& entries;
  const IncludeGraph& graph;
  const ReadSource& read;
  const std::map<std::string, std::string>& changed;
};

IncludeEffect effect_of_includes(const std::vector<IncludeChange>& changes,
                                 const IncludeContext& context);

}  // namespace splicer
