// SPDX-License-Identifier: GPL-2.0-or-later
//
// The manifest of an update package as JSON (splice-package(5)), and the way back.
//
//     {"schema": 1, "id": "5d1f...", "kernel": {"release": ...}, "targets": [...], ...}
//
// Numbers are JSON numbers, names are strings of printable ASCII, sentences for people are UTF-8
// without control characters, as they end up on a terminal. A field that is missing, of another
// type, out of range or refers to something that is not in the package is refused: what comes
// behind this file may use every field without looking at it again.
//
// Invariant: parse_manifest(manifest_json(m)) == m for every m that parse_manifest() can return;
// units are unique in a package, every "pre" symbol names one of them, every "update" symbol an
// earlier target.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "matcher/base/result.h"
#include "runtime/package/package.h"

namespace splicer {

// Everything but the "members" table. Control characters in sentences become spaces.
nlohmann::json manifest_json(const Manifest& manifest);

// `file` is used in errors. Errors (ExitCode::bad_package): "package-schema", "package-manifest".
Result<Manifest> parse_manifest(const nlohmann::json& document, const std::string& file);

// 8 to 31 digits of [0-9a-f], as the core module takes them (SPLICE_ID_LEN).
bool is_update_id(std::string_view text);
// A kernel module's name as in /proc/modules: [A-Za-z0-9_], at most 55 (MODULE_NAME_LEN).
bool is_module_name(std::string_view text);
// The kernel module that carries the new code of targets[index] of an update.
std::string update_module_name(std::string_view id, std::size_t index);

}  // namespace splicer
