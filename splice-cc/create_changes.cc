// SPDX-License-Identifier: GPL-2.0-or-later
//
// Passes: what the patch changes, in the objects and in the sources, and whether that can be done
// live.
#include <fmt/core.h>

#include <algorithm>

#include "matcher/base/wording.h"
#include "splice-cc/create.h"
#include "splice-cc/diff/accounts.h"
#include "splice-cc/diff/describe.h"
#include "splice-cc/source/weak_definitions.h"

namespace splicer {

namespace {

// What the differ saw of a unit, for --debug.
void show(const Console& console, const ChangedUnit& unit) {
  for (const auto& [version, table] :
       {std::pair{"pre", unit.pair->pre.get()}, std::pair{"post", unit.pair->post.get()}})
    if (console.debugs("atoms"))
      for (const std::string& line : describe_atoms(*table))
        console.debug("atoms", "{} {}: {}", unit.unit.name, version, line);
  if (console.debugs("twins"))
    for (const std::string& line : describe_twins(*unit.pair))
      console.debug("twins", "{}: {}", unit.unit.name, line);
}

// Takes the objects apart; shown before they are compared, which may refuse them.
Result<void> open_and_show(const Creation& creation, ChangedUnit& unit) {
  if (unit.pair) return {};
  if (auto opened = open_pair(unit); !opened) return opened;
  show(creation.console, unit);
  return {};
}

// Compares all until none changes: a unit may need a new function that another one defines, which
// needs another. Only units that define a newly wanted name are compared again.
Result<void> compare_all(Creation& creation) {
  // An object that cannot be taken apart comes before all that is found in others.
  for (ChangedUnit& unit : creation.units)
    if (auto opened = open_and_show(creation, unit); !opened) return opened;
  std::set<std::string> wanted;
  for (bool more = true; more;) {
    more = false;
    for (ChangedUnit& unit : creation.units) {
      if (auto compared = compare_and_show(creation, unit, wanted); !compared) return compared;
      for (const std::string& name : new_names_needed(*unit.pair, *unit.diff))
        more = wanted.insert(name).second || more;
    }
  }
  return {};
}

// What all units' diffs come to.
struct Changes {
  std::size_t replaced = 0;
  std::size_t hooks = 0;
  std::size_t values = 0;
  std::vector<std::string> init;           // "FILE: NAME"
  const ChangedUnit* exporting = nullptr;  // the first that exports something new
};

Changes changes_of(const Creation& creation) {
  Changes changes;
  for (const ChangedUnit& unit : creation.units) {
    changes.replaced += unit.diff->replaced.size();
    changes.hooks += unit.diff->hooks.size();
    changes.values += unit.diff->values.size();
    for (const InitChange& change : unit.diff->init_changes)
      changes.init.push_back(fmt::format("{}: {}", unit.unit.source, change.name));
    if (changes.exporting == nullptr && !unit.diff->exported.empty()) changes.exporting = &unit;
  }
  return changes;
}

// No code changes: says what does.
Failure refuse_without_code(Creation& creation, const Changes& changes) {
  if (changes.exporting != nullptr)
    return fail(ExitCode::unsafe, "special-section-changed",
                "the patch only exports a symbol, which the kernel reads only when it loads a "
                "module, and changes no code")
        .at_file(changes.exporting->unit.source)
        .in_function(changes.exporting->diff->exported.front())
        .hint("an export is for modules that are loaded later: it is there after a reboot");
  const bool differs = std::ranges::any_of(creation.units, [](const ChangedUnit& unit) {
    return !unit.diff->findings.empty() || !unit.diff->described.empty();
  });
  if (!differs && changes.init.empty())
    return nothing_changes(creation, "the compiled code is the same with and without the patch");
  if (!changes.init.empty())
    return needs_reboot(
        creation,
        fmt::format("the patch changes only init code, which ran at start-up and is gone ({})",
                    changes.init.front()));
  for (const ChangedUnit& unit : creation.units)
    if (!unit.diff->described.empty())
      return needs_reboot(creation,
                          fmt::format("the patch changes no code, only what the tracer of system "
                                      "calls prints ({})",
                                      unit.diff->described.front()));
  return needs_reboot(creation,
                      "the patch changes no code that runs, only what was read at start-up");
}

}  // namespace

Failure needs_reboot(const Creation& creation, const std::string& why) {
  return fail(ExitCode::unsafe, "needs-reboot", why)
      .at_file(creation.patches.patches().front().name)
      .hint("reboot into a kernel that has the fix: this one needs it");
}

bool is_made_into_source(const Creation& creation) {
  return std::ranges::any_of(
      creation.findings, [](const Finding& finding) { return finding.code == "generated-source"; });
}

Failure nothing_changes(Creation& creation, const std::string& why) {
  if (is_made_into_source(creation)) {
    if (auto refused = refuse_unaccepted(creation, creation.findings); !refused)
      return propagate(refused);
    return needs_reboot(creation, why);
  }
  return fail(ExitCode::no_change, "patch-changes-nothing", why)
      .at_file(creation.patches.patches().front().name)
      .hint("this kernel does not need the update");
}

Result<void> compare_and_show(const Creation& creation, ChangedUnit& unit,
                              const std::set<std::string>& wanted) {
  if (auto opened = open_and_show(creation, unit); !opened) return opened;
  return compare_unit(unit, wanted);
}

Result<void> refuse_unaccepted(Creation& creation, std::vector<Finding> findings) {
  std::erase_if(findings, [&](const Finding& finding) {
    return !finding.refuse || is_accepted(finding, creation.options.accepted);
  });
  if (findings.empty()) return {};
  creation.refused = merge_findings(std::move(findings));
  return refuse_findings(creation.refused);
}

// The kernel and each module read their own exports when they are loaded (kernel/module/main.c,
// resolve_symbol()): a module that wants this one is refused, whatever the update has.
Finding new_export(const ChangedUnit& unit, const std::string& name, bool leave_out) {
  Finding finding;
  finding.code = "special-section-changed";
  finding.name = name;
  finding.place.file = unit.unit.source;
  finding.refuse = !leave_out;  // else the export is what stays out, and this says so
  finding.message = fmt::format(
      "the patch newly exports {}: only the code of this update can use it before a reboot, and a "
      "module that asks for it cannot be loaded",
      name);
  finding.remedy = fmt::format(
      "leave the EXPORT_SYMBOL line of {} out: the code of the update, in all its modules, finds "
      "the "
      "function without it",
      name);
  return finding;
}

Result<void> compare_units(Creation& creation) {
  if (auto compared = compare_all(creation); !compared) return compared;
  const Changes changes = changes_of(creation);
  for (const ChangedUnit& unit : creation.units) {
    for (const ReplacedFunction& function : unit.diff->replaced)
      creation.console.detail("{}: {} is replaced: {}", unit.unit.name, function.name,
                              function.why);
    for (const std::string& name : unit.diff->added)
      creation.console.detail("{}: {} is new", unit.unit.name, name);
  }
  if (changes.replaced + changes.hooks + changes.values == 0) {
    std::vector<Finding> findings = creation.findings;
    for (ChangedUnit& unit : creation.units) {
      explain_variables(unit, unit.diff->findings, creation.versions());
      unit.reading.reset();  // nobody else will want it
      std::ranges::copy(unit.diff->findings, std::back_inserter(findings));
    }
    if (auto refused = refuse_unaccepted(creation, std::move(findings)); !refused) return refused;
    return refuse_without_code(creation, changes);
  }
  for (const ChangedUnit& unit : creation.units)
    for (const std::string& name : unit.diff->exported)
      creation.findings.push_back(new_export(unit, name, creation.options.leave_out));
  creation.console.stage(
      "{} to replace{}", counted(changes.replaced, "function"),
      changes.hooks == 0 ? "" : fmt::format(", {}", counted(changes.hooks, "hook")));
  return {};
}

Result<void> account(Creation& creation) {
  std::ranges::move(account_for_variables(creation.units), std::back_inserter(creation.findings));
  std::vector<std::string> names;
  std::vector<const ChangedUnit*> owners;  // of each name
  for (const ChangedUnit& unit : creation.units)
    for (const std::string& name : left_out_functions(unit)) {
      if (std::ranges::find(unit.diff->exported, name) != unit.diff->exported.end()) continue;
      names.push_back(name);
      owners.push_back(&unit);
    }
  if (names.empty()) return {};
  // It reads the whole source: once for all units.
  auto weak = weak_definitions(creation.tree.source, names);
  if (!weak) return propagate(weak);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto found = weak->find(names[i]);
    Finding finding;
    finding.code = "new-function-unused";
    finding.name = names[i];
    finding.place.file = owners[i]->unit.source;
    finding.remedy = fmt::format("change the definition of {} that the kernel has", names[i]);
    finding.refuse = found != weak->end();
    finding.message =
        finding.refuse
            ? fmt::format(
                  "{} is new here, but the running kernel goes on calling the weak "
                  "definition in {}",
                  names[i], found->second)
            : fmt::format("{} is new, and nothing in the update calls it: it is left out",
                          names[i]);
    creation.findings.push_back(std::move(finding));
  }
  return {};
}

