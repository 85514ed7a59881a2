// SPDX-License-Identifier: GPL-2.0-or-later
//
// A C file of the kernel as Clang's syntax tree, by the command that gcc compiles it with.
//
//     auto error = with_syntax_tree({tree, "kernel/fork.c", clang_options(command)},
//                                   [](clang::ASTContext& context) { ... });
//
// gcc's command line holds options of three kinds: what the language and the headers are (-D, -I,
// -include, -std=, -fshort-wchar), how code is made (-mindirect-branch=, -fconserve-stack), and
// what is warned about. Only the first kind matters for meaning, and Clang knows all of it; the
// rest is left out, so that no option of a newer gcc can be in the way.
//
// Invariant: file names in the tree are those of the command, relative to `folder`, so that two
// versions of a file in two folders give texts that can be compared.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace clang {
class ASTContext;
}

namespace splicer {

struct ClangUnit {
  std::filesystem::path folder;      // where the command runs
  std::string source;                // "kernel/fork.c"
  std::vector<std::string> options;  // from clang_options()
  // Where files may be read, beside `folder`: the text may be anybody's.
  std::vector<std::filesystem::path> readable = {};
};

// The options of the second part of kbuild's line ("gcc ... -c -o fork.o fork.c ; objtool ...")
// that say what the source means.
std::vector<std::string> clang_options(const std::string& command);

// Calls `use` with the tree if no error was found in it, and returns the first error otherwise.
// Several threads may do this at the same time. Cost: as compiling the file without optimising,
// about a second; it is by far the most expensive step of the semantic check.
std::optional<std::string> with_syntax_tree(const ClangUnit& unit,
                                            const std::function<void(clang::ASTContext&)>& use);

}  // namespace splicer
