// SPDX-License-Identifier: GPL-2.0-or-later
//
// All that a newer version of the distribution's kernel changes, as one update, and which CVEs it fixes.
//
//     splice-create --from 6.1.176-1 --to 6.1.187-1
//         the two sources and the changelog between them        release/source_package.h, changelog.h
//         what differs, of what this configuration builds       release/difference.h
//         each changed file, made by itself                     release_groups.h
//         what could be made, as one                            attempts.h, leave_out.h
//         a table of the CVEs                                   release/fix_table.h
//
// Files that hold CVEs come first, so that a budget of time is spent on them first.
//
// Invariant: the update says it fixes the CVEs that the table calls "in", and no others; the update as a whole has
// been created and matched against the shipped kernel. Without a budget, equal inputs make equal updates.
// Cost: seconds for each changed file that is built, and all of them once more in the end.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "splice-cc/attempts.h"
#include "splice-cc/release/fix_table.h"

namespace splicer {

struct ReleaseOptions {
  std::string from;      // a version; empty: the kernel's own
  std::string to;        // a version
  std::string only_cve;  // a file (release/fix_list.h); empty: all that differs
  bool fetch = false;    // bring what is missing by apt
  std::optional<std::chrono::seconds> budget;  // for the groups
};

struct ReleaseUpdate {
  Attempt update;
  std::vector<FixRow> table;
  std::string from;
  std::string to;
  std::size_t files = 0;            // that were tried
  std::size_t hunks = 0;            // of them
  std::size_t kept = 0;             // hunks
  std::set<std::string> not_tried;  // files, for want of time
};

// `passes`: all that is done before the update is written. Errors: those of find_source_package(),
// changelog_between(), fix_lines() and release_difference(); "release-version", if `from` is not the kernel's;
// "release-changes-nothing"; of the union, what stands in its way.
Result<ReleaseUpdate> create_release(std::span<const Pass> passes, const CreateOptions& options,
                                     const ReleaseOptions& release, const Console& console);

}  // namespace splicer
