// SPDX-License-Identifier: GPL-2.0-or-later
//
// Passes: what the patch changes, in the objects and in the sources, and whether that can be done
// live.
#include <fmt/core.h>

#include <algorithm>

#include "matcher/base/wording.h"
#include "splice-cc/create.h"
#include "splice-cc/diff/describe.h"

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
      if (auto compared = compare_or_explain(creation, unit, wanted); !compared) return compared;
      for (const std::string& name : new_names_needed(*unit.pair, *unit.diff))
        more = wanted.insert(name).second || more;
    }
  }
  return {};
}

// Init code has run. Its change alone waits for the next boot; together with the code that undoes
// it, the new exit code would undo what the old init code never did.
Result<void> refuse_init_with_exit(const ChangedUnit& unit) {
  if (unit.diff->init_changes.empty() || unit.diff->exit_changes.empty()) return {};
  return fail(ExitCode::unsafe, "init-code-changed",
              fmt::format("the patch changes init code ({}), which has run, together with the "
                          "code that undoes it",
                          unit.diff->init_changes.front()))
      .at_file(unit.unit.source)
      .in_function(*unit.diff->exit_changes.begin())
      .hint("reload the module with the fix instead, or reboot");
}

// What all units' diffs come to.
struct Changes {
  std::size_t replaced = 0;
  std::size_t hooks = 0;
  std::vector<std::string> init;           // "FILE: NAME"
  const ChangedUnit* exporting = nullptr;  // the first that exports something new
};

// No code changes: says what does.
Failure refuse_without_code(const Creation& creation, const Changes& changes) {
  if (changes.exporting != nullptr)
    return fail(ExitCode::unsafe, "special-section-changed",
                "the patch only exports a symbol, which the kernel reads only when it loads a "
                "module, and changes no code")
        .at_file(changes.exporting->unit.source)
        .in_function(changes.exporting->diff->exported.front())
        .hint("put the change that needs the export into the same update, or reboot");
  if (changes.init.empty())
    return nothing_changes(creation, "the compiled code is the same with and without the patch");
  return nothing_changes(creation,
                         fmt::format("the patch changes only init code, which ran at start-up and "
                                     "is gone ({})",
                                     changes.init.front()));
}

void warn_of_what_waits(Creation& creation, const Changes& changes) {
  for (const ChangedUnit& unit : creation.units)
    for (const std::string& name : unit.diff->exported)
      creation.warnings.push_back(fmt::format(
          "{} is newly exported: only the code of this update can use it before a reboot", name));
  for (const std::string& name : changes.init)
    creation.warnings.push_back(
        fmt::format("{} is start-up code: its change takes effect after a reboot", name));
}

}  // namespace

Failure nothing_changes(const Creation& creation, const std::string& why) {
  return fail(ExitCode::no_change, "patch-changes-nothing", why)
      .at_file(creation.patches.patches().front().name)
      .hint("this kernel does not need the update");
}

Result<void> compare_or_explain(const Creation& creation, ChangedUnit& unit,
                                const std::set<std::string>& wanted) {
  if (auto opened = open_and_show(creation, unit); !opened) return opened;
  if (auto compared = compare_unit(unit, wanted); !compared)
    return with_declarations(unit, std::move(compared.error()), creation.versions());
  return {};
}

Result<void> compare_units(Creation& creation) {
  if (auto compared = compare_all(creation); !compared) return compared;
  Changes changes;
  for (const ChangedUnit& unit : creation.units) {
    if (auto live = refuse_init_with_exit(unit); !live) return live;
    changes.replaced += unit.diff->replaced.size();
    changes.hooks += unit.diff->hooks.size();
    for (const std::string& name : unit.diff->init_changes)
      changes.init.push_back(fmt::format("{}: {}", unit.unit.source, name));
    if (changes.exporting == nullptr && !unit.diff->exported.empty()) changes.exporting = &unit;
    for (const ReplacedFunction& function : unit.diff->replaced)
      creation.console.detail("{}: {} is replaced: {}", unit.unit.name, function.name,
                              function.why);
    for (const std::string& name : unit.diff->added)
      creation.console.detail("{}: {} is new", unit.unit.name, name);
  }
  if (changes.replaced + changes.hooks == 0) return refuse_without_code(creation, changes);
  warn_of_what_waits(creation, changes);
  creation.console.stage(
      "{} to replace{}", counted(changes.replaced, "function"),
      changes.hooks == 0 ? "" : fmt::format(", {}", counted(changes.hooks, "hook")));
  return {};
}

Result<void> check_semantics(Creation& creation) {
  auto checked = check_units(creation.units, creation.versions(), creation.options.accepted);
  if (!checked) return propagate(checked);
  creation.layouts = std::move(checked->layouts);
  for (const Finding& finding : checked->accepted)
    creation.package.manifest.accepted.push_back({finding.title(), finding.message});
  std::ranges::move(checked->warnings, std::back_inserter(creation.warnings));
  return {};
}

}  // namespace splicer
