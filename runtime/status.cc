// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/status.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "matcher/base/wording.h"
#include "runtime/apply.h"
#include "runtime/package/cve.h"
#include "runtime/put_back.h"

namespace splicer {

namespace {

// Which modules the update lacks, loaded ones first, and which of its functions another patch decides.
std::string what_lacks(const AppliedUpdate& update, const Surroundings& around) {
  std::vector<std::string> parts;
  for (const std::string& module : update.modules_that_are(AwaitedState::unpatched))
    parts.push_back(fmt::format("module {} is loaded and NOT PATCHED", module));
  // What an older release has left out.
  if (const AppliedRecord* record = around.records.find(update.id); record != nullptr) {
    for (const std::string& module : record->left_out)
      if (around.modules.contains(module))
        parts.push_back(fmt::format("module {} is loaded and NOT PATCHED", module));
    for (const std::string& module : record->left_out)
      if (!around.modules.contains(module))
        parts.push_back(fmt::format("module {} is not loaded, and not patched", module));
  }
  for (const AppliedFunction& function : update.functions) {
    if (function.checked()) continue;
    if (const auto by = around.others.deciding(function.name); by)
      parts.push_back(fmt::format("{} decides what {} does", *by, function.name));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

void add_applied(UpdateStanding& row, const AppliedUpdate& update, const Surroundings& around) {
  row.applied = true;
  row.engine = EngineChoice::stop;
  row.pause_ns = update.pause_ns;
  row.why = what_lacks(update, around);
  row.waiting = update.modules_that_are(AwaitedState::waiting);
  row.standing =
      row.why.empty() && update.state == "applied" ? Standing::in_force : Standing::partly;
  if (update.state != "applied") row.why = "another command is undoing it";
}

// Is this the installed update? Where the record of a live patch is lost, it goes by its module's name.
bool is_live(const LivepatchUpdate& live, const InstalledUpdate& update) {
  return !live.undone &&
         (live.id == update.id || (!update.livepatch.empty() && live.id == update.livepatch));
}

// By the kernel's livepatch.
const LivepatchUpdate* find_live(const InstalledUpdate& installed, const Surroundings& around) {
  const auto found = std::ranges::find_if(
      around.live, [&](const LivepatchUpdate& update) { return is_live(update, installed); });
  return found == around.live.end() ? nullptr : &*found;
}

void add_live(UpdateStanding& row, const LivepatchUpdate& update) {
  row.applied = true;
  row.engine = EngineChoice::livepatch;
  row.standing = update.enabled && !update.moving ? Standing::in_force : Standing::partly;
  if (update.moving) row.why = "threads are still going over";
}

std::string why_pending(const InstalledUpdate& update) {
  return update.failure.empty() ? "it is not applied" : update.failure;
}

UpdateStanding of_installed(const InstalledUpdate& update, const State& state,
                            const Surroundings& around, const KernelIdentity& kernel) {
  UpdateStanding row;
  row.id = update.id;
  row.name = update.name;
  row.fixes = update.fixes;
  row.installed = true;
  row.engine = row.engine_at_boot = update.engine;
  row.parts_left_out = update.parts_left_out;
  // An older release has installed it; a record of this one may know.
  if (const AppliedRecord* record = around.records.find(update.id);
      record != nullptr && row.parts_left_out.empty())
    row.parts_left_out = record->parts_left_out;
  row.signature = around.standing_of(update.signed_by);
  if (const AppliedUpdate* applied = state.find(update.id); applied != nullptr) {
    add_applied(row, *applied, around);
  } else if (const LivepatchUpdate* live = find_live(update, around); live != nullptr) {
    add_live(row, *live);
  } else if (!update.left_out.empty()) {
    row.standing = Standing::left_out;
    row.why = update.left_out;
  } else if (!update.kernel_version.empty() && update.kernel_version != kernel.version) {
    row.standing = Standing::for_another_build;
    row.why = fmt::format("it is for the build {}", update.kernel_version);
  } else {
    row.why = why_pending(update);
  }
  return row;
}

UpdateStanding of_applied(const AppliedUpdate& update, const Surroundings& around) {
  UpdateStanding row;
  row.id = update.id;
  row.signature = around.signature(update.id);
  if (const AppliedRecord* record = around.records.find(update.id); record != nullptr) {
    row.name = record->name;
    row.fixes = record->fixes;
    row.parts_left_out = record->parts_left_out;
  }
  add_applied(row, update, around);
  return row;
}

UpdateStanding of_live(const LivepatchUpdate& update, const Surroundings& around) {
  UpdateStanding row;
  row.id = update.id;
  row.name = update.name;
  row.signature = around.signature(update.id);
  if (const AppliedRecord* record = around.records.find(update.id); record != nullptr) {
    row.fixes = record->fixes;
    row.parts_left_out = record->parts_left_out;
  }
  add_live(row, update);
  return row;
}

std::vector<CveStanding> cves_of(const std::vector<UpdateStanding>& updates) {
  std::vector<std::string> ids;
  std::map<std::string, CveStanding> found;
  for (const UpdateStanding& update : updates) {
    // What is for another build says nothing about this kernel.
    if (update.standing == Standing::for_another_build) continue;
    for (const std::string& id : update.fixes) {
      CveStanding& cve = found[id];
      cve.id = id;
      cve.fixed = cve.fixed || update.standing == Standing::in_force;
      cve.updates.push_back(update.id);
      ids.push_back(id);
    }
  }
  sort_cve_ids(ids);
  std::vector<CveStanding> cves;
  cves.reserve(ids.size());
  for (const std::string& id : ids) cves.push_back(std::move(found[id]));
  return cves;
}

}  // namespace

const char* standing_word(Standing standing) {
  switch (standing) {
    case Standing::in_force:
      return "in-force";
    case Standing::partly:
      return "partly";
    case Standing::pending:
      return "pending";
    case Standing::left_out:
      return "left-out";
    default:
      return "for-another-build";
  }
}

std::string parts_that_wait(const std::vector<std::string>& modules) {
  if (modules.empty()) return {};
  return fmt::format(
      "; {} {} for {}: {}", counted(modules.size(), "part"), modules.size() == 1 ? "waits" : "wait",
      modules.size() == 1 ? "its module" : "their modules", fmt::join(modules, ", "));
}

std::string called(const UpdateStanding& update) {
  return update.name.empty() ? update.id : fmt::format("{} ({})", update.name, update.id);
}

std::size_t Status::count(Standing standing) const {
  return static_cast<std::size_t>(std::ranges::count(updates, standing, &UpdateStanding::standing));
}

std::size_t Status::fixed() const {
  return static_cast<std::size_t>(std::ranges::count(cves, true, &CveStanding::fixed));
}

bool Status::all_in_force() const {
  return std::ranges::all_of(updates, [](const UpdateStanding& update) {
    return update.standing == Standing::in_force || update.standing == Standing::for_another_build;
  });
}

Status judge(const Installed& installed, const State& state, const Surroundings& around,
             const KernelIdentity& kernel) {
  Status status;
  status.kernel = kernel;
  status.trust_fault = around.trust_fault;
  for (const InstalledUpdate& update : installed.updates)
    status.updates.push_back(of_installed(update, state, around, kernel));
  for (const AppliedUpdate& update : state.updates())
    if (installed.find(update.id) == nullptr) status.updates.push_back(of_applied(update, around));
  for (const LivepatchUpdate& update : around.live)
    if (!update.undone && std::ranges::none_of(installed.updates, [&](const InstalledUpdate& one) {
          return is_live(update, one);
        }))
      status.updates.push_back(of_live(update, around));
  status.cves = cves_of(status.updates);
  return status;
}

namespace {

// Also before the next splice-install has settled what a crash left, as where splice.enable=0 keeps it
// from being run.
Installed settled(StoreView view) {
  const auto guilty = left_by_crash(view.marker, boot_id());
  if (!guilty) return std::move(view.installed);
  std::erase_if(view.installed.updates,
                [&](const InstalledUpdate& update) { return update.id == guilty->id; });
  view.installed.updates.push_back(*guilty);
  return std::move(view.installed);
}

}  // namespace

Result<Status> read_status(const std::string& store) {
  const KernelIdentity kernel = running_kernel();
  auto view = Store::look(store, kernel.release);
  if (!view) return propagate(view);
  const auto state = State::read();
  if (!state) return propagate(state);
  Status status = judge(*view ? settled(std::move(**view)) : Installed(), *state,
                        Surroundings::read(*state), kernel);
  status.switched_off = switched_off();
  return status;
}

}  // namespace splicer
