// SPDX-License-Identifier: GPL-2.0-or-later
//
// What Debian's changelog of the kernel says of the versions between two, as far as it names CVEs.
//
//     linux (6.1.187-1) bookworm-security; urgency=high
//
//       * New upstream stable update:
//         https://www.kernel.org/pub/linux/kernel/v6.x/ChangeLog-6.1.181
//         - [x86] perf/x86/amd/brs: Fix kernel address leakage (CVE-2026-72237)
//
// becomes {version "6.1.187-1", title "perf/x86/amd/brs: Fix kernel address leakage", architectures {"x86"},
// cves {"CVE-2026-72237"}}. The format is that of deb-changelog(5); how an item is written is Debian's kernel
// team's habit: the title of the commit, architectures before it, ids behind it. It names no commit and no file.
//
// A fix that a later line takes back (`Revert "TITLE"`) is marked: the newer version does not have it.
//
// Invariant: each line that is returned has an id, by is_cve_id(); nothing of a version outside of the two is
// returned. Cost: linear in the text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/result.h"

namespace splicer {

struct ChangelogLine {
  std::string version;                     // of its entry
  std::string title;                       // without architectures and ids
  std::vector<std::string> architectures;  // as they are written: "x86", "arm*"; none: all
  std::vector<std::string> cves;
  bool reverted = false;
};

// The lines of all versions after `from`, up to `to`, in the order of the text: the newest first. Errors:
// "release-version", if the text does not have both, `to` before `from`.
Result<std::vector<ChangelogLine>> changelog_between(std::string_view text, const std::string& from,
                                                     const std::string& to);

// Does the changelog say of the architectures that the line is for x86 kernels of 64 bits? Those that are not
// known to be others' count.
bool is_for_x86(const std::vector<std::string>& architectures);

}  // namespace splicer
