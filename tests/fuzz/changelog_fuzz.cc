// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any bytes as a changelog, as a list of fixes and as a compiler's messages: refused, or lines with CVE ids, paths
// inside the tree, and names that stand in the text; what is made of them is a table with a row for each id.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>

#include "matcher/base/safe_path.h"
#include "runtime/package/cve.h"
#include "splice-cc/release/changelog.h"
#include "splice-cc/release/fix_list.h"
#include "splice-cc/release/fix_table.h"
#include "splice-cc/release/siblings.h"
#include "splice-cc/release/title.h"

namespace {

void check_title(const std::string& title) {
  const splicer::TitleNames names = splicer::names_in_title(title);
  for (const auto* list : {&names.functions, &names.words})
    for (const std::string& name : *list)
      if (title.find(name) == std::string::npos) std::abort();
}

void check_lines(const std::vector<splicer::ChangelogLine>& lines) {
  std::set<std::string> ids;
  for (const splicer::ChangelogLine& line : lines) {
    if (line.cves.empty() || !std::ranges::all_of(line.cves, splicer::is_cve_id)) std::abort();
    ids.insert(line.cves.begin(), line.cves.end());
    check_title(line.title);
  }
  const auto fixes = splicer::fix_lines(lines, nullptr);
  if (!fixes) std::abort();
  splicer::ReleaseParts parts;
  parts.parts.push_back({"net/core/dev.c", "int dev_get(int n)\n", "", "layout-changed:x", true});
  parts.built.insert("net/core/dev.c");
  const auto table = splicer::fix_table(*fixes, parts);
  if (table.size() != ids.size()) std::abort();
  for (const splicer::FixRow& row : table)
    if (row.state == splicer::FixState::in) std::abort();  // nothing is
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto lines = splicer::changelog_between(text, "1-1", "2-1");
  if (lines)
    check_lines(*lines);
  else if (lines.error().code != "release-version")
    std::abort();
  check_title(text);
  splicer::is_in_subsystem(text, splicer::names_in_title(text).subsystem);
  const auto list = splicer::parse_fix_list(text, "fuzz");
  if (list)
    for (const splicer::WantedFix& fix : *list)
      if (fix.cves.empty() || (!fix.file.empty() && !splicer::is_safe_path(fix.file))) std::abort();
  for (const splicer::Complaint& complaint : splicer::complaints_of(text))
    if (complaint.name.empty() && text.find("''") == std::string::npos) std::abort();
  return 0;
}
