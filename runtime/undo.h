// SPDX-License-Identifier: GPL-2.0-or-later
//
// Undoing an update: the old code runs again, the new code leaves the kernel.
//
//     auto undone = undo_update({.id = "42ac"}, console);      // undone->pause_ns
//
// The switch back is the kernel's (kmod/): it refuses while a thread is in the new code or a later
// update depends on this one. Only after it succeeded are the update's modules unloaded, and with
// the last update the core module too.
//
// Several updates are planned first: plan_undo() puts them in order, the newest first, which every
// dependence allows, as what stands on an update was applied after it. What would be refused because
// of an update that nobody named is refused before anything is undone.
//
// Invariant: when undo_update() returns an error the update is applied as before.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "matcher/base/console.h"
#include "matcher/base/result.h"
#include "runtime/live/attempts.h"
#include "runtime/prepare/applied_record.h"
#include "runtime/prepare/livepatch_updates.h"
#include "runtime/prepare/state.h"

namespace splicer {

struct UndoOptions {
  std::string id;  // or its beginning
  Attempts attempts = {};
};

struct Undone {
  std::string id;
  std::uint64_t pause_ns = 0;
  bool memory_stays = false;  // as threads are still in the new code, or
  bool kept = false;          // for good: what the update has stored may lead there
  // Of a live patch of the kernel's own, which stops nothing: how long the threads took to go over.
  std::optional<std::chrono::milliseconds> transition = {};
};

struct UndoPlan {
  std::vector<std::string> ids;          // whole, each once, the newest first
  std::vector<std::string> not_applied;  // what was named and is not applied, as it was named
};

// What `names` mean (named_update.h); all that is applied if there is no name. An id or a name of which
// no update is applied asks for nothing. Linear in names times updates. Errors: "unknown-update" for
// what can mean no update, "update-ambiguous", "update-covered".
// `live` are those that the kernel's own livepatch has.
Result<UndoPlan> plan_undo(const std::vector<std::string>& names, const State& state,
                           const AppliedRecords& records,
                           const std::vector<LivepatchUpdate>& live = {});

// Errors: "not-root", "unknown-update", "update-ambiguous", "update-covered", "device-busy",
// "kernel-busy", "kernel-changed", "site-taken", "hook-refused", "interrupted"; of a live patch, those of
// undo_livepatch().
Result<Undone> undo_update(const UndoOptions& options, const Console& console);

// How it went, behind "ID undone": ", machine stopped for 21.4 us".
std::string how_undone(const Undone& undone);
// The same as members of a document: engine, memory, and pause_ns or transition_ms.
nlohmann::json undone_json(const Undone& undone);

}  // namespace splicer
