// SPDX-License-Identifier: GPL-2.0-or-later
//
// The passes of an application in their order, and why each has its place: for splice-apply, and for
// splice-install, which keeps what it has applied.
//
//     Apply apply(options, console);
//     if (auto done = run_passes(apply); !done) return console.finish(done.error());
#pragma once

#include <span>

#include "runtime/apply.h"
#include "runtime/livepatch_engine.h"

namespace splicer {

inline constexpr ApplyPass kApplyPasses[] = {
    // First, and as any user: nothing of the package may be believed before all of it is checked.
    read_update,
    // A wrong kernel needs no root to be found out, and nothing below makes sense on one.
    check_kernel,
    // Before the core module is loaded: an update that is applied needs nothing more.
    find_applied,
    // As early: what it stands on must be there, and the order is the user's to mend.
    check_stand,
    // Before the match: from here no other command changes what is applied, and no module that is
    // patched can be unloaded and leave what was matched without meaning.
    open_core,
    // Before anything is loaded: a mismatch leaves nothing to clean up, and linking needs the
    // addresses that the match infers.
    match,
    // Before the switch: loading may sleep, run out of memory, or be refused.
    load_code,
    // Last, as it cannot be taken back here: after it the command only reports.
    switch_over,
};

// The same by the kernel's livepatch, which needs no core module and has no stop.
inline constexpr ApplyPass kLivepatchPasses[] = {
    read_update,
    check_kernel,
    check_livepatch,
    find_applied,
    check_stand,
    // From here a signal turns the threads back that have gone over.
    hold_signals,
    // The module is made of what the match infers.
    match,
    // Loading it begins the transition.
    switch_by_livepatch,
};

// One after the other, to the first that fails or finds the update applied already. Errors: theirs.
inline Result<void> run_passes(Apply& apply) {
  const auto passes = apply.options.engine == Engine::stop
                          ? std::span<const ApplyPass>(kApplyPasses)
                          : std::span<const ApplyPass>(kLivepatchPasses);
  for (const auto pass : passes) {
    if (auto done = pass(apply); !done) return done;
    if (apply.applied_already) break;
  }
  return {};
}

}  // namespace splicer
