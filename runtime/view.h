// SPDX-License-Identifier: GPL-2.0-or-later
//
// What splice-view shows: the updates that are applied, one of them, or a package.
//
//     5d1f0c2e77aa9b31  since 2026-11-23T15:02:11+0000, 2 functions, machine stopped for 21.4 us
//         tun_get_user            1204 bytes
//         tun_set_iff             1310 bytes, replaced again by 0b7c...
//
// Text for people and a JSON value for machines are made from the same structures, without reading
// or printing anything: what a terminal gets can be tested as a string.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/package/package.h"
#include "runtime/prepare/applied_record.h"
#include "runtime/prepare/live_patches.h"
#include "runtime/prepare/livepatch_updates.h"
#include "runtime/prepare/state.h"
#include "runtime/trust/trust.h"

namespace splicer {

// What decides whether an applied update is in force everywhere.
struct Surroundings {
  // Live patches of the kernel's own. A function whose calls one of them leads elsewhere is applied
  // and not in force, and is shown so.
  LivePatches others = {};
  // Which modules an update left out; one that is loaded now is not patched.
  AppliedRecords records = {};
  std::set<std::string, std::less<>> modules = {};  // that are loaded
  std::vector<std::string> leftovers = {};          // of updates that are not applied
  std::vector<LivepatchUpdate> live = {};           // ours, by the kernel's livepatch
  Trust trust = {};
  std::optional<Error> trust_fault = {};  // why that is not known

  static Surroundings read(const State& state);
  // What is known today of the signature of an applied update; nothing if nothing is.
  std::optional<Verdict> signature(const std::string& id) const;
  // The same by the key of the signature.
  std::optional<Verdict> standing_of(const std::optional<std::string>& key) const;
};

std::string applied_text(const State& state, const Surroundings& around = {});
nlohmann::json applied_json(const State& state, const Surroundings& around = {});
// With each function's addresses and how it came about.
std::string update_text(const State& state, const AppliedUpdate& update,
                        const Surroundings& around = {});
nlohmann::json update_json(const State& state, const AppliedUpdate& update,
                           const Surroundings& around = {});
// Of one that is applied by the kernel's livepatch.
std::string livepatch_text(const LivepatchUpdate& update, const Surroundings& around = {});
nlohmann::json livepatch_json(const LivepatchUpdate& update, const Surroundings& around = {});
// Is each replaced function of the update in force, and each of its modules patched that is loaded?
bool in_force(const AppliedUpdate& update, const Surroundings& around);
std::string package_text(const Package& package, const Verdict& signature);
nlohmann::json package_json(const Package& package, const Verdict& signature);

// Is the argument of splice-view a file, and not an id? It has a '/', ends in ".tar", or is there.
bool names_a_file(std::string_view argument);

}  // namespace splicer
