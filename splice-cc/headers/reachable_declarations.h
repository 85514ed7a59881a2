// SPDX-License-Identifier: GPL-2.0-or-later
//
// What of a preprocessed file can reach its object code.
//
// A header changes, and a thousand files include it; few of them use what changed. To tell them
// apart without compiling them, the preprocessed text is cut into its declarations. Those that make
// code or data by themselves are the roots: functions and variables of the file, assembly. What
// they mention by name is reached, and what that mentions. The rest (unused inline functions,
// types, prototypes: nearly all of the text) leaves no trace in the object.
//
//     static inline int f(void) { return 1; }      // reached only if a root leads to it
//     struct s { int a; };                          // so is this
//     int g(struct s *p) { return p->a; }           // a root; reaches s
//
// Invariant: two texts with the same reachable declarations in the same order compile to the same
// code. Where the text cannot be understood, a declaration counts as a root, or as mentioned by
// each of its identifiers; that can only make texts differ that need not.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace splicer {

// A declaration of the top level: its tokens, joined by blanks.
struct Declaration {
  std::string text;
  std::vector<std::string> names;     // what it may be referred to by
  std::vector<std::string> mentions;  // identifiers in it
  bool root = false;
};

// `text` is what the preprocessor wrote; `main_file` is the name that its line markers give the
// source itself, all of whose functions and variables are roots.
std::vector<Declaration> read_declarations(std::string_view text, std::string_view main_file);

// The texts of those that can be reached, in their order.
std::vector<std::string> reachable(const std::vector<Declaration>& declarations);

}  // namespace splicer
