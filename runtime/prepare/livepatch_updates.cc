// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/livepatch_updates.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "matcher/base/file.h"
#include "runtime/package/manifest.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kShortestPrefix = 4;
constexpr std::string_view kPrefix = "livepatch_";

// As livepatch_module_name() makes them.
bool is_ours(const std::string& module) {
  return module.starts_with(kPrefix) && module.size() == kPrefix.size() + kIdPlaceholder.size() &&
         module.find_first_not_of("0123456789abcdef", kPrefix.size()) == std::string::npos;
}

std::vector<fs::path> folders_in(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const auto& entry : list_directory(folder).entries)
    if (std::error_code unknown; entry.is_directory(unknown)) found.push_back(entry.path());
  std::ranges::sort(found);
  return found;
}

}  // namespace

LivepatchState livepatch_state(const std::string& name, const std::string& sys) {
  const fs::path folder = fs::path(sys) / name;
  const std::string enabled = read_attribute(folder / "enabled");
  return {!enabled.empty(), enabled == "1", read_attribute(folder / "transition") == "1"};
}

std::string LivepatchUpdate::state() const {
  if (undone) return "undone";
  if (!moving) return "applied";
  return enabled ? "applying" : "undoing";
}

std::vector<LivepatchUpdate> livepatch_updates(const AppliedRecords& records,
                                               const std::string& sys) {
  std::vector<LivepatchUpdate> updates;
  for (const fs::path& loaded : folders_in(fs::path(sys) / "module")) {
    const std::string module = loaded.filename();
    const AppliedRecord* record = records.find_livepatch(module);
    if (record == nullptr && !is_ours(module)) continue;
    const fs::path live = fs::path(sys) / "kernel/livepatch";
    LivepatchUpdate update;
    update.id = record == nullptr ? module : record->id;
    update.module = module;
    if (record != nullptr) {
      update.name = record->name;
      update.titles = record->titles;
    }
    const LivepatchState state = livepatch_state(module, live);
    update.undone = !state.present;
    update.enabled = state.enabled;
    update.moving = state.moving;
    for (const fs::path& object : folders_in(live / module))
      for (const fs::path& function : folders_in(object)) {
        const std::string name = function.filename();  // "vfs_read,1"
        update.functions.emplace_back(object.filename(), name.substr(0, name.find(',')));
      }
    updates.push_back(std::move(update));
  }
  return updates;
}

Result<const LivepatchUpdate*> find_livepatch(const std::vector<LivepatchUpdate>& updates,
                                              std::string_view prefix) {
  const LivepatchUpdate* found = nullptr;
  if (prefix.size() < kShortestPrefix) return found;
  for (const LivepatchUpdate& update : updates) {
    if (update.undone) continue;
    if (update.name != prefix && !update.id.starts_with(prefix) &&
        !update.module.starts_with(prefix))
      continue;
    if (found != nullptr)
      return fail(ExitCode::error, "update-ambiguous",
                  fmt::format("{} begins the name of several updates", prefix))
          .hint("give more digits of the id; splice-view lists them");
    found = &update;
  }
  return found;
}

}  // namespace splicer
