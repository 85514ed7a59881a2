// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which CVEs an update made from a release fixes: a row for each, {in, left out, not built here, unknown}.
//
// Debian's changelog has a title and ids, no commit and no file. What a row says rests on one of three:
//
//     function   the title names a function that the release changes: "... in merge_reloc_roots()"
//     file       somebody has said which file (fix_list.h)
//     subsystem  the words before the title's colon, "can: bcm:", and the folders of the files that they may mean
//
// It is "in" by its function if all changed code of that name is in, and nothing that is left out mentions it; by
// a file or a subsystem only if nothing of the code that this kernel has of it is left out. It is "not built here"
// if what it may mean is in no file that this configuration compiles, or makes no difference there. Whatever else is "unknown".
//
// Invariant: "in" is never said of a fix of which a part that may belong to it is left out, or comes into force
// at a reboot only. A CVE with several lines has the worst of their states.
// Cost: for each line, linear in the parts.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "splice-cc/release/changelog.h"
#include "splice-cc/release/fix_list.h"

namespace splicer {

// Hunks that go together (leave_out.h).
struct ReleasePart {
  std::string file;
  std::string
      heads;  // of the constructs that they touch, a line each, and what they add at the top level
  std::string text;      // of these constructs, and of the hunks
  std::string left_out;  // why, beginning with a finding's or an error's code; empty: it is in
  bool needed = true;    // false: it is built, and the compiled code is the same without it
};

struct ReleaseParts {
  std::vector<ReleasePart> parts;
  std::set<std::string> built;  // files that this configuration compiles, and what they include
  // Functions and variables whose change comes into force at a reboot only, by the file of the unit.
  std::map<std::string, std::set<std::string>> start_up;
};

// From good to bad: of a fix with a part that is in and one that is not built here, what counts is in.
enum class FixState { not_built, in, unknown, left_out };

struct FixRow {
  std::string cve;
  std::vector<std::string> titles;
  FixState state = FixState::unknown;
  std::string by;               // "function", "file", "subsystem", or empty
  std::set<std::string> files;  // that hold it, as far as that is known
  std::set<std::string> functions;
  std::string why;
  std::string remedy;
};

// A line of the changelog, and the files that somebody has said it is in.
struct FixLine {
  ChangelogLine line;
  std::string file;
};

// The lines that are wanted; all, if `wanted` is null. What a list says is taken before the changelog: its titles,
// if it has some, and its files. Errors: "fix-not-in-release", if a wanted CVE is in no line.
Result<std::vector<FixLine>> fix_lines(const std::vector<ChangelogLine>& changelog,
                                       const std::vector<WantedFix>* wanted);

// Files of the parts that the line may be about; what has to be in for it.
std::set<std::string> files_of(const FixLine& line, const ReleaseParts& parts);

// By id. One row for each.
std::vector<FixRow> fix_table(const std::vector<FixLine>& lines, const ReleaseParts& parts);

const char* name_of(FixState state);  // "in", "left out", ...
std::string table_text(const std::vector<FixRow>& rows);
nlohmann::json table_json(const std::vector<FixRow>& rows);
// One document that needs no other. `title` is its heading.
std::string table_html(const std::vector<FixRow>& rows, const std::string& title);

}  // namespace splicer