Result<void> check_semantics(Creation& creation) {
  SemanticCheck check = check_units(creation.units, creation.versions());
  creation.used = std::move(check.used);
  std::ranges::move(check.findings, std::back_inserter(creation.findings));
  return {};
}

Result<void> judge_findings(Creation& creation) {
  std::vector<Finding> findings;
  for (ChangedUnit& unit : creation.units)
    std::ranges::move(unit.diff->findings, std::back_inserter(findings));
  std::ranges::move(creation.findings, std::back_inserter(findings));
  findings = merge_findings(std::move(findings));
  auto taken = take_accepted(findings, creation.options.accepted);
  if (!taken) return propagate(taken);
  for (const Finding& finding : *taken)
    creation.package.manifest.accepted.push_back({finding.acceptance(), finding.message});
  if (std::ranges::any_of(findings, &Finding::refuse)) {
    creation.refused = std::move(findings);
    return refuse_findings(creation.refused);
  }
  const Changes changes = changes_of(creation);
  if (changes.replaced + changes.hooks + changes.values == 0)
    return refuse_without_code(creation, changes);
  for (const ChangedUnit& unit : creation.units)
    for (const UnitValue& value : unit.diff->values)
      creation.console.stage("{} {} is written in place", value.name, value.what);
  for (const Finding& finding : findings)
    creation.warnings.push_back(
        finding.place.line == 0
            ? finding.message
            : fmt::format("{}:{}: {}", finding.place.file, finding.place.line, finding.message));
  creation.findings = std::move(findings);
  return {};
}

}  // namespace splicer
