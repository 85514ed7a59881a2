// SPDX-License-Identifier: GPL-2.0-or-later
//
// The prepared tree: the kernel's exact source, made ready to compile single files as the kernel's
// own build did. Unpacked once, kept in ${XDG_CACHE_HOME:-~/.cache}/splice, used again.
//
//     auto tree = prepare_tree(host, console);
//     tree->source                       // cwd for compiling: paths in objects are relative to it
//
// The configuration is not made again: .config, auto.conf and autoconf.h come from the headers
// package, byte for byte. Running Kconfig here could decide otherwise (without pahole it drops
// DEBUG_INFO_BTF_MODULES, which changes struct module).
//
// Invariant: a tree that has its name is whole and its sources are pristine: it is made under
// another name and renamed, and nothing but objects and generated files is ever added to it.
// Cost: half a minute to unpack and prepare; a few stat(2) once it is there. Takes the tree's lock.
#pragma once

#include <filesystem>

#include "matcher/base/console.h"
#include "matcher/base/result.h"
#include "splice-cc/source/host.h"

namespace splicer {

struct Tree {
  std::filesystem::path folder;  // of this tree in the cache
  std::filesystem::path source;  // folder/source
  std::filesystem::path store;   // folder/store: what was built, by content
  std::filesystem::path lock;    // held while `source` is written to
};

// Errors: "cache-unwritable", "source-unpack", "tree-prepare".
Result<Tree> prepare_tree(const Host& host, const Console& console, unsigned jobs);

// `make prepare` in the tree: builds the host programs and generated headers that a few directories
// need beyond what the headers package has. Needs flex, bison, libelf-dev.
Result<void> make_prepare(const std::filesystem::path& source, const Host& host, unsigned jobs);

}  // namespace splicer
