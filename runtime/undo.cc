// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/undo.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "matcher/base/wording.h"
#include "matcher/image/live_image.h"
#include "runtime/apply.h"
#include "runtime/await.h"
#include "runtime/live/device.h"
#include "runtime/live/interruption.h"
#include "runtime/live/leftovers.h"
#include "runtime/live/module_loader.h"
#include "runtime/livepatch_engine.h"
#include "runtime/prepare/applied_record.h"
#include "runtime/prepare/dependence.h"
#include "runtime/prepare/named_update.h"
#include "runtime/prepare/state.h"

namespace splicer {

namespace {

Result<AppliedUpdate> find_update(const State& state, const std::string& id) {
  auto found = state.find_prefix(id);
  if (!found) return propagate(found);
  return **found;
}

// The code is out of use, but a module stays while somebody holds it. That is a warning and not an
// error, since what was asked for is done.
void unload(const AppliedUpdate& update, const Console& console) {
  // The last one first: it may use what an earlier one exports.
  const std::vector<std::string> modules(update.modules.rbegin(), update.modules.rend());
  for (const std::string& module : modules)
    if (auto gone = unload_module(module); !gone)
      console.warning(
          fmt::format("the update is undone, but its module {0} is still held and stays "
                      "loaded, unused; later: rmmod {0}",
                      module));
}

Result<Switched> switch_back(const UndoOptions& options, const Console& console,
                             const Device& device, const AppliedUpdate& update,
                             HeldSignals& signals) {
  std::vector<SwitchedCode> functions;
  for (const AppliedFunction& function : update.functions)
    functions.push_back({function.name, function.new_code, function.new_size});
  // For reports only: an undo must work where the kernel hides its symbols.
  const auto image = open_live_image();
  const SymbolTable none;
  const SymbolTable& symbols = image ? (*image)->symbols() : none;
  return try_while_busy(
      options.attempts, signals, [&] { return device.undo(update.id, functions, symbols); },
      [&](const Error& error, const std::string& left) { show_busy(console, error, left); });
}

// Is none applied that was made on this one, but for those that are to be undone before it?
Result<void> check_uncovered(const std::string& id, const std::vector<std::string>& before,
                             const State& state, const AppliedRecords& records,
                             const std::vector<LivepatchUpdate>& live) {
  const auto above = standing_on(id, state, records, live);
  const auto stays = std::ranges::find_if(above.rbegin(), above.rend(), [&](const auto& other) {
    return std::ranges::find(before, other) == before.end();
  });
  if (stays == above.rend()) return {};
  return fail(ExitCode::error, "update-covered",
              fmt::format("update {} was made on this one, and needs it", *stays))
      .at_file(id)
      .hint(fmt::format("splice-undo {} first, or name both", *stays));
}

}  // namespace

Result<UndoPlan> plan_undo(const std::vector<std::string>& names, const State& state,
                           const AppliedRecords& records,
                           const std::vector<LivepatchUpdate>& live) {
  UndoPlan plan;
  std::vector<const AppliedUpdate*> found;
  std::vector<std::string> wanted;  // live patches, then the others, the newest first
  if (names.empty()) {
    for (const AppliedUpdate& update : state.updates()) found.push_back(&update);
    for (const LivepatchUpdate& update : live)
      if (!update.undone) wanted.push_back(update.id);
  }
  for (const std::string& name : names) {
    const auto update = find_update(name, state, records);
    const auto moved = find_livepatch(live, name);
    if (!moved) return propagate(moved);
    if (update) {
      found.push_back(*update);
    } else if (*moved != nullptr) {
      wanted.push_back((*moved)->id);
    } else if (update.error().code == "unknown-update" && may_mean_update(name)) {
      plan.not_applied.push_back(name);
    } else {
      return propagate(update);
    }
  }
  std::ranges::sort(found, std::ranges::greater(), &AppliedUpdate::sequence);
  for (const AppliedUpdate* update : found) wanted.push_back(update->id);
  // What stands on another goes before it, whichever engine has either.
  while (!wanted.empty()) {
    const auto next = std::ranges::find_if(wanted, [&](const std::string& id) {
      return check_uncovered(id, plan.ids, state, records, live).has_value();
    });
    if (next == wanted.end())
      return propagate(check_uncovered(wanted.front(), plan.ids, state, records, live));
    plan.ids.push_back(*next);
    std::erase(wanted, plan.ids.back());
  }
  return plan;
}

Result<Undone> undo_update(const UndoOptions& options, const Console& console) {
  if (auto root = check_root(); !root) return propagate(root);
  // Before the device is opened: without any update the core module need not be loaded.
  auto before = State::read();
  if (!before) return propagate(before);
  const auto named = find_update(*before, options.id);
  const auto records = AppliedRecords::read();
  const auto live = livepatch_updates(records);
  if (!named && named.error().code == "unknown-update") {
    const auto found = find_livepatch(live, options.id);
    if (!found) return propagate(found);
    if (*found != nullptr) {
      auto free = check_uncovered((*found)->id, {}, *before, records, live);
      return free ? undo_livepatch(**found, options, console) : propagate(free);
    }
  }
  if (!named) return propagate(named);

  HeldSignals signals;
  auto device = Device::open(options.attempts, signals);
  if (!device) return propagate(device);
  // Again, since another command may have been at work until the device was ours.
  // By its whole id: of the beginning that was given another update may have come meanwhile.
  auto state = State::read();
  if (!state) return propagate(state);
  auto update = find_update(*state, named->id);
  if (!update) return propagate(update);
  if (auto free = check_uncovered(update->id, {}, *state, AppliedRecords::read(), live); !free)
    return propagate(free);
  console.stage("undoing update {}, {}", update->id,
                functions_and_values(update->replaced(), update->values.size()));
  auto switched = switch_back(options, console, *device, *update, signals);
  if (!switched) {
    switched.error().file = update->id;
    return propagate(switched);
  }
  signals.hold_to_the_end();
  if (switched->left != 0)
    console.warning(
        fmt::format("{} that the update had written {} set by somebody since, and stays",
                    counted(switched->left, "value"), switched->left == 1 ? "was" : "were"));

  remove_record(update->id);
  forget_package(update->id);
  const auto now = State::read();
  const UndoneUpdate* stays = now ? now->find_undone(update->id) : nullptr;
  if (stays == nullptr) unload(*update, console);
  if (now) unload_leftovers(*now, console);
  const auto left = device->updates();
  std::optional<Device> last(std::move(*device));
  last.reset();
  if (left && *left == 0) {
    console.detail("unloading the core module, as no update is left");
    if (auto gone = unload_module(kCoreModule); !gone)
      console.detail("{}: another command is using it", gone.error().message);
  }
  return Undone{update->id, switched->pause_ns, stays != nullptr, stays != nullptr && stays->kept};
}

std::string how_undone(const Undone& undone) {
  return undone.transition
             ? fmt::format(": all threads went back in {} ms", undone.transition->count())
             : fmt::format(", machine stopped for {} us", microseconds(undone.pause_ns));
}

nlohmann::json undone_json(const Undone& undone) {
  nlohmann::json members{{"engine", undone.transition ? "livepatch" : "stop"},
                         {"memory", undone.kept           ? "kept"
                                    : undone.memory_stays ? "in use"
                                                          : "free"}};
  if (undone.transition)
    members["transition_ms"] = undone.transition->count();
  else
    members["pause_ns"] = undone.pause_ns;
  return members;
}

}  // namespace splicer
