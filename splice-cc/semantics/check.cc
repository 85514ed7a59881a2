// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/check.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <utility>

#include "matcher/base/parallel.h"
#include "splice-cc/semantics/clang_unit.h"
#include "splice-cc/semantics/compare_effects.h"
#include "splice-cc/semantics/compare_types.h"
#include "splice-cc/semantics/findings.h"
#include "splice-cc/semantics/read_facts.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

bool is_c(const Unit& unit) { return unit.source.ends_with(".c"); }

// One version of a unit; the error if Clang cannot parse it.
std::optional<std::string> read_version(const SourceVersions& versions, const Unit& unit,
                                        const fs::path& folder, UnitFacts& facts) {
  const auto command = versions.kbuild.command(unit);
  if (!command) return command.error().message;
  std::vector<std::string> options = clang_options(*command);
  options.insert(options.end(), {"-idirafter", versions.kbuild.hooks().string()});
  return with_syntax_tree({folder, unit.source, std::move(options)},
                          [&facts](clang::ASTContext& context) { facts = read_facts(context); });
}

// Reads both versions of those units that are not read yet, as many at a time as there are jobs.
void read_all(const std::vector<ChangedUnit*>& units, const SourceVersions& versions) {
  struct Work {
    ChangedUnit* unit;
    std::shared_ptr<UnitReading> reading = std::make_shared<UnitReading>();
    std::array<std::optional<std::string>, 2> errors = {};
  };
  std::vector<Work> work;
  for (ChangedUnit* unit : units)
    if (!unit->reading) work.push_back({unit});
  for_each_in_threads(2 * work.size(), versions.jobs, [&](std::size_t i) {
    Work& one = work[i / 2];
    UnitFacts& facts = i % 2 == 0 ? one.reading->before : one.reading->after;
    one.errors.at(i % 2) =
        read_version(versions, one.unit->unit, versions.folders.at(i % 2), facts);
  });
  for (Work& one : work) {
    one.reading->error = std::move(one.errors[0] ? one.errors[0] : one.errors[1]);
    one.unit->reading = std::move(one.reading);
  }
}

std::string base_name(const std::string& symbol) { return symbol.substr(0, symbol.find('.')); }

ChangedCode changed_code(const UnitPair& pair, const UnitDiff& diff) {
  ChangedCode code;
  for (const ReplacedFunction& function : diff.replaced)
    code.replaced.insert(base_name(function.name));
  for (const Symbol& symbol : pair.pre_object.symbols())
    if (symbol.is_function()) code.compiled.insert(base_name(symbol.name));
  return code;
}

// The structures that the new code of a unit uses, where the patch leaves them as they are: what it
// changes is a finding. A structure of a function has no name in the kernel's type information.
UsedLayouts used_layouts(const UnitFacts& pre, const UnitFacts& post, const UnitDiff& diff) {
  std::set<std::string> code;
  for (const ReplacedFunction& function : diff.replaced) code.insert(base_name(function.name));
  for (const std::string& name : diff.added) code.insert(base_name(name));
  UsedLayouts layouts;
  for (const auto& [name, users] : post.users) {
    const auto before = pre.records.find(name);
    const auto after = post.records.find(name);
    if (before == pre.records.end() || after == post.records.end() ||
        name.find(" of ") != std::string::npos || name.find(" in ") != std::string::npos ||
        before->second.size != after->second.size ||
        before->second.members != after->second.members ||
        std::none_of(users.begin(), users.end(),
                     [&](const std::string& user) { return code.contains(user); }))
      continue;
    TypeLayout layout{name, after->second.size, {}};
    for (const MemberFacts& member : after->second.members)
      if (!member.name.empty() && !member.name.ends_with('.'))
        layout.members.push_back({member.name, member.offset, member.width});
    layouts.emplace(name, std::move(layout));
  }
  return layouts;
}

Finding not_checked(const Unit& unit, const std::string& error) {
  Finding finding;
  finding.code = "meaning-not-checked";
  finding.refuse = false;
  finding.name = unit.source;
  finding.message =
      fmt::format("{}: the semantic check of structures, locks and references was not made: {}",
                  unit.source, error);
  return finding;
}

}  // namespace

Result<SemanticCheck> check_units(std::span<ChangedUnit> units, const SourceVersions& versions,
                                  const std::vector<std::string>& accepted) {
  std::vector<ChangedUnit*> changed;
  for (ChangedUnit& unit : units) {
    if (!unit.diff->replaced.empty() && is_c(unit.unit)) {
      changed.push_back(&unit);
    } else {
      unit.reading.reset();
    }
  }
  read_all(changed, versions);
  SemanticCheck check;
  std::vector<Finding> findings;
  for (ChangedUnit* unit : changed) {
    const auto reading = std::exchange(unit->reading, nullptr);
    if (reading->error) {
      findings.push_back(not_checked(unit->unit, *reading->error));
      continue;
    }
    const auto& [before, after, error] = *reading;
    check.layouts[unit->unit.target].merge(used_layouts(before, after, *unit->diff));
    const ChangedCode code = changed_code(*unit->pair, *unit->diff);
    std::ranges::move(compare_types(before, after, code), std::back_inserter(findings));
    std::ranges::move(compare_effects(before, after, code), std::back_inserter(findings));
  }
  judge_references(findings);
  findings = merge_findings(std::move(findings));
  auto taken = take_accepted(findings, accepted);
  if (!taken) return propagate(taken);
  check.accepted = std::move(*taken);
  if (std::ranges::any_of(findings, &Finding::refuse)) return refuse_findings(findings);
  for (const Finding& finding : findings)
    check.warnings.push_back(
        finding.place.file.empty()
            ? finding.message
            : fmt::format("{}:{}: {}", finding.place.file, finding.place.line, finding.message));
  return check;
}

Result<void> check_layouts(std::span<ChangedUnit> units, const std::set<std::string>& files,
                           const SourceVersions& versions,
                           const std::vector<std::string>& accepted) {
  std::vector<ChangedUnit*> in_c;
  for (ChangedUnit& unit : units)
    if (is_c(unit.unit)) in_c.push_back(&unit);
  read_all(in_c, versions);
  std::vector<Finding> findings;
  for (const ChangedUnit* unit : in_c) {
    if (unit->reading->error) continue;
    for (Finding& finding : compare_types(unit->reading->before, unit->reading->after, {}))
      if (finding.refuse && files.contains(finding.place.file) &&
          (finding.code == "layout-changed" || finding.code == "enum-changed") &&
          std::ranges::find(accepted, finding.title()) == accepted.end())
        findings.push_back(std::move(finding));
  }
  if (findings.empty()) return {};
  return refuse_findings(merge_findings(std::move(findings)));
}

Failure with_declarations(ChangedUnit& unit, Error error, const SourceVersions& versions) {
  static constexpr std::array<const char*, 4> kOfVariables = {
      "initial-value-changed", "data-size-changed", "function-table-changed",
      "readonly-data-changed"};
  if (!is_c(unit.unit) || !error.detail.empty() ||
      std::ranges::find(kOfVariables, error.code) == kOfVariables.end())
    return Failure(std::move(error));
  read_all({&unit}, versions);
  if (!unit.reading->error)
    error.detail = variable_change(unit.reading->before, unit.reading->after, error.function);
  return Failure(std::move(error));
}

}  // namespace splicer
