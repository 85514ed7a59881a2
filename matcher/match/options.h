// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a match has to know besides the object and the kernel: which part of the kernel the object
// belongs to, and what updates have replaced there.
//
//     MatchOptions options;
//     options.target = "tun";
//     options.redirects = state.redirects();
//
// Invariant: none; these are the caller's words, and the image decides whether they hold.
#pragma once

#include <map>
#include <string>

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
};

}  // namespace splicer
