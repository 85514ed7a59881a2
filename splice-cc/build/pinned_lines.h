// SPDX-License-Identifier: GPL-2.0-or-later
//
// Pins line numbers, so that a patch that adds a line at the top of a file does not change the code
// of every function below that says __LINE__ (WARN, BUG, might_sleep).
//
//      10  int a;                       10  int a;
//          +int b;            becomes       int b;
//                                           #line 11
//      11  int c(void) ...              11  int c(void) ...
//
// After each change a #line directive returns the following lines to the numbers that they had. It
// is put where a directive is allowed: not inside a comment, a string, a macro's arguments or a
// line that is continued. Clang's lexer knows which places those are.
//
// Invariant: the tokens of the text do not change, and a line that the patch left alone and that
// follows a directive has its old number.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/result.h"

namespace splicer {

// `before` and `after` are two versions of a file.
struct ChangedLines {
  unsigned old_first, old_count;  // lines are counted from 1; with count 0 the change is after
  unsigned new_first, new_count;  // line `first`
};

// The changes between two files, from diff(1).
Result<std::vector<ChangedLines>> changed_lines(const std::filesystem::path& before,
                                                const std::filesystem::path& after);

// The text of `after` with directives. Unchanged where no place for one is found.
std::string with_pinned_lines(const std::string& after, const std::vector<ChangedLines>& changes);

// Numbers of the lines (from 1) before which a directive may stand.
std::vector<bool> safe_lines(const std::string& text);

}  // namespace splicer
