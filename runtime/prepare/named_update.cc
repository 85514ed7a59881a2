// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/named_update.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include "runtime/package/update_name.h"

namespace splicer {

bool may_mean_update(std::string_view text) { return may_begin_id(text) || is_update_name(text); }

Result<const AppliedUpdate*> find_update(std::string_view text, const State& state,
                                         const AppliedRecords& records) {
  if (!is_update_name(text)) return state.find_prefix(text);
  std::vector<const AppliedUpdate*> found;
  std::string candidates;
  for (const AppliedUpdate& update : state.updates()) {
    const AppliedRecord* record = records.find(update.id);
    if (record == nullptr || record->name != text) continue;
    found.push_back(&update);
    candidates += fmt::format("{}  {}\n", update.id, fmt::join(record->titles, "; "));
  }
  if (found.size() == 1) return found.front();
  if (found.empty())
    return fail(ExitCode::error, "unknown-update", fmt::format("no update {} is applied", text))
        .hint("list the applied updates with splice-view");
  return fail(ExitCode::error, "update-ambiguous",
              fmt::format("{} applied updates are called {}", found.size(), text))
      .detail(std::move(candidates))
      .hint("name one of them by its id");
}

}  // namespace splicer
