// SPDX-License-Identifier: GPL-2.0-or-later
//
// After a boot: what is installed for the kernel that runs is applied again, in the order in which it was
// installed, which is one that what stands on something else allows.
//
//     if (const auto why = switched_off()) return *why;
//     const auto rows = put_back(store, attempts, console);  // rows[0].outcome == Outcome::in_force
//
// An update that cannot be applied does not keep the others from it. Modules are loaded when a device or
// a program needs them, which may be later: one that is not there yet gets its part when it is (late.h), as
// by --skip-unloaded. An update for the kernel's livepatch, which is one module for all of it, waits until all
// of its modules are there.
//
// Invariant: nothing is applied that is left out, that is for another build of this kernel, or whose
// signature does not count any more (trust/trust.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "matcher/base/console.h"
#include "matcher/base/result.h"
#include "runtime/live/attempts.h"
#include "runtime/store/store.h"
#include "runtime/trust/trust.h"

namespace splicer {

inline constexpr const char* kDisableFile = "/etc/splice/disable";

// What forbids putting updates back, a sentence: splice.enable=0 on the kernel's command line, or the
// file. Nothing: nothing does. Both paths are others in tests only.
std::optional<std::string> switched_off(const std::string& command_line = "/proc/cmdline",
                                        const std::string& file = kDisableFile);

enum class Outcome { in_force, partly, waiting, left_out, for_another_build, failed };

struct PutBack {
  std::string id;
  std::string name;
  Outcome outcome = Outcome::failed;
  bool already = false;              // it was applied before
  std::optional<Engine> engine;      // that has it, if it is applied
  std::string why_engine;            // that one, if it was to be chosen
  std::vector<std::string> waiting;  // modules that get their parts when they are loaded
  std::string why;                   // a sentence; empty: nothing is to be said
  std::optional<Error> error;        // if it failed
};

// "in-force", "partly", "waiting", ...: as the documents have it.
const char* outcome_word(Outcome outcome);

// One row for each installed update, in order, or if `only` is given for that of this id alone; errors are in their rows, and noted in the store for
// splice-status. `store` is that of the running kernel; `trust` is another folder in tests only.
std::vector<PutBack> put_back(Store& store, const Attempts& attempts, const Console& console,
                              const std::string& trust = kTrustFolder,
                              const std::string& only = {});

}  // namespace splicer
