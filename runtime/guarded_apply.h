// SPDX-License-Identifier: GPL-2.0-or-later
//
// Applying an update that is, or is to be, put back at each boot: under a marker on the disk.
//
//     auto applied = guarded_apply({entry, admitted, path, attempts}, store, console);   // applied->pause_ns
//
// An update that brings the machine down would do so again at each boot. So its name is on the disk
// before anything of it is in the kernel, and goes when the application has ended, whichever way. If it
// is there at the next boot, the machine went down in between (Store::settle()).
//
// Not seen: an update that brings the machine down later, when its new code is first called.
//
// Signals wait while the marker is there, so that Ctrl-C ends the application and not the command, and
// leaves no marker.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <string>

#include "matcher/base/console.h"
#include "matcher/base/result.h"
#include "runtime/live/attempts.h"
#include "runtime/store/store.h"
#include "runtime/trust/trust.h"

namespace splicer {

struct GuardedUpdate {
  InstalledUpdate entry;
  std::shared_ptr<const AdmittedPackage> admitted;
  std::string path;  // for messages
  Attempts attempts;
};

struct Applied {
  bool already = false;           // it was, so nothing was done
  std::set<std::string> waiting;  // modules that are not loaded, and get their parts when they are
  std::uint64_t pause_ns = 0;
  Engine engine = Engine::stop;  // that has it
  std::string why_engine;        // that one, if it was to be chosen; or empty
  std::chrono::milliseconds transition{0};
};

// ", module tun once it is loaded"; empty if nothing waits.
std::string what_waits(const std::set<std::string>& modules);
// How it went: ", machine stopped for 21.4 us".
std::string how_applied(const Applied& applied);

// By the engine that the entry names. Errors: those of apply_by_choice(), "store-unwritable". After the latter the update may be
// applied, as its hint says.
Result<Applied> guarded_apply(GuardedUpdate update, const Store& store, const Console& console);

}  // namespace splicer
