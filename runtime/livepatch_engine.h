// SPDX-License-Identifier: GPL-2.0-or-later
//
// The other engine: the update as a live patch of the kernel's own. No stop, no core module; each thread goes over
// by itself (runtime/live/transition.h).
//
//     splice-apply --engine livepatch update.tar
//
// What is proved is the same: the whole update is matched against the running kernel, and the module is made of
// what that found out (runtime/prepare/livepatch_module.h). What the kernel's livepatch cannot carry is refused by
// name before anything is loaded.
//
// A function belongs to one engine. One that an update of the core module's has replaced is refused here, as a
// live-patched one is there (runtime/apply.cc); two commands at one moment are found out by looking again when the
// live patch is in.
//
// Invariant: when one of these returns an error, the live patch is in no function's way, unless the error is
// "transition-stuck".
#pragma once

#include "runtime/apply.h"
#include "runtime/prepare/livepatch_updates.h"
#include "runtime/undo.h"

namespace splicer {

// Has the running kernel a livepatch at all? What is not mounted says nothing. Errors: "kernel-lacks".
Result<void> check_has_livepatch(const std::string& sys = "/sys");
// The same as a pass.
Result<void> check_livepatch(Apply& apply);

// The last pass of an apply by this engine, behind match(). Errors: "livepatch-form", "replaced-by-update",
// those of LoadedModule::load() and of wait_for_transition(), "kernel-changed".
Result<void> switch_by_livepatch(Apply& apply);

// Takes it out and unloads it. Errors: those of disable_livepatch() and wait_for_transition().
Result<Undone> undo_livepatch(const LivepatchUpdate& update, const UndoOptions& options,
                              const Console& console);

}  // namespace splicer
