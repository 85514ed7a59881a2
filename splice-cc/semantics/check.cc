// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/check.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>
#include <utility>

#include "matcher/base/parallel.h"
#include "splice-cc/diff/accounts.h"
#include "splice-cc/findings/findings.h"
#include "splice-cc/semantics/clang_unit.h"
#include "splice-cc/semantics/compare_arithmetic.h"
#include "splice-cc/semantics/compare_effects.h"
#include "splice-cc/semantics/compare_memory.h"
#include "splice-cc/semantics/compare_places.h"
#include "splice-cc/semantics/compare_start_up.h"
#include "splice-cc/semantics/compare_types.h"
#include "splice-cc/semantics/compare_uses.h"
#include "splice-cc/semantics/compare_values.h"
#include "splice-cc/semantics/read_facts.h"
#include "splice-cc/semantics/renamed_members.h"
#include "splice-cc/semantics/values_in_place.h"

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
  return with_syntax_tree({folder, unit.source, std::move(options), versions.kbuild.readable()},
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

// "__BTF_ID__func__NAME__12": the kernel lets BPF programs call or attach to NAME.
void add_functions_of_bpf(const ElfObject& object, std::set<std::string>& functions) {
  constexpr std::string_view kLabel = "__BTF_ID__func__";
  for (const Symbol& symbol : object.symbols()) {
    if (!symbol.name.starts_with(kLabel)) continue;
    const std::string name = symbol.name.substr(kLabel.size());
    functions.insert(name.substr(0, name.rfind("__")));
  }
}

ChangedCode changed_code(const UnitPair& pair, const UnitDiff& diff,
                         const SourceVersions& versions) {
  ChangedCode code;
  code.patched = versions.patched;
  add_functions_of_bpf(pair.pre_object, code.of_bpf);
  for (const ReplacedFunction& function : diff.replaced)
    code.replaced.insert(base_name(function.name));
  for (const Symbol& symbol : pair.pre_object.symbols())
    if (symbol.is_function()) code.compiled.insert(base_name(symbol.name));
  return code;
}

// The structures and enumerators that the new code of a unit uses, where the patch leaves them as they
// are: what it changes is a finding. A structure of a function has no name in the kernel's type
// information.
UsedNames used_names(const UnitFacts& pre, const UnitFacts& post, const UnitDiff& diff) {
  std::set<std::string> code;
  for (const ReplacedFunction& function : diff.replaced) code.insert(base_name(function.name));
  for (const std::string& name : diff.added) code.insert(base_name(name));
  UsedNames used;
  used.declarations = post.declarations;
  for (const auto& [name, users] : post.users) {
    const auto is_of_code = [&](const std::string& user) { return code.contains(user); };
    if (const auto old = pre.enumerators.find(name), now = post.enumerators.find(name);
        old != pre.enumerators.end() && now != post.enumerators.end() &&
        old->second.value == now->second.value && std::ranges::any_of(users, is_of_code))
      used.enumerators.emplace(name, now->second.value);
    const auto before = pre.records.find(name);
    const auto after = post.records.find(name);
    if (before == pre.records.end() || after == post.records.end() ||
        name.find(" of ") != std::string::npos || name.find(" in ") != std::string::npos ||
        before->second.size != after->second.size ||
        before->second.members != after->second.members || std::ranges::none_of(users, is_of_code))
      continue;
    TypeLayout layout{name, after->second.size, {}};
    for (const MemberFacts& member : after->second.members)
      if (!member.name.empty() && !member.name.ends_with('.') &&
          member.name.find_first_of("[-") == std::string::npos)  // not of the record itself
        layout.members.push_back({member.name, member.offset, member.width, member.layout});
    used.layouts.emplace(name, std::move(layout));
  }
  return used;
}

bool is_of_variable(const Finding& finding) {
  static constexpr std::array<const char*, 4> kCodes = {
      "initial-value-changed", "data-size-changed", "function-table-changed",
      "readonly-data-changed"};
  return std::ranges::find(kCodes, finding.code) != kCodes.end();
}

void describe_variables(const UnitFacts& before, const UnitFacts& after,
                        std::vector<Finding>& findings) {
  for (Finding& finding : findings)
    if (is_of_variable(finding)) describe_variable_change(before, after, finding);
}

Finding not_checked(const Unit& unit, const std::string& error) {
  Finding finding;
  finding.code = "meaning-not-checked";
  finding.name = unit.source;
  finding.place.file = unit.source;
  finding.message =
      fmt::format("the semantic check of structures, locks and references was not made: {}", error);
  finding.remedy = "read the patch with care, and accept this if nothing live changes its meaning";
  return finding;
}

bool has_changes(const UnitDiff& diff) {
  return !diff.replaced.empty() || !diff.init_changes.empty() || !diff.findings.empty();
}

// What has been found in the units so far. Facts of a unit are some megabytes, and thousands of
// units may read one header: only what all units are compared by is kept of each.
class Checking {
 public:
  explicit Checking(const SourceVersions& versions) : versions_(versions) {}

  // Uses up the unit's reading.
  void add(ChangedUnit& unit) {
    const auto reading = std::exchange(unit.reading, nullptr);
    auto& [before, after, error] = *reading;
    if (error) check_.findings.push_back(not_checked(unit.unit, *error));
    const UnitFacts nothing;
    add(compare_start_up(error ? nothing : before, error ? nothing : after, unit.unit.source,
                         *unit.diff, variables_of_new_code(unit)));
    if (error) {
      forbid_defaults(*unit.diff);
      return;
    }
    permit_values(before, after, *unit.pair, *unit.diff);
    describe_variables(before, after, unit.diff->findings);
    check_.used[unit.unit.target].merge(used_names(before, after, *unit.diff));
    const ChangedCode code = changed_code(*unit.pair, *unit.diff, versions_);
    add(compare_types(before, after, code));
    follow_renamed_members(before, after);
    add(compare_effects(before, after, code));
    add(compare_uses(before, after, code));
    states_.add(before, after, code);
    places_.add(before, after, code);
    arithmetic_.add(before, after, code);
    values_.add(before, after, code);
    merge_memory(memory_before_, before.memory);
    merge_memory(memory_after_, after.memory);
  }

  SemanticCheck take() {
    add(states_.compare());
    add(places_.compare());
    add(arithmetic_.compare());
    add(values_.compare());
    add(compare_memory(memory_before_, memory_after_));
    judge_references(check_.findings);
    return std::move(check_);
  }

 private:
  void add(std::vector<Finding> findings) {
    std::ranges::move(findings, std::back_inserter(check_.findings));
  }

  const SourceVersions& versions_;
  SemanticCheck check_;
  StateValues states_;
  PlaceComparison places_;
  ArithmeticComparison arithmetic_;
  ValueComparison values_;
  std::map<std::string, MemoryFacts> memory_before_;
  std::map<std::string, MemoryFacts> memory_after_;
};

}  // namespace

