// SPDX-License-Identifier: GPL-2.0-or-later
//
// The kernel's own build system, asked for single files.
//
// What the top Makefile works out before it descends into the folders (flags, tools, architecture)
// is in the variables that it exports; they are read out once a tree, by a rule of ours that prints
// the environment. After that scripts/Makefile.build can be called for any object directly, which
// takes a fraction of a second where `make` takes several. The command that kbuild used is in the
// object's .cmd file (build/saved_command.h), and repeats the compile, objtool included, without
// make.
//
//     Kbuild kbuild = *Kbuild::open(tree, host, driver);
//     auto pre = kbuild.build_pre(units, jobs);            // pre objects, into the store
//     auto post = kbuild.compile(unit, overlay.folder());  // the same command, elsewhere
//
// Invariant: an object in the store is the complete result of the command that is stored beside it.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "matcher/base/result.h"
#include "splice-cc/build/unit.h"
#include "splice-cc/source/tree.h"

namespace splicer {

class Kbuild {
 public:
  // `tree` and `host` must outlive it. `driver`: the splice-cc program. `hooks`: the directory of
  // splice.h. Runs make once a tree. Errors: "kbuild-environment".
  static Result<Kbuild> open(const Tree& tree, const Host& host,
                             const std::filesystem::path& driver,
                             const std::filesystem::path& hooks = {});

  // Builds what the store lacks. Errors: "file-not-built", "compile-failed".
  Result<void> build_pre(const std::vector<Unit>& units, unsigned jobs) const;
  std::filesystem::path pre_object(const Unit& unit) const;
  // Files that the unit's compile read, relative to the tree.
  Result<std::vector<std::string>> dependencies(const Unit& unit) const;

  // Preprocesses the units' sources, C all of them: folder/NAME.i for NAME.o, and beside each the
  // command and what it read. Nothing of it is kept in the store. Returns those that it could do:
  // for a few, kbuild knows what must be generated first only if it is asked for the object.
  Result<std::vector<Unit>> preprocess_pre(const std::vector<Unit>& units,
                                           const std::filesystem::path& folder,
                                           unsigned jobs) const;
  // The same for one of them in `overlay`, by the command that preprocess_pre() left in `folder`.
  Result<void> preprocess(const Unit& unit, const std::filesystem::path& folder,
                          const std::filesystem::path& overlay) const;
  // Files that preprocess_pre() read, relative to the tree.
  static Result<std::vector<std::string>> preprocessed_dependencies(
      const Unit& unit, const std::filesystem::path& folder);
  static std::string preprocessed(const Unit& unit);  // NAME.i

  // Runs the unit's stored command in `folder`, which has the tree's shape, confined to what a
  // compile needs (matcher/base/confinement.h), for the text may be anybody's; the object is
  // folder/UNIT. `find_hooks`: splice.h can be included, and is looked for behind all directories of
  // the kernel's own. Errors: "compile-failed", with the compiler's messages.
  Result<void> compile(const Unit& unit, const std::filesystem::path& folder,
                       bool find_hooks = false) const;
  // The line for the shell that compile() runs, with splice.h to be found.
  Result<std::string> command(const Unit& unit) const;
  // Files that such a compile, or preprocess(), read, from the dependency file beside `product`.
  static std::vector<std::string> dependencies_in(const std::filesystem::path& product);

  // Compiles one C text as part of a module that is in no tree, by the kernel's own compiler.
  Result<void> build_module_object(const std::string& text,
                                   const std::filesystem::path& object) const;
  // Builds the module whose sources are in `sources` (with a Kbuild file) and stores NAME.ko.
  Result<void> build_module(const std::filesystem::path& sources, const std::string& name,
                            const std::filesystem::path& module, unsigned jobs) const;

  // Kbuild's answer about one directory; `script` is a recipe line, in make's language. Errors:
  // "kbuild-folder".
  Result<std::string> ask(const std::string& folder, const std::string& script) const;

  const Tree& tree() const { return tree_; }
  const Host& host() const { return host_; }
  // Where a compile of the kernel's finds its files.
  std::vector<std::filesystem::path> readable() const;
  const std::filesystem::path& hooks() const { return hooks_; }  // the directory of splice.h

 private:
  Kbuild(const Tree& tree, const Host& host, std::filesystem::path driver,
         std::filesystem::path hooks, std::vector<std::string> environment)
      : tree_(tree),
        host_(host),
        driver_(std::move(driver)),
        compiler_(driver_.string() + " " + host.compiler),
        hooks_(std::move(hooks)),
        environment_(std::move(environment)) {}
  std::string compiler_with_hooks() const;  // the compiler, which then finds splice.h
  std::vector<std::string> make_command(const std::string& folder) const;
  // Asks kbuild for each unit's goal with that extension instead of .o; goes on after an error, and
  // returns the first.
  Result<void> make_goals(const std::vector<Unit>& units, const char* extension,
                          unsigned jobs) const;
  Result<void> make_group(const std::string& entry, std::span<const Unit* const> units,
                          const char* extension, unsigned jobs) const;
  // Keeps what make left at source/`made` as `place`, with its command and what it read beside it.
  Result<void> keep(const std::string& made, const std::string& goal,
                    const std::filesystem::path& place) const;
  Result<void> repeat(const Unit& unit, std::string command, const std::filesystem::path& overlay,
                      const std::string& product) const;

  const Tree& tree_;
  const Host& host_;
  std::filesystem::path driver_;
  std::string compiler_;  // "splice-cc gcc-12"
  std::filesystem::path hooks_;
  std::vector<std::string> environment_;
};

}  // namespace splicer
