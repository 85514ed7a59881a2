// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/remove.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

#include "runtime/prepare/named_update.h"

namespace splicer {

namespace {

// Ids of what is installed or applied and is meant by that text, sorted.
std::set<std::string> meant(const std::string& text, const Installed& installed, const State& state,
                            const AppliedRecords& records,
                            const std::vector<LivepatchUpdate>& live) {
  std::set<std::string> ids;
  const auto look = [&](const std::string& id, const std::string& name) {
    if (name == text || id == text || (may_begin_id(text) && id.starts_with(text))) ids.insert(id);
  };
  for (const InstalledUpdate& update : installed.updates) look(update.id, update.name);
  for (const AppliedUpdate& update : state.updates()) {
    const AppliedRecord* record = records.find(update.id);
    look(update.id, record == nullptr ? std::string() : record->name);
  }
  for (const LivepatchUpdate& update : live)
    if (!update.undone) look(update.id, update.name);
  return ids;
}

Failure unknown(const std::string& text) {
  return fail(ExitCode::error, "unknown-update",
              fmt::format("'{}' can be no update's name or id", text))
      .hint("splice-status lists what is installed; of an id give at least 4 digits");
}

Failure ambiguous(const std::string& text, const std::set<std::string>& ids) {
  std::string candidates;
  for (const std::string& id : ids) candidates += id + "\n";
  return fail(ExitCode::error, "update-ambiguous",
              fmt::format("{} updates are meant by {}", ids.size(), text))
      .detail(std::move(candidates))
      .hint("name one of them by its id");
}

}  // namespace

Result<RemovalPlan> plan_removal(const std::vector<std::string>& names, const Installed& installed,
                                 const State& state, const AppliedRecords& records,
                                 const std::vector<LivepatchUpdate>& live) {
  const auto is_applied = [&](const std::string& id) {
    return state.find(id) != nullptr || std::ranges::any_of(live, [&](const auto& update) {
             return update.id == id && !update.undone;
           });
  };
  // Or empty: it is not applied. Where the record of a live patch is lost, the store knows its module.
  const auto applied_as = [&](const std::string& id) {
    if (is_applied(id)) return id;
    const InstalledUpdate* const kept = installed.find(id);
    return kept != nullptr && !kept->livepatch.empty() && is_applied(kept->livepatch)
               ? kept->livepatch
               : std::string();
  };
  RemovalPlan plan;
  std::vector<std::string> applied;
  std::map<std::string, std::string> all;  // by id: what it is applied as
  for (const std::string& text : names) {
    if (!may_mean_update(text)) return unknown(text);
    const std::set<std::string> ids = meant(text, installed, state, records, live);
    if (ids.size() > 1) return ambiguous(text, ids);
    if (ids.empty()) {
      plan.not_there.push_back(text);
      continue;
    }
    const auto [one, is_new] = all.emplace(*ids.begin(), applied_as(*ids.begin()));
    if (is_new && !one->second.empty()) applied.push_back(one->second);
  }
  if (!applied.empty()) {
    auto order = plan_undo(applied, state, records, live);
    if (!order) return propagate(order);
    applied = std::move(order->ids);
  }
  for (const std::string& as : applied) {
    const auto one = std::ranges::find_if(all, [&](const auto& row) { return row.second == as; });
    plan.updates.push_back({one->first, installed.find(one->first) != nullptr, true, as});
  }
  for (const auto& [id, as] : all)
    if (as.empty()) plan.updates.push_back({id, true, false});
  return plan;
}

Result<std::optional<Undone>> remove_update(const Removal& removal, Store& store,
                                            const Attempts& attempts, const Console& console) {
  if (removal.installed)
    if (auto gone = store.forget(removal.id); !gone) return propagate(gone);
  if (!removal.applied) return std::nullopt;
  auto undone = undo_update({removal.applied_as, attempts}, console);
  if (undone) return std::move(*undone);
  if (undone.error().code == "unknown-update") return std::nullopt;  // another command was faster
  if (!removal.installed) return propagate(undone);
  const std::string advice = undone.error().advice;
  return propagate(undone).hint(
      fmt::format("{}{}it is not installed any more, and the next reboot takes it away", advice,
                  advice.empty() ? "" : "; "));
}

}  // namespace splicer
