// SPDX-License-Identifier: GPL-2.0-or-later
//
// What stands of what is installed or applied: is each update in force, and is each CVE fixed now?
//
//     const Status status = judge(installed, state, around, kernel);
//     const bool fixed = status.cves[0].fixed;   // status.updates[0].standing == Standing::in_force
//
// Three accounts are put together: what the store lists (installed.h), what the core module has applied
// (state.h), and what is known of the surroundings, such as live patches of others (view.h). An update is in
// force only if all of it is: one of which a loaded module has not got its part is "partly". A part that
// waits for its module is in force before that module runs, so it counts.
//
// Invariant: a CVE is fixed only if an update that fixes it is in force; nothing here believes the
// store about what runs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/package/manifest.h"
#include "runtime/prepare/state.h"
#include "runtime/store/store.h"
#include "runtime/view.h"

namespace splicer {

// "; 1 part waits for its module: tun"; empty if none does.
std::string parts_that_wait(const std::vector<std::string>& modules);

// From good to bad; pending: installed, and not applied.
enum class Standing { in_force, partly, pending, left_out, for_another_build };

// "in-force", "partly", ...: as documents and metrics have it.
const char* standing_word(Standing standing);
inline constexpr Standing kStandings[] = {Standing::in_force, Standing::partly, Standing::pending,
                                          Standing::left_out, Standing::for_another_build};

struct UpdateStanding {
  std::string id;
  std::string name;  // empty: another release applied it
  std::vector<std::string> fixes;
  Standing standing = Standing::pending;
  bool installed = false;
  bool applied = false;
  std::string why;             // sentences; empty where nothing is to be said
  std::uint64_t pause_ns = 0;  // if it is applied
  // That has it, and if it is not applied, that is to put it back.
  EngineChoice engine = EngineChoice::stop;
  // The same at the next boot, if it is installed.
  EngineChoice engine_at_boot = EngineChoice::stop;
  std::vector<std::string> parts_left_out =
      {};  // of its patches when it was made, each with its reason
  // As its key stands today; nothing if it is not known.
  std::optional<Verdict> signature = {};
  // Modules that get their parts when they are loaded.
  std::vector<std::string> waiting = {};
};

// "CVE-2026-1234 (42acce30ee7d420c)"; its id alone if it has no name.
std::string called(const UpdateStanding& update);

struct CveStanding {
  std::string id;
  bool fixed = false;                // an update that fixes it is in force
  std::vector<std::string> updates;  // ids of those that fix it, in force or not
};

struct Status {
  KernelIdentity kernel;
  std::vector<UpdateStanding>
      updates;                    // installed ones in their order, then the others that are applied
  std::vector<CveStanding> cves;  // by year and number
  std::optional<std::string> switched_off;  // why nothing is put back at boot
  std::optional<Error> trust_fault;         // why nothing can be applied or put back

  std::size_t count(Standing standing) const;
  std::size_t fixed() const;  // how many CVEs are
  // Is all that is installed for this build, or applied, in force?
  bool all_in_force() const;
};

// Linear in updates and their CVEs, but for a search in the updates for each.
Status judge(const Installed& installed, const State& state, const Surroundings& around,
             const KernelIdentity& kernel);

// The same of this machine. Errors: those of State::read() and Store::look().
Result<Status> read_status(const std::string& store);

}  // namespace splicer
