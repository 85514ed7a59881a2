// SPDX-License-Identifier: GPL-2.0-or-later
//
// A live patch of the kernel's own on its way in or out.
//
// Nothing stops: each thread goes over by itself, when it returns to user space, when it sleeps with a stack that
// has none of the functions on it, or, idle, between two interrupts (Documentation/livepatch/livepatch.rst). Until
// the last one has, old and new code run side by side.
//
//     auto over = wait_for_transition("livepatch_5d1f0c2e77aa9b31", Direction::in, attempts, signals, console);
//
// /sys/kernel/livepatch/NAME says whether it goes on, /proc/PID/task/TID/patch_state where a thread is. A way that
// takes too long, or that a signal ends, is turned back (enabled_store() in kernel/livepatch/core.c); the
// threads that had gone over come back in the same way, and that is waited for.
//
// Invariant: when wait_for_transition() returns, no transition of that live patch is under way, unless the error
// is "transition-stuck".
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "matcher/base/console.h"
#include "matcher/base/result.h"
#include "runtime/live/attempts.h"
#include "runtime/live/interruption.h"
#include "runtime/prepare/livepatch_updates.h"

namespace splicer {

enum class Direction { in, out };

// A thread that has not gone over yet.
struct Straggler {
  int thread = 0;
  std::string name;       // of the thread
  std::string functions;  // the innermost ones of its stack; empty if that cannot be read
};
// Takes a few reads for each thread of the machine.
std::vector<Straggler> stragglers(Direction direction, const std::string& proc = "/proc");

// Asks the kernel to take the live patch out. Errors: "livepatch-refused".
Result<void> disable_livepatch(const std::string& name, const std::string& sys = kLivepatchFolder);

// Where the kernel is asked, and how long it is waited for. Tests have folders and times of their own.
struct TransitionTerms {
  std::string sys = kLivepatchFolder;
  std::string proc = "/proc";
  std::chrono::milliseconds quiet{2000};  // until it is said who is in the way
  // The kernel looks at all threads once a second (klp_transition_work_fn()), and after 15 s wakes those that sleep.
  std::chrono::milliseconds way_back{60000};
};

// How long it took. Says on the console who is in the way, from two seconds on. Errors: "kernel-busy"
// (ExitCode::busy, with the stragglers; it was turned back and is as it was), "interrupted" (likewise),
// "transition-stuck" (neither way ends).
Result<std::chrono::milliseconds> wait_for_transition(const std::string& name, Direction direction,
                                                      const Attempts& attempts,
                                                      HeldSignals& signals, const Console& console,
                                                      const TransitionTerms& terms = {});

// Is a thread's stack in code of that module? It may sleep in the out-of-line part of a function, of which the
// kernel's livepatch knows nothing.
bool is_on_a_stack(const std::string& module, const std::string& proc = "/proc");

}  // namespace splicer
