// SPDX-License-Identifier: GPL-2.0-or-later
//
// The check of meaning: what a patch changes that no object file shows. A pass of splice-create,
// after the objects were compared.
//
// Only units whose code changes are looked at. Both versions are parsed by Clang at the same paths,
// in threads, and become plain facts (splice-cc/semantics/read_facts.h), which are compared
// (splice-cc/semantics/compare_facts.h). What is found is refused, accepted by name, or a warning that goes
// into the package. A file that Clang cannot parse is a warning too, never a silence.
#pragma once

#include <array>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "splice-cc/create.h"

namespace splicer {

// Errors (ExitCode::unsafe): "layout-changed", "enum-changed", "signature-changed",
// "lock-discipline", "reference-discipline"; (ExitCode::usage) "accept-matches-nothing".
// Warnings: those, and "meaning-not-checked".
Result<void> check_meaning(Creation& creation);

// The tree as it is, and as patched.
using VersionFolders = std::array<std::filesystem::path, 2>;

// Before all units are known: what a patch changes in the types that these files declare, as the
// units see it. pre must be built. Errors: "layout-changed", "enum-changed". A file that Clang
// cannot parse is no error yet.
Result<void> check_layouts(const Creation& creation, const std::vector<Unit>& units,
                           const std::set<std::string>& files, const VersionFolders& folders);

// The differ's refusal of a variable or constant, with its old and new declaration in the source.
Failure with_declarations(const Creation& creation, const UnitPair& unit, Error error,
                          const VersionFolders& folders);

// Where build_units() compiled them.
VersionFolders build_folders(const Creation& creation);

}  // namespace splicer
