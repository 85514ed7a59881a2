// SPDX-License-Identifier: GPL-2.0-or-later
//
// The policy of a machine: the file /etc/splice/splice.conf.
//
//     # Comments and empty lines are left out.
//     require-signature = yes
//     unpatched-modules = refuse
//
// It is small on purpose: two settings, each said once, the second one if it is to be another than usual.
// Whatever else stands there is an error, with its line, and nothing is applied: a policy that was
// mistyped must not be one that lets everything in.
//
//     auto policy = parse_policy(text, "splice.conf");       // policy->require_signature
//
// Invariant: require_signature and refuse_unpatched are false only if the file says so; the former also if
// there is none.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "matcher/base/result.h"

namespace splicer {

inline constexpr std::size_t kMaxPolicyFile = 64u << 10;

struct Policy {
  bool is_set = false;  // there is a file that says it
  bool require_signature = false;
  // What becomes of the load of a module whose part of an applied update cannot be applied. As of live
  // patches of the kernel's own, it fails (klp_module_coming() in kernel/livepatch/core.c).
  bool refuse_unpatched = true;
};

// Linear in the text. `file` is used in errors. Errors: "config-malformed".
Result<Policy> parse_policy(std::string_view text, const std::string& file);

}  // namespace splicer
