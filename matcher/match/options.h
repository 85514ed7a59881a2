// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a match has to know besides the object and the kernel: which part of the kernel the object
// belongs to, and what updates have replaced there.
//
//     MatchOptions options;
//     options.target = "tun";
//     options.redirects = state.redirects();
//     options.update_modules = state.modules();
//
// Invariant: none; these are the caller's words, and the image decides whether they hold.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "matcher/base/address.h"

namespace splicer {

// A function that an update of ours replaced: its symbol keeps the old address, its code is
// elsewhere.
struct Redirect {
  RunAddress code;     // where its newest code is
  RunAddress site;     // where the jump is written
  std::string update;  // id of the update that owns the newest code
};

struct MatchOptions {
  std::string target = "vmlinux";            // or a module's name
  std::map<RunAddress, Redirect> redirects;  // by the function's (old) address
  // The modules of applied updates. What else is named like them counts as any other module.
  std::set<std::string, std::less<>> update_modules;

  bool is_update(std::string_view module) const { return update_modules.contains(module); }
};

}  // namespace splicer
