// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/dependence.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>

namespace splicer {

namespace {

bool any_common(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::ranges::any_of(
      a, [&](const std::string& one) { return std::ranges::find(b, one) != b.end(); });
}

// The applied updates, oldest first and live patches behind them, that have a record of which `is` holds.
std::vector<std::string> applied_where(const State& state, const AppliedRecords& records,
                                       const std::vector<LivepatchUpdate>& live,
                                       const std::function<bool(const AppliedRecord&)>& is) {
  std::vector<std::string> ids;
  const auto look = [&](const std::string& id) {
    if (const AppliedRecord* record = records.find(id); record != nullptr && is(*record))
      ids.push_back(id);
  };
  for (const AppliedUpdate& update : state.updates()) look(update.id);
  for (const LivepatchUpdate& update : live)
    if (!update.undone) look(update.id);
  return ids;
}

}  // namespace

Result<void> check_base(const Manifest& manifest, const State& state, const AppliedRecords& records,
                        const std::vector<LivepatchUpdate>& live) {
  std::string missing;
  std::string first;
  for (const PackageBase& base : manifest.base) {
    const auto by = applied_where(state, records, live, [&](const AppliedRecord& record) {
      return std::ranges::find(record.patches, base.sha256) != record.patches.end();
    });
    if (!by.empty()) continue;
    missing += fmt::format("{}  {}\n", base.sha256, base.title);
    if (first.empty()) first = base.title;
  }
  if (missing.empty()) return {};
  return fail(ExitCode::error, "base-missing",
              fmt::format("the update was made on \"{}\", which no applied update brings", first))
      .detail(std::move(missing))
      .hint("apply the update that has this patch first (splice-view UPDATE.tar lists patches)");
}

std::vector<std::string> standing_on(const std::string& id, const State& state,
                                     const AppliedRecords& records,
                                     const std::vector<LivepatchUpdate>& live) {
  const AppliedRecord* own = records.find(id);
  if (own == nullptr) return {};
  return applied_where(state, records, live, [&](const AppliedRecord& other) {
    return other.id != id && any_common(other.base, own->patches);
  });
}

std::vector<std::string> ignored_by(const Manifest& manifest, const State& state,
                                    const AppliedRecords& records,
                                    const std::vector<LivepatchUpdate>& live) {
  std::vector<std::string> units;
  for (const PackageTarget& target : manifest.targets)
    for (const PackageUnit& unit : target.units) units.push_back(unit.name);
  std::vector<std::string> base;
  for (const PackageBase& one : manifest.base) base.push_back(one.sha256);
  return applied_where(state, records, live, [&](const AppliedRecord& other) {
    return other.id != manifest.id && any_common(other.units, units) &&
           !any_common(other.patches, base);
  });
}

Result<void> check_not_undone(const std::string& id, const State& state) {
  const UndoneUpdate* undone = state.find_undone(id);
  if (undone == nullptr) return {};
  if (undone->kept)
    return fail(ExitCode::error, "update-kept",
                "the update was undone, and its memory stays, so it cannot be loaded again")
        .at_file(id)
        .hint("reboot; or make the update again with another comment in the patch, for another id");
  return fail(ExitCode::busy, "update-in-transition",
              "the update was undone, but threads are still in its code")
      .at_file(id)
      .hint("try again when splice-view no longer lists it");
}

}  // namespace splicer
