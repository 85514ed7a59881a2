// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/check.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>

#include "matcher/base/parallel.h"
#include "splice-cc/semantics/clang_unit.h"
#include "splice-cc/semantics/compare_facts.h"
#include "splice-cc/semantics/findings.h"
#include "splice-cc/semantics/read_facts.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

// One version of a unit.
struct Reading {
  UnitFacts facts;
  std::optional<std::string> error;
};

using Versions = std::array<Reading, 2>;  // pre, post

Reading read_version(const Creation& creation, const Unit& unit, const fs::path& folder) {
  Reading reading;
  const auto command = creation.kbuild->command(unit);
  if (!command) {
    reading.error = command.error().message;
    return reading;
  }
  std::vector<std::string> options = clang_options(*command);
  options.insert(options.end(), {"-idirafter", creation.options.include_folder.string()});
  reading.error = with_syntax_tree(
      {folder, unit.source, std::move(options)},
      [&reading](clang::ASTContext& context) { reading.facts = read_facts(context); });
  return reading;
}

// All versions of all units, as many at a time as there are jobs.
std::vector<Versions> read_all(const Creation& creation, const std::vector<const Unit*>& units,
                               const VersionFolders& folders) {
  std::vector<Versions> all(units.size());
  for_each_in_threads(2 * units.size(), creation.options.jobs, [&](std::size_t i) {
    all[i / 2][i % 2] = read_version(creation, *units[i / 2], folders.at(i % 2));
  });
  return all;
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
std::map<std::string, TypeLayout> used_layouts(const UnitFacts& pre, const UnitFacts& post,
                                               const UnitDiff& diff) {
  std::set<std::string> code;
  for (const ReplacedFunction& function : diff.replaced) code.insert(base_name(function.name));
  for (const std::string& name : diff.added) code.insert(base_name(name));
  std::map<std::string, TypeLayout> layouts;
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
  finding.message = fmt::format(
      "{}: whether structures, locks and references keep their meaning was not checked: {}",
      unit.source, error);
  return finding;
}

bool is_c(const Unit& unit) { return unit.source.ends_with(".c"); }

}  // namespace

Result<void> check_meaning(Creation& creation) {
  std::vector<const Unit*> units;
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < creation.pairs.size(); ++i) {
    const Unit& unit = creation.pairs[i]->unit;
    if (creation.diffs[i].replaced.empty() || !is_c(unit)) continue;
    units.push_back(&unit);
    numbers.push_back(i);
  }
  const std::vector<Versions> versions = read_all(creation, units, build_folders(creation));
  std::vector<Finding> findings;
  for (std::size_t i = 0; i < units.size(); ++i) {
    const auto& [pre, post] = versions[i];
    if (pre.error || post.error) {
      findings.push_back(not_checked(*units[i], pre.error ? *pre.error : *post.error));
      continue;
    }
    const std::size_t number = numbers[i];
    creation.types[units[i]->target].merge(
        used_layouts(pre.facts, post.facts, creation.diffs[number]));
    auto found = compare_meaning(pre.facts, post.facts,
                                 changed_code(*creation.pairs[number], creation.diffs[number]));
    std::move(found.begin(), found.end(), std::back_inserter(findings));
  }
  judge_references(findings);
  findings = merge_findings(std::move(findings));
  auto accepted = take_accepted(findings, creation.options.accepted);
  if (!accepted) return propagate(accepted);
  for (const Finding& finding : *accepted)
    creation.package.manifest.accepted.push_back({finding.title(), finding.message});
  if (std::any_of(findings.begin(), findings.end(),
                  [](const Finding& finding) { return finding.refuse; }))
    return refuse_findings(findings);
  for (const Finding& finding : findings)
    creation.warnings.push_back(
        finding.place.file.empty()
            ? finding.message
            : fmt::format("{}:{}: {}", finding.place.file, finding.place.line, finding.message));
  return {};
}

Result<void> check_layouts(const Creation& creation, const std::vector<Unit>& units,
                           const std::set<std::string>& files, const VersionFolders& folders) {
  std::vector<const Unit*> in_c;
  for (const Unit& unit : units)
    if (is_c(unit)) in_c.push_back(&unit);
  const auto& accepted = creation.options.accepted;
  std::vector<Finding> findings;
  for (const auto& [pre, post] : read_all(creation, in_c, folders)) {
    if (pre.error || post.error) continue;
    for (Finding& finding : compare_meaning(pre.facts, post.facts, {}))
      if (finding.refuse && files.contains(finding.place.file) &&
          (finding.code == "layout-changed" || finding.code == "enum-changed") &&
          std::find(accepted.begin(), accepted.end(), finding.title()) == accepted.end())
        findings.push_back(std::move(finding));
  }
  if (findings.empty()) return {};
  return refuse_findings(merge_findings(std::move(findings)));
}

VersionFolders build_folders(const Creation& creation) {
  const fs::path& scratch = creation.scratch->path();
  return {creation.base.patches().empty() ? creation.tree.source : scratch / "pre",
          scratch / "post"};
}

Failure with_declarations(const Creation& creation, const UnitPair& unit, Error error,
                          const VersionFolders& folders) {
  static constexpr std::array<const char*, 4> kOfVariables = {
      "initial-value-changed", "data-size-changed", "function-table-changed",
      "readonly-data-changed"};
  if (!is_c(unit.unit) || !error.detail.empty() ||
      std::find(kOfVariables.begin(), kOfVariables.end(), error.code) == kOfVariables.end())
    return Failure(std::move(error));
  const std::vector<Versions> versions = read_all(creation, {&unit.unit}, folders);
  const auto& [pre, post] = versions.front();
  if (!pre.error && !post.error)
    error.detail = variable_change(pre.facts, post.facts, error.function);
  return Failure(std::move(error));
}

}  // namespace splicer
