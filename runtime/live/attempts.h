// SPDX-License-Identifier: GPL-2.0-or-later
//
// --retries and --retry-interval, which splice-apply and splice-undo share.
#pragma once

#include "matcher/base/command_line.h"
#include "matcher/base/result.h"
#include "runtime/live/device.h"

namespace splicer {

void add_attempts_options(Command& command);

// Errors: ExitCode::usage, "usage".
Result<Attempts> attempts_option(const Command& command);

}  // namespace splicer
