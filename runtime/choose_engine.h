// SPDX-License-Identifier: GPL-2.0-or-later
//
// Applying an update by the engine that was asked for, or with --engine auto by the one that can.
//
//     auto done = apply_by_choice(options, EngineChoice::automatic, console);   // (*done).apply->engine
//
// "stop" is tried first: all functions switch at one moment, and it can carry all that an update can have. Whether
// it can is not guessed. It is asked for the update, and what it says decides: its errors in this table are those
// after which the kernel's livepatch is tried, with the same package; any other one is the answer.
//
//     locked-down, signed-modules-only     what is linked on this machine cannot be loaded
//     module-load                          likewise: the kernel refused it
//     no-core-module, kernel-lacks         its core module is not there, or not for this kernel
//     kernel-busy                          some thread was in a function at each of its tries
//
// Each engine has all of the tries, or of the time, that a person allows.
//
// Invariant: when livepatch is tried, nothing of the other engine's application is in the kernel.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "matcher/base/console.h"
#include "matcher/base/result.h"
#include "runtime/apply.h"
#include "runtime/prepare/engine.h"

namespace splicer {

// One that succeeded.
struct Application {
  std::unique_ptr<Apply> apply;
  std::string
      why_engine;  // that one, a sentence; empty if nobody left it open, or it was applied before
};

// `options.engine` does not count. `run` is run_passes() but for tests. Errors: those of the passes; "no-engine",
// if both were tried, with what each said; it is ExitCode::busy if either was. Where a module is missing for
// livepatch, that one's code stands in its place.
Result<Application> apply_by_choice(ApplyOptions options, EngineChoice choice,
                                    const Console& console);
Result<Application> apply_by_choice(ApplyOptions options, EngineChoice choice,
                                    const Console& console,
                                    const std::function<Result<void>(Apply&)>& run);

// May livepatch apply what the engine "stop" could not for this reason?
bool leaves_livepatch(const Error& stop);

}  // namespace splicer
