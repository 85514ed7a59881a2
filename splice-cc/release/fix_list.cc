// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/release/fix_list.h"

#include <fmt/core.h>

#include <array>

#include "matcher/base/file.h"
#include "matcher/base/safe_path.h"
#include "runtime/package/cve.h"
#include "splice-cc/headers/c_scanner.h"

namespace splicer {

namespace {

constexpr std::size_t kFields = 4;

std::array<std::string, kFields> fields_of(std::string_view line) {
  std::array<std::string, kFields> fields;
  for (std::size_t i = 0; i < kFields && !line.empty(); ++i) {
    const std::size_t end = i + 1 == kFields ? line.size() : std::min(line.find('\t'), line.size());
    fields[i] = trimmed(line.substr(0, end));
    line.remove_prefix(std::min(line.size(), end + 1));
  }
  return fields;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(", "), text.size());
    if (end != 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return words;
}

}  // namespace

Result<std::vector<WantedFix>> parse_fix_list(std::string_view text, const std::string& name) {
  std::vector<WantedFix> fixes;
  std::size_t number = 0;
  for (const std::string& line : split_lines(text)) {
    ++number;
    if (trimmed(line).empty() || line.starts_with('#') || line.starts_with("cve\t")) continue;
    auto [ids, architectures, file, title] = fields_of(line);
    WantedFix fix{cve_ids_in(ids), words_of(architectures), std::move(file), std::move(title)};
    const bool ids_only = fix.cves.size() == words_of(ids).size();
    if (fix.cves.empty() || !ids_only || (!fix.file.empty() && !is_safe_path(fix.file)))
      return fail(
                 ExitCode::error, "fix-list-malformed",
                 fmt::format("line {} has {}", number,
                             fix.cves.empty() || !ids_only ? "something else than CVE ids first"
                                                           : "a path that leads out of the source"))
          .at_file(name)
          .hint(
              "write a CVE id in a line, or id, architectures, file and title with tabs between "
              "them");
    fixes.push_back(std::move(fix));
  }
  return fixes;
}

}  // namespace splicer
