// SPDX-License-Identifier: GPL-2.0-or-later
//
// The applied update that somebody means who typed its id, the beginning of that, or its name.
//
//     auto update = find_update("CVE-2026-1234", state, records);
//     auto same = find_update("42ac", state, records);
//
// A name cannot look like an id (update_name.h), so a text is one or the other. Several updates may
// have one name: one for each kernel, or a second try at a fix. Then it names none, and the error has
// the ids to choose from.
#pragma once

#include <string_view>

#include "matcher/base/result.h"
#include "runtime/prepare/applied_record.h"
#include "runtime/prepare/state.h"

namespace splicer {

// Can it mean an update at all, applied or not?
bool may_mean_update(std::string_view text);

// Linear in the updates. Errors: "unknown-update", "update-ambiguous".
Result<const AppliedUpdate*> find_update(std::string_view text, const State& state,
                                         const AppliedRecords& records);

}  // namespace splicer
