// SPDX-License-Identifier: GPL-2.0-or-later
//
// What differs between the source of two versions, of what an x86 kernel is built from: one patch.
//
//     auto difference = release_difference(tree, host.source, newer.tarball, scratch);
//     difference->patch.files       each with its hunks: C, headers, assembly
//     difference->other             Makefiles, Kconfig, tables: no hunks of these
//     difference->gone              files of the older version that the newer one lacks
//
// The newer source is not unpacked: the tarball is read once, and only a file that differs from the tree's is
// written, for diff(1). The result is kept in the cache, beside the tree.
//
// Invariant: the patch applies to the tree without fuzz; its paths lead nowhere out of it. Equal trees and tarballs
// make equal patches. Cost: to decompress both tarballs at a time, half a minute, once for each pair.
#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "matcher/base/console.h"
#include "matcher/base/result.h"
#include "splice-cc/source/patch_parser.h"
#include "splice-cc/source/tree.h"

namespace splicer {

struct ReleaseDifference {
  Patch patch;
  std::set<std::string> other;
  std::set<std::string> gone;
};

// `older`: the tarball, or directory, that the tree was made from. `title`: the patch's. Errors: "release-source",
// if a tarball cannot be read or is no kernel's; "program-missing", "file-unwritable", those of parse_patch().
Result<ReleaseDifference> release_difference(const Tree& tree, const std::filesystem::path& older,
                                             const std::filesystem::path& newer,
                                             const std::filesystem::path& scratch,
                                             const std::string& title, const Console& console);

}  // namespace splicer
