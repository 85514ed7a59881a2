// SPDX-License-Identifier: GPL-2.0-or-later
//
// Compiles units as they are with patches applied: in a view of the tree, with line numbers held
// steady, by the very commands that built the pre objects.
//
//     auto objects = build_patched(kbuild, units, {patches}, scratch / "post", jobs, &warnings);
//     objects->at("kernel/fork.o")
//
// Invariant: the tree is not changed, and each object was compiled from the patched files alone.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "matcher/result.h"
#include "splice-cc/kbuild.h"
#include "splice-cc/patch_set.h"
#include "splice-cc/unit.h"

namespace splicer {

// Errors: "patch-does-not-apply", "compile-failed" with the compiler's messages and the patched
// file's own line numbers.
Result<std::map<std::string, std::filesystem::path>> build_patched(
    const Kbuild& kbuild, const std::vector<Unit>& units, const std::vector<PatchSet>& patches,
    const std::filesystem::path& folder, unsigned jobs, std::vector<std::string>* warnings);

}  // namespace splicer
