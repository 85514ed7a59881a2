// SPDX-License-Identifier: GPL-2.0-or-later
//
// A release, group by group: each changed file with what it needs of others, made by itself.
//
//     net/ipv6/route.c            all its hunks: does not compile, f() has too few arguments
//     + include/net/ip6_route.h   the hunk that declares f(): compiles (release/siblings.h)
//     - struct fib6_info          layout-changed: left out, with what uses the new member (leave_out.h)
//
// All at once would take as long, for each of the many attempts, as the whole. A group takes seconds, and what is
// wrong with one is no other's concern.
//
// Invariant: the outcome of a group depends on its file and on the release alone, not on other groups or on how
// many run at a time; unless the time is over: then it was not tried, and says so.
// Cost: for each file, at most 10 attempts for siblings and 14 to leave out, and fewer where each reaches hundreds
// of files through a header; if that leaves nothing, 15 of the file by itself.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "splice-cc/attempts.h"
#include "splice-cc/hunk_parts.h"

namespace splicer {

// The difference of two releases, of what this kernel is built from.
struct ReleaseHunks {
  PatchSet patches;  // one patch
  std::vector<Hunk> hunks;
  HunkParts parts;
  std::filesystem::path source;  // that it is for

  static ReleaseHunks of(PatchSet patches, const std::filesystem::path& source);
  PatchSet with(const std::set<std::size_t>& kept) const {
    return with_hunks(patches, hunks, kept);
  }
};

struct Group {
  std::string file;
  std::set<std::size_t> considered;            // hunks: its own and those of siblings
  std::set<std::size_t> kept;                  // of these, what was created
  std::map<std::size_t, std::string> reasons;  // of the others
  bool needed = true;  // false: the compiled code is the same with it, and nothing is left out
};

struct GroupLimits {
  unsigned jobs = 1;                        // groups at a time
  std::function<bool()> is_over = nullptr;  // no group is begun then
};

// One for each file, in their order. `options`: of an attempt. Never fails: what cannot be made is left out.
std::vector<Group> make_groups(std::span<const Pass> passes, const CreateOptions& options,
                               const Console& console, const ReleaseHunks& release,
                               const std::vector<std::string>& files, const GroupLimits& limits);

}  // namespace splicer
