// SPDX-License-Identifier: GPL-2.0-or-later
//
// Removing an update: undone now, and not put back any more.
//
//     const auto plan = plan_removal({"CVE-2026-1234"}, installed, state, records);
//     const auto removed = remove_update(plan->updates[0], store, attempts, console);
//
// It is forgotten first, on the disk, and undone after that. A crash in between must not bring back an
// update that somebody wanted gone, perhaps because of that crash: after the reboot it is neither applied
// nor installed, which is what was asked for. If it cannot be undone now, it stays forgotten, and the next
// reboot takes it away.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "matcher/base/console.h"
#include "matcher/base/result.h"
#include "runtime/live/attempts.h"
#include "runtime/prepare/applied_record.h"
#include "runtime/prepare/state.h"
#include "runtime/store/store.h"
#include "runtime/undo.h"

namespace splicer {

struct Removal {
  std::string id;
  bool installed = false;
  bool applied = false;
  // What it goes by in the kernel: its id, or the module's name of a live patch of which no record is left.
  std::string applied_as = {};
};

struct RemovalPlan {
  std::vector<Removal> updates;        // the newest of those that are applied first
  std::vector<std::string> not_there;  // what was named, and is neither installed nor applied
};

// What the names mean: names, ids or their beginnings, of updates that are installed or applied, by either engine. Linear in
// names times updates. Errors: "unknown-update" for what can mean no update, "update-ambiguous",
// "update-covered".
Result<RemovalPlan> plan_removal(const std::vector<std::string>& names, const Installed& installed,
                                 const State& state, const AppliedRecords& records,
                                 const std::vector<LivepatchUpdate>& live = {});

// What undoing it came to; nothing if it was not applied. Errors: "store-unwritable", and then nothing
// was done; those of undo_update(), and then it is forgotten, as their hint says.
Result<std::optional<Undone>> remove_update(const Removal& removal, Store& store,
                                            const Attempts& attempts, const Console& console);

}  // namespace splicer
