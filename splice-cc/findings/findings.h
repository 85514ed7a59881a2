// SPDX-License-Identifier: GPL-2.0-or-later
//
// What stands in the way of an update, or should be known of it: findings. Every pass that looks at
// the patch, the objects or the sources adds its own; one place decides about all of them at once.
//
//     layout-changed:struct foo#1f6a09c2      refuse   fs/foo.c:12
//         was: u32 a at 0; u32 b at 4
//         is:  u32 b at 0; u32 a at 4
//         used by foo_open, foo_read
//
// A person who has understood a finding accepts it by its name. The digest behind it is of what was
// seen, so that an --accept in a script holds for this change and not for the patch's next version.
//
// Invariant: a code, a name and a digest together appear once; --accept overrides that one finding
// and no other.
#pragma once

#include <string>
#include <vector>

#include "matcher/base/result.h"

namespace splicer {

struct SourcePlace {
  std::string file;
  unsigned line = 0;  // 0: the file as a whole
};

struct Finding {
  std::string code;
  bool refuse = true;      // false: a warning
  bool acceptable = true;  // false: the update cannot be made, whatever anybody accepts
  std::string name;        // "struct foo", "foo_read"
  SourcePlace place;       // in the patched source
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
  // Of what was seen, without the line where it was: eight hexadecimal digits.
  std::string digest() const;
  // What --accept takes: the title, "#", the digest.
  std::string acceptance() const { return title() + "#" + digest(); }
};

// One finding for each title and digest, with the users of all; ordered by file and line, general ones last.
std::vector<Finding> merge_findings(std::vector<Finding> findings);

// A new reference alone, or a new release alone, is a leak or its repair: a warning, if it is sure.
// Both in one patch, in two functions, are refused: an object that was made before the update gets
// one half.
void judge_references(std::vector<Finding>& findings);

// Takes the accepted ones out of `findings` and returns them. CODE:NAME without a digest is the one
// finding of that title. Errors: "accept-matches-nothing", "accept-ambiguous".
Result<std::vector<Finding>> take_accepted(std::vector<Finding>& findings,
                                           const std::vector<std::string>& accepted);

// Does one of these accept the finding, by its title or with its digest?
bool is_accepted(const Finding& finding, const std::vector<std::string>& accepted);

// "fs/foo.c:12: message", and below it was, is, users.
std::string finding_text(const Finding& finding);

// The refusal that says all of them. `findings` has at least one that refuses.
Failure refuse_findings(const std::vector<Finding>& findings);

}  // namespace splicer
