// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the command line says of a release (--from, --to and what belongs to them), and what is said of the update
// that is made of it: first what is in and what is out.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "matcher/base/command_line.h"
#include "splice-cc/create_release.h"

namespace splicer {

void add_release_options(Command& command);

// Is an update to be made of a release, and not of patches?
bool is_release(const Command& command);

// What parsing alone cannot tell. Errors: "usage".
Result<void> check_release_options(const Command& command);

ReleaseOptions read_release_options(const Command& command);

// Prints the table, writes the file of --table, and adds "release" and "cves" to the document. Errors:
// "file-unwritable".
Result<void> report_release(Command& command, const ReleaseUpdate& update,
                            nlohmann::json* document);

}  // namespace splicer
