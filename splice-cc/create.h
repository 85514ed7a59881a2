// SPDX-License-Identifier: GPL-2.0-or-later
//
// The passes of splice-create, in the order in which main() calls them.
//
// Each takes what the ones before have found out and adds to it. Nothing outside the cache and a
// scratch folder is written until write_update().
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "matcher/base/console.h"
#include "matcher/base/file.h"
#include "runtime/package/package.h"
#include "splice-cc/build/kbuild.h"
#include "splice-cc/build/unit.h"
#include "splice-cc/diff/unit_diff.h"
#include "splice-cc/module/module_frame.h"
#include "splice-cc/source/host.h"
#include "splice-cc/source/patch_set.h"
#include "splice-cc/source/tree.h"

namespace splicer {

struct CreateOptions {
  HostOptions host;
  std::vector<std::string> patches;
  std::vector<std::string> on;        // patches, or updates, that the kernel has already
  std::vector<std::string> accepted;  // findings, CODE:NAME
  std::filesystem::path output;
  unsigned jobs = 1;
  bool keep_scratch = false;
  bool verify = false;
  std::filesystem::path driver;          // splice-cc
  std::filesystem::path core_source;     // kmod/
  std::filesystem::path include_folder;  // holds splice.h
};

struct Creation {
  Creation(CreateOptions options_, const Console& console_)
      : options(std::move(options_)), console(console_) {}
  CreateOptions options;
  const Console& console;

  Host host;
  Tree tree;
  std::unique_ptr<Kbuild> kbuild;
  std::unique_ptr<ScratchFolder> scratch;
  PatchSet base;     // what the kernel has already
  PatchSet patches;  // what it is to get
  std::vector<Unit> units;
  std::map<std::string, std::filesystem::path> post;  // by unit: compiled with the patch already
  std::vector<BuiltUnit> built;
  std::vector<std::unique_ptr<UnitPair>> pairs;
  std::vector<UnitDiff> diffs;  // of the pair with the same index
  std::vector<std::string> warnings;
  // By target and name: structures that new code uses and the patch leaves as they are.
  std::map<std::string, std::map<std::string, TypeLayout>> types;
  Package package;
  std::filesystem::path written;
  struct Verified {
    std::size_t functions = 0;
    std::size_t objects = 0;
  };
  std::optional<Verified> verified;  // --verify: what matches the shipped kernel
};

Result<void> find_kernel(Creation& creation);     // release, headers, source, compiler
Result<void> prepare_source(Creation& creation);  // the tree, kbuild
Result<void> read_patches(Creation& creation);
Result<void> find_units(Creation& creation);     // objects that the patched files reach
Result<void> build_units(Creation& creation);    // pre and post
Result<void> compare_units(Creation& creation);  // which functions change
Result<void> make_modules(Creation& creation);   // new code, core module
// Then verify_update(), splice-cc/verify.h.
Result<void> write_update(Creation& creation);

}  // namespace splicer
