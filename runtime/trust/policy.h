// SPDX-License-Identifier: GPL-2.0-or-later
//
// The policy of a machine: the file /etc/splice/splice.conf.
//
//     # Comments and empty lines are left out.
//     require-signature = yes
//
// It is small on purpose: one setting, which is said once. Whatever else stands there is an error, with
// its line, and nothing is applied: a policy that was mistyped must not be one that lets everything in.
//
//     auto policy = parse_policy(text, "splice.conf");       // policy->require_signature
//
// Invariant: require_signature is false only if the file says so, or if there is none.
#pragma once

#include <string>
#include <string_view>

#include "matcher/base/result.h"

namespace splicer {

inline constexpr std::size_t kMaxPolicyFile = 64u << 10;

struct Policy {
  bool is_set = false;  // there is a file that says it
  bool require_signature = false;
};

// Linear in the text. `file` is used in errors. Errors: "config-malformed".
Result<Policy> parse_policy(std::string_view text, const std::string& file);

}  // namespace splicer
