// SPDX-License-Identifier: GPL-2.0-or-later
//
// Updates that stand on each other. One that was made --on another's patches compiled its new code
// from the source with them: inlined helpers are the repaired ones, and calls rely on what the
// repaired functions do. So the other must be applied first, and cannot be undone before it.
//
//     check_base(package.manifest, state, records)       "base-missing"
//     standing_on("42ac...", state, records)             {"77f0..."}
//
// Patches are known by their digests, so that it does not matter whether the base was given as a patch
// or as a package, nor whether a package was made twice.
//
// It does not matter by which engine they are applied: `live` are those that the kernel's own livepatch has.
//
// Invariant: an update without a record (another release applied it) satisfies no base and stands on
// none.
#pragma once

#include <string>
#include <vector>

#include "matcher/base/result.h"
#include "runtime/package/manifest.h"
#include "runtime/prepare/applied_record.h"
#include "runtime/prepare/livepatch_updates.h"
#include "runtime/prepare/state.h"

namespace splicer {

// Has each patch of the manifest's base been brought by an applied update? Errors: "base-missing".
Result<void> check_base(const Manifest& manifest, const State& state, const AppliedRecords& records,
                        const std::vector<LivepatchUpdate>& live = {});

// Ids of applied updates, oldest first and live patches behind them, whose base has a patch of this one.
std::vector<std::string> standing_on(const std::string& id, const State& state,
                                     const AppliedRecords& records,
                                     const std::vector<LivepatchUpdate>& live = {});

// Ids of applied updates that changed a source file of this one, which was made without their patches:
// what it inlines from there may be unrepaired.
std::vector<std::string> ignored_by(const Manifest& manifest, const State& state,
                                    const AppliedRecords& records,
                                    const std::vector<LivepatchUpdate>& live = {});

// The modules of an update that was undone, and whose memory is still there, have the names that its
// new ones would get. Errors: "update-kept" (ExitCode::error), "update-in-transition" (busy).
Result<void> check_not_undone(const std::string& id, const State& state);

}  // namespace splicer
