// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which of our updates are in the kernel as live patches of its own (splice-apply --engine livepatch).
//
//     for (const LivepatchUpdate& update : livepatch_updates(AppliedRecords::read())) ...
//
// The core module knows nothing of them. The kernel lists its live patches by the names of their modules in
// /sys/kernel/livepatch, with the functions of each; which update that is, a record of ours says
// (applied_record.h). Without one, a module that is named as ours are goes by its own name.
//
// Invariant: what is listed is in the kernel's memory now; a record of one that is gone says nothing.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "matcher/base/result.h"
#include "runtime/prepare/applied_record.h"

namespace splicer {

inline constexpr const char* kLivepatchFolder = "/sys/kernel/livepatch";

// What the kernel says of a live patch. One that has been taken out has no directory.
struct LivepatchState {
  bool present = false;
  bool enabled = false;
  bool moving = false;
};
LivepatchState livepatch_state(const std::string& name, const std::string& sys = kLivepatchFolder);

struct LivepatchUpdate {
  std::string id;      // or the module's name
  std::string name;    // as its maker gave it, or empty
  std::string module;  // "livepatch_5d1f0c2e77aa9b31"
  std::vector<std::string> titles;
  bool enabled = false;
  bool moving = false;  // threads are still going over
  bool undone = false;  // its module is still there, and is no live patch any more

  std::vector<std::pair<std::string, std::string>> functions;  // object and function, in order

  // "applied", "applying", "undoing", "undone".
  std::string state() const;
};

// In the order of their modules' names. Takes time in proportion to their functions.
std::vector<LivepatchUpdate> livepatch_updates(const AppliedRecords& records,
                                               const std::string& sys = "/sys");

// The only one of that name, or whose id or module begins so (4 characters at least); nullptr if there is none. Errors:
// "update-ambiguous".
Result<const LivepatchUpdate*> find_livepatch(const std::vector<LivepatchUpdate>& updates,
                                              std::string_view prefix);

}  // namespace splicer
