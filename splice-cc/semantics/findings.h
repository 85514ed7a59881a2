// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the semantic check reports: findings, each with a name by which a person can accept it.
//
//     layout-changed:struct foo      refuse   fs/foo.c:12
//         was: u32 a at 0; u32 b at 4
//         is:  u32 b at 0; u32 a at 4
//         used by foo_open, foo_read
//
// Invariant: a code and a name together appear once; --accept CODE:NAME overrides that one and
// no other.
#pragma once

#include <string>
#include <vector>

#include "matcher/base/result.h"
#include "splice-cc/semantics/facts.h"

namespace splicer {

struct Finding {
  std::string code;
  bool refuse = true;  // false: a warning
  std::string name;    // "struct foo", "foo_read"
  SourcePlace place;   // in the patched source
  std::string message;
  std::string was;  // declarations, or what is held at return
  std::string is;
  std::vector<std::string> users;
  std::string remedy;
  // Of a reference that a function newly takes (1) or drops (-1): what of, to find the other half.
  std::string counted;
  int change = 0;
  bool sure = true;  // false: by the name of a function alone, which is worth no warning by itself

  std::string title() const { return code + ":" + name; }
};

// One finding for each title, with the users of all; ordered by file and line.
std::vector<Finding> merge_findings(std::vector<Finding> findings);

// A new reference alone, or a new release alone, is a leak or its repair: a warning, if it is sure.
// Both in one patch, in two functions, are refused: an object that was made before the update gets
// one half.
void judge_references(std::vector<Finding>& findings);

// Takes the accepted ones out of `findings` and returns them. Errors: "accept-matches-nothing".
Result<std::vector<Finding>> take_accepted(std::vector<Finding>& findings,
                                           const std::vector<std::string>& accepted);

// "fs/foo.c:12: message", and below it was, is, users.
std::string finding_text(const Finding& finding);

// The refusal that says all of them. `findings` has at least one that refuses.
Failure refuse_findings(const std::vector<Finding>& findings);

}  // namespace splicer
