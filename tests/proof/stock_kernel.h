// SPDX-License-Identifier: GPL-2.0-or-later
//
// A stock kernel's source as splice-create prepares it, for the programs of this folder that build from it or
// change it.
//
//     StockKernel::declare(command);                       // --kernel, --root, --driver
//     auto kernel = StockKernel::open(command, console, jobs);
//     (*kernel)->with_tree_of(unit, [](clang::ASTContext& context) { ... });
//     (*kernel)->write_patch("fs/pipe.c", changed_text, folder / "NAME.patch");
//
// Invariant: nothing here writes to the tree.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "matcher/base/command_line.h"
#include "matcher/base/result.h"
#include "splice-cc/build/kbuild.h"
#include "splice-cc/build/unit.h"
#include "splice-cc/source/tree.h"

namespace clang {
class ASTContext;
}

namespace splicer {

class StockKernel {
 public:
  static void declare(Command& command);
  // Errors: those of find_host(), prepare_tree() and Kbuild::open().
  static Result<std::unique_ptr<StockKernel>> open(const Command& command, const Console& console,
                                                   unsigned jobs);

  const Kbuild& kbuild() const { return *kbuild_; }
  const std::filesystem::path& source() const { return tree_.source; }

  // In small groups, so that others who wait for the tree get their turn. Returns, of each that does
  // not build, why.
  std::vector<std::optional<Error>> build(const std::vector<Unit>& units, unsigned jobs,
                                          const Console& console) const;
  // Calls `use` with Clang's syntax tree of a unit that is built; the value is Clang's first error.
  // Errors: that its command cannot be read.
  Result<std::optional<std::string>> with_tree_of(
      const Unit& unit, const std::function<void(clang::ASTContext&)>& use) const;
  // The patch that makes `text` of the source. Errors: "file-unwritable", "program-missing".
  Result<void> write_patch(const std::string& source, const std::string& text,
                           const std::filesystem::path& patch) const;

 private:
  StockKernel() = default;

  Host host_;
  Tree tree_;
  std::optional<Kbuild> kbuild_;  // refers to both
};

// Sources named in a list, a line each; # begins a comment. Errors: "file-unreadable".
Result<std::vector<std::string>> read_source_list(const std::filesystem::path& path);

// Prints what `lines` returns for each of so many, in several threads. Returns an error that it returned.
Result<void> print_each(std::size_t count, unsigned jobs,
                        const std::function<Result<std::string>(std::size_t)>& lines);

// "fs-pipe.c" of "fs/pipe.c": a file's name for what is about a source.
std::string flat_name(std::string source);

}  // namespace splicer
