// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is installed for one kernel, as the file state.json tells it, and which update is being applied
// just now, as the file applying.json does.
//
//     {"schema": 1, "updates": [{"id": "42acce30ee7d420c", "name": "CVE-2026-1234", ...}]}
//     {"schema": 1, "boot_id": "0b1c...", "update": {"id": "42acce30ee7d420c", ...}}
//
// Both are on a disk that outlives the machine's crashes, so they are read as any file is that may be
// damaged: within limits, and every field checked. Releases that knew one engine wrote neither `engine`,
// `livepatch` nor `parts_left_out`.
//
// Invariant: parse_installed(installed_text(x)) == x for every x that it can return; no id is listed
// twice.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/result.h"
#include "runtime/prepare/engine.h"

namespace splicer {

// The most of either file.
inline constexpr std::size_t kMaxStateFile = 4u << 20;
inline constexpr std::size_t kMaxInstalled = 4096;

struct InstalledUpdate {
  std::string id;
  std::string name;
  std::vector<std::string> fixes;  // CVE ids
  std::string kernel_version;      // uname -v of the build that it is for
  bool skip_unloaded = false;      // as splice-install was asked
  bool require_types = false;
  EngineChoice engine = EngineChoice::stop;  // likewise
  // The module that it is as a live patch of the kernel's own; empty: it cannot be one.
  std::string livepatch;
  std::vector<std::string> parts_left_out;  // of its patches when it was made, each with its reason
  std::string signed_by;  // the key of its signature (PublicKey::id()); empty: it was not signed
  // Why it is not put back any more, a sentence; empty: it is.
  std::string left_out;
  // What the last try at boot ended with, both empty if with success.
  std::string failure_code;
  std::string failure;

  bool operator==(const InstalledUpdate&) const = default;
};

struct Installed {
  std::vector<InstalledUpdate> updates;  // in the order in which they were installed

  const InstalledUpdate* find(std::string_view id) const;
  bool operator==(const Installed&) const = default;
};

// An update that is being applied, and the boot in which.
struct ApplyMarker {
  std::string boot_id;
  InstalledUpdate update;
  bool operator==(const ApplyMarker&) const = default;
};

std::string installed_text(const Installed& installed);
std::string marker_text(const ApplyMarker& marker);
// Linear in the text. `file` is used in errors. Errors: "store-malformed".
Result<Installed> parse_installed(std::string_view text, const std::string& file);
Result<ApplyMarker> parse_marker(std::string_view text, const std::string& file);

}  // namespace splicer
