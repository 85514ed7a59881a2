// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/compare_start_up.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

namespace splicer {

namespace {

const std::map<std::string, std::set<std::string>>* set_up_by(const UnitFacts& facts,
                                                              const std::string& function) {
  const auto found = facts.functions.find(function);
  return found == facts.functions.end() ? nullptr : &found->second.uses.sets_up;
}

// A symbol of another file's has no type in an object: what the source mentions as a function is one,
// and calling it sets nothing up that it names.
bool is_function(const UnitFacts& facts, const std::string& name) {
  return facts.functions.contains(name) ||
         std::ranges::any_of(facts.functions, [&name](const auto& function) {
           return function.second.mentions.contains(name);
         });
}

// The first variable that new code uses and that this function now sets up, or sets up otherwise.
std::string set_up_anew(const UnitFacts& pre, const UnitFacts& post, const InitChange& change,
                        const std::set<std::string>& used) {
  for (const std::string& name : change.gained)
    if (used.contains(name) && !is_function(post, name)) return name;
  const auto* before = set_up_by(pre, change.name);
  const auto* after = set_up_by(post, change.name);
  if (after == nullptr) return {};
  for (const auto& [name, statements] : *after) {
    if (!used.contains(name)) continue;
    if (before == nullptr) return name;
    const auto theirs = before->find(name);
    if (theirs == before->end() || !std::ranges::includes(theirs->second, statements)) return name;
  }
  return {};
}

}  // namespace

std::vector<Finding> compare_start_up(const UnitFacts& pre, const UnitFacts& post,
                                      const std::string& source, const UnitDiff& diff,
                                      const std::set<std::string>& used) {
  const auto exit = std::ranges::find_if(
      diff.exit_changes, [](const InitChange& change) { return !change.gained.empty(); });
  std::vector<Finding> findings;
  for (const InitChange& change : diff.init_changes) {
    Finding finding;
    finding.code = "init-code-changed";
    finding.name = change.name;
    finding.place.file = source;
    if (const auto facts = post.functions.find(change.name); facts != post.functions.end())
      finding.place = facts->second.place;
    finding.remedy = "load the module anew with the fix, or reboot";
    const std::string variable = set_up_anew(pre, post, change, used);
    if (!variable.empty()) {
      finding.message = fmt::format(
          "{} is start-up code, which has run; the patch lets it set up {}, which new code uses",
          change.name, variable);
      finding.is = variable;
      finding.remedy = fmt::format(
          "set {} up in a hook of the update (splice.h(3)), or leave the change out", variable);
    } else if (!change.gained.empty() && exit != diff.exit_changes.end()) {
      finding.message = fmt::format(
          "the patch changes init code ({}), which has run, together with {}, which undoes it",
          change.name, exit->name);
    } else {
      finding.refuse = false;
      finding.message =
          fmt::format("{} is start-up code: its change takes effect after a reboot", change.name);
    }
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace splicer
