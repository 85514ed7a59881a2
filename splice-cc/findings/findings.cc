// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/findings/findings.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "runtime/package/digest.h"

namespace splicer {

namespace {

constexpr std::size_t kUsersShown = 6;

std::string users_text(const std::vector<std::string>& users) {
  std::string text;
  for (std::size_t i = 0; i < users.size() && i < kUsersShown; ++i)
    text += (i == 0 ? "" : ", ") + users[i];
  if (users.size() > kUsersShown) text += fmt::format(" and {} more", users.size() - kUsersShown);
  return text;
}

std::string acceptances(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings)
    if (finding.acceptable)
      text += fmt::format("{}'{}'", text.empty() ? "" : ", ", finding.acceptance());
  return text;
}

// Whatever two halves are: another finding may say more exactly what it is, and its code comes first.
bool is_general(const Finding& finding) {
  return finding.code == "encoding-changed" || finding.code == "member-changed";
}

}  // namespace

std::string Finding::digest() const {
  constexpr std::size_t kDigits = 8;
  return sha256_hex(fmt::format("{}\n{}\n{}", message, was, is)).substr(0, kDigits);
}

std::vector<Finding> merge_findings(std::vector<Finding> findings) {
  std::map<std::string, Finding> merged;
  for (Finding& finding : findings) {
    const auto [entry, fresh] = merged.try_emplace(finding.acceptance(), finding);
    if (fresh) continue;
    Finding& kept = entry->second;
    if (finding.refuse && !kept.refuse) std::swap(kept, finding);
    for (std::string& user : finding.users)
      if (std::find(kept.users.begin(), kept.users.end(), user) == kept.users.end())
        kept.users.push_back(std::move(user));
  }
  std::vector<Finding> all;
  all.reserve(merged.size());
  for (auto& [name, finding] : merged) all.push_back(std::move(finding));
  std::stable_sort(all.begin(), all.end(), [](const Finding& a, const Finding& b) {
    return std::tuple(is_general(a), std::tie(a.place.file, a.place.line)) <
           std::tuple(is_general(b), std::tie(b.place.file, b.place.line));
  });
  return all;
}

void judge_references(std::vector<Finding>& findings) {
  for (Finding& finding : findings) {
    if (finding.change == 0) continue;
    for (const Finding& other : findings) {
      if (other.counted != finding.counted || other.change != -finding.change ||
          other.name == finding.name)
        continue;
      finding.refuse = true;
      finding.message += fmt::format(
          ", and {} does the opposite: objects created before the update would see only one of the "
          "two",
          other.name);
      break;
    }
  }
  std::erase_if(findings, [](const Finding& finding) { return !finding.refuse && !finding.sure; });
}

Result<std::vector<Finding>> take_accepted(std::vector<Finding>& findings,
                                           const std::vector<std::string>& accepted) {
  std::vector<Finding> taken;
  const std::vector<Finding> all = findings;
  for (const std::string& one : std::set<std::string>(accepted.begin(), accepted.end())) {
    const auto matches = [&one](const Finding& finding) { return is_accepted(finding, {one}); };
    const auto found = std::find_if(findings.begin(), findings.end(), matches);
    const std::string there = acceptances(all);
    if (found == findings.end())
      return fail(ExitCode::usage, "accept-matches-nothing",
                  fmt::format("there is no finding '{}' to accept", one))
          .hint(there.empty() ? "nothing was found; leave the option out"
                              : fmt::format("found: {}", there));
    if (std::find_if(std::next(found), findings.end(), matches) != findings.end())
      return fail(ExitCode::usage, "accept-ambiguous",
                  fmt::format("'{}' is the name of several findings", one))
          .hint(fmt::format("name each with its digest: {}", there));
    taken.push_back(std::move(*found));
    findings.erase(found);
  }
  return taken;
}

bool is_accepted(const Finding& finding, const std::vector<std::string>& accepted) {
  return finding.acceptable && std::ranges::any_of(accepted, [&](const std::string& one) {
           return one == finding.title() || one == finding.acceptance();
         });
}

std::string finding_text(const Finding& finding) {
  std::string text = finding.message;
  if (finding.place.line != 0)
    text = fmt::format("{}:{}: {}", finding.place.file, finding.place.line, finding.message);
  else if (!finding.place.file.empty())
    text = fmt::format("{}: {}: {}", finding.place.file, finding.name, finding.message);
  if (!finding.was.empty()) text += "\n    was: " + finding.was;
  if (!finding.is.empty()) text += "\n    is:  " + finding.is;
  if (!finding.users.empty()) text += "\n    used by " + users_text(finding.users);
  return text;
}

Failure refuse_findings(const std::vector<Finding>& findings) {
  const auto first = std::find_if(findings.begin(), findings.end(),
                                  [](const Finding& finding) { return finding.refuse; });
  std::string detail;
  std::size_t refused = 0;
  for (const Finding& finding : findings) {
    if (!finding.refuse) continue;
    detail += fmt::format("{}{}\n    {}", refused++ == 0 ? "" : "\n", finding_text(finding),
                          finding.remedy);
    detail += finding.acceptable
                  ? fmt::format("\n    accept it with --accept '{}'", finding.acceptance())
                  : "\n    it cannot be accepted";
  }
  std::string message = first->message;
  if (refused > 1) message += fmt::format(" (and {} more below)", refused - 1);
  return fail(ExitCode::unsafe, first->code, message)
      .at_file(first->place.line == 0 ? first->place.file
                                      : fmt::format("{}:{}", first->place.file, first->place.line))
      .in_function(first->name)
      .detail(detail)
      .hint(first->remedy);
}

}  // namespace splicer