SemanticCheck check_units(std::span<ChangedUnit> units, const SourceVersions& versions) {
  std::vector<ChangedUnit*> changed;
  for (ChangedUnit& unit : units) {
    if (has_changes(*unit.diff) && is_c(unit.unit)) {
      changed.push_back(&unit);
    } else {
      unit.reading.reset();
      forbid_defaults(*unit.diff);
    }
  }
  Checking checking(versions);
  // Two for each thread, four parses: none waits long for the last one.
  const std::size_t group = std::size_t{2} * versions.jobs;
  for (std::size_t first = 0; first < changed.size(); first += group) {
    const std::vector<ChangedUnit*> some(
        changed.begin() + static_cast<std::ptrdiff_t>(first),
        changed.begin() + static_cast<std::ptrdiff_t>(std::min(first + group, changed.size())));
    read_all(some, versions);
    for (ChangedUnit* unit : some) checking.add(*unit);
  }
  return checking.take();
}

std::vector<Finding> check_layouts(std::span<ChangedUnit> units, const std::set<std::string>& files,
                                   const SourceVersions& versions) {
  std::vector<ChangedUnit*> in_c;
  for (ChangedUnit& unit : units)
    if (is_c(unit.unit)) in_c.push_back(&unit);
  read_all(in_c, versions);
  std::vector<Finding> findings;
  for (const ChangedUnit* unit : in_c) {
    if (unit->reading->error) continue;
    for (Finding& finding : compare_types(unit->reading->before, unit->reading->after, {}))
      if (finding.refuse && files.contains(finding.place.file) &&
          (finding.code == "layout-changed" || finding.code == "enum-changed"))
        findings.push_back(std::move(finding));
  }
  return findings;
}

void explain_variables(ChangedUnit& unit, std::vector<Finding>& findings,
                       const SourceVersions& versions) {
  if (!is_c(unit.unit) || std::ranges::none_of(findings, is_of_variable)) return;
  read_all({&unit}, versions);
  if (!unit.reading->error) describe_variables(unit.reading->before, unit.reading->after, findings);
}

std::vector<Finding> findings_that_stay(ChangedUnit& unit, const SourceVersions& versions) {
  UnitDiff judged = *unit.diff;
  if (judged.values.empty() || !is_c(unit.unit)) return std::move(judged.findings);
  read_all({&unit}, versions);
  if (!unit.reading->error)
    permit_values(unit.reading->before, unit.reading->after, *unit.pair, judged);
  return std::move(judged.findings);
}

}  // namespace splicer
