// SPDX-License-Identifier: GPL-2.0-or-later
//
// The passes of splice-apply, in order. Each takes the state of the application one step further or
// says why it cannot go on; giving up at any of them leaves the kernel as it was.
//
//     read_update    the package: by whom, if that is asked (trust/trust.h), whole and intact
//     check_kernel   made for the running kernel, run by root, and modules can be loaded
//     find_applied   is it applied already? then there is nothing left to do
//     check_stand    is what it was made on applied?
//     open_core      load the core module if needed, open its device, hold the patched modules
//     match          prove the running code, infer addresses, choose where the jumps go
//     load_code      link and load the update's modules
//     switch_over    all functions at once, tried again while threads are in them
//
// With --dry-run everything up to the match is done without the core module, and then no module is
// held: what is read may vanish meanwhile, which the reader reports.
//
// Invariant: until switch_over succeeds, destroying the Apply unloads every module that it loaded,
// the update's own before the device is closed, the core after it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "matcher/base/console.h"
#include "matcher/base/result.h"
#include "matcher/image/image.h"
#include "runtime/live/device.h"
#include "runtime/live/interruption.h"
#include "runtime/live/module_loader.h"
#include "runtime/package/package.h"
#include "runtime/prepare/applied_record.h"
#include "runtime/prepare/engine.h"
#include "runtime/prepare/livepatch_updates.h"
#include "runtime/prepare/match_update.h"
#include "runtime/prepare/state.h"
#include "runtime/running_kernel.h"
#include "runtime/trust/trust.h"

namespace splicer {

inline constexpr const char* kCoreModule = "splice";

struct ApplyOptions {
  std::string path;
  std::string signature = {};  // path of its file; empty: that beside it, if there is one
  // What is in it, where the caller has read it already: what was checked is what is applied.
  std::shared_ptr<const AdmittedPackage> admitted = {};
  bool dry_run = false;
  bool skip_unloaded = false;
  bool require_types = false;
  Engine engine = Engine::stop;
  // A module that is being loaded: only its part of the update, which is applied already (late.h).
  std::string late = {};
  Attempts attempts = {};
};

struct Apply {
  Apply(ApplyOptions given, const Console& shown) : options(std::move(given)), console(shown) {}
  Apply(const Apply&) = delete;
  Apply& operator=(const Apply&) = delete;
  ~Apply();

  // Is the core module left alone? Then no module is held: what is read may vanish meanwhile.
  bool without_core() const { return options.dry_run || options.engine == Engine::livepatch; }

  const ApplyOptions options;
  const Console& console;
  Package package;
  Verdict signature;
  State state;
  AppliedRecords records;
  std::vector<LivepatchUpdate> live;  // applied by the kernel's livepatch
  bool record_written = false;
  bool applied_already = false;
  Engine engine = options.engine;  // that has it, which may be another one if it was applied before
  std::set<std::string> left_out;  // targets that are not loaded, and have no part in this
  std::shared_ptr<const AdmittedPackage> admitted;
  std::set<std::string> held;  // modules pinned
  std::unique_ptr<Image> image;
  MatchedUpdate matched;
  // By target: new/TARGET.ko with its branches on sealed keys decided (sealed_keys.h).
  std::vector<std::vector<std::uint8_t>> new_modules;
  std::uint64_t pause_ns = 0;
  std::chrono::milliseconds transition{0};  // with Engine::livepatch

  // In order of construction: what is below is destroyed first.
  std::optional<HeldSignals> signals;
  std::optional<LoadedModule> core;  // loaded by us
  std::optional<Device> device;
  std::vector<LoadedModule> modules;
  std::vector<RunAddress> new_code;  // of matched.functions[i]
  std::vector<splice_hook> hooks;
  std::vector<splice_value> values;
};

Result<void> read_update(Apply& apply);
Result<void> check_kernel(Apply& apply);
Result<void> find_applied(Apply& apply);
// For an engine that does not open the core module: signals wait from here.
Result<void> hold_signals(Apply& apply);
Result<void> check_stand(Apply& apply);
Result<void> open_core(Apply& apply);
Result<void> match(Apply& apply);
Result<void> load_code(Apply& apply);
Result<void> switch_over(Apply& apply);

using ApplyPass = Result<void> (*)(Apply&);

// What the device is asked to switch: the replaced functions with their `new_code`, then the
// checked ones. The structs point into `matched`.
std::vector<splice_function> functions_to_switch(const MatchedUpdate& matched,
                                                 const std::vector<RunAddress>& new_code);

// How many values in place the update has, without those of targets that are left out.
std::size_t count_values(const Apply& apply);

}  // namespace splicer
