// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which fixes somebody wants, from a file of his: a CVE id in a line, or, where he knows more than the
// changelog says, fields with a tab between them:
//
//     CVE-2026-53361
//     CVE-2026-72119	x86	net/can/bcm.c	can: bcm: extend bcm_tx_lock usage
//     (ids)         (architectures, or nothing)  (file)  (title)
//
// Empty lines, what begins with '#', and a heading line ("cve<TAB>...") say nothing.
//
// Invariant: each fix has an id; a file's path leads nowhere out of the tree.
// Cost: linear in the text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/result.h"

namespace splicer {

struct WantedFix {
  std::vector<std::string> cves;
  std::vector<std::string> architectures;
  std::string file;   // empty: not said
  std::string title;  // likewise
};

// `name`: the file's, for errors. Errors: "fix-list-malformed".
Result<std::vector<WantedFix>> parse_fix_list(std::string_view text, const std::string& name);

}  // namespace splicer
