// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/view.h"

#include <fmt/core.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "matcher/base/wording.h"
#include "runtime/live/leftovers.h"
#include "runtime/live/module_loader.h"

namespace splicer {

namespace {

using nlohmann::json;

constexpr int kNameWidth = 36;

std::string hex(RunAddress address) { return fmt::format("{}", address); }

// Modules without their parts: loaded ones, and what an older release has left out.
std::vector<std::string> left_out(const AppliedUpdate& update, const Surroundings& around) {
  std::vector<std::string> modules = update.modules_that_are(AwaitedState::unpatched);
  if (const AppliedRecord* record = around.records.find(update.id); record != nullptr)
    modules.insert(modules.end(), record->left_out.begin(), record->left_out.end());
  return modules;
}

// "applied", or "partly" without some of its modules.
std::string state_of(const AppliedUpdate& update, const Surroundings& around) {
  const bool partly = update.state == "applied" && !left_out(update, around).empty();
  return partly ? "partly" : update.state;
}

// ", fixes CVE-2026-1234, CVE-2026-5678"; what the name says already is not said again.
std::string fixing(const AppliedRecord& record) {
  if (record.fixes.empty() || record.fixes == std::vector{record.name}) return {};
  return fmt::format(", fixes {}", fmt::join(record.fixes, ", "));
}

std::string signature_line(const std::string& id, const Surroundings& around) {
  const auto signature = around.signature(id);
  return signature ? fmt::format("    {}\n", signature->text()) : std::string();
}

std::string headline(const AppliedUpdate& update, const Surroundings& around) {
  std::string text = fmt::format("{}  since {}", update.id, local_time(update.applied_at));
  if (!update.functions_hidden)
    text += fmt::format(", {}", functions_and_values(update.replaced(), update.values.size()));
  text += fmt::format(", machine stopped for {} us", microseconds(update.pause_ns));
  if (const std::string state = state_of(update, around); state != "applied")
    text += fmt::format(" ({})", state);
  text += "\n";
  if (const AppliedRecord* record = around.records.find(update.id); record != nullptr) {
    if (!record->name.empty()) text += fmt::format("    {}{}\n", record->name, fixing(*record));
    for (const std::string& title : record->titles) text += fmt::format("    \"{}\"\n", title);
  }
  text += signature_line(update.id, around);
  for (const std::string& module : left_out(update, around))
    text +=
        around.modules.contains(module)
            ? fmt::format("    module {} is loaded and NOT PATCHED: the kernel's log says why\n",
                          module)
            : fmt::format("    module {} is not loaded, and not patched\n", module);
  for (const std::string& module : update.modules_that_are(AwaitedState::waiting))
    text += fmt::format("    module {} gets its part when it is loaded\n", module);
  return text;
}

// The update that replaced this one's function again, or nullptr.
const AppliedUpdate* covering(const State& state, const AppliedUpdate& update,
                              const AppliedFunction& function) {
  const AppliedUpdate* newest = state.newest(function.old_entry).update;
  return newest != nullptr && newest->id != update.id ? newest : nullptr;
}

std::string function_line(const State& state, const AppliedUpdate& update,
                          const AppliedFunction& function, const Surroundings& around) {
  std::string line =
      fmt::format("    {:<{}} {}", function.name, kNameWidth, counted(function.new_size, "byte"));
  if (const AppliedUpdate* by = covering(state, update, function); by != nullptr)
    line += fmt::format(", replaced again by {}", by->id);
  if (const auto by = around.others.deciding(function.name); by)
    line += fmt::format(", NOT IN FORCE: {} decides", *by);
  return line + "\n";
}

std::string value_line(const AppliedValue& value) {
  return fmt::format("    {:<{}} value {}\n", value.name, kNameWidth,
                     value.written ? "written in place" : "left as somebody has set it");
}

std::string section(std::string_view title) { return fmt::format("{}:\n", title); }

}  // namespace

Surroundings Surroundings::read(const State& state) {
  AppliedRecords records = AppliedRecords::read();
  auto live = livepatch_updates(records);
  Surroundings around{LivePatches::read(state.redirected()), std::move(records), loaded_modules(),
                      leftover_modules(state), std::move(live)};
  auto trust = Trust::read();
  if (trust)
    around.trust = std::move(*trust);
  else
    around.trust_fault = std::move(trust.error());
  return around;
}

std::optional<Verdict> Surroundings::signature(const std::string& id) const {
  const AppliedRecord* record = records.find(id);
  return record == nullptr ? std::nullopt : standing_of(record->signed_by);
}

std::optional<Verdict> Surroundings::standing_of(const std::optional<std::string>& key) const {
  if (trust_fault || !key) return std::nullopt;
  return trust.standing_of(*key);
}

bool in_force(const AppliedUpdate& update, const Surroundings& around) {
  const bool patched = std::ranges::none_of(
      left_out(update, around),
      [&](const std::string& module) { return around.modules.contains(module); });
  return patched && std::ranges::none_of(update.functions, [&](const AppliedFunction& function) {
           return !function.checked() && around.others.deciding(function.name);
         });
}

bool names_a_file(std::string_view argument) {
  return argument == "-" || argument.find('/') != std::string_view::npos ||
         argument.ends_with(".tar") || access(std::string(argument).c_str(), F_OK) == 0;
}

std::string applied_text(const State& state, const Surroundings& around) {
  std::string text;
  if (state.updates().empty() && around.live.empty()) text = "no updates are applied\n";
  for (const AppliedUpdate& update : state.updates()) {
    text += headline(update, around);
    for (const AppliedFunction& function : update.functions)
      if (!function.checked()) text += function_line(state, update, function, around);
    for (const AppliedValue& value : update.values) text += value_line(value);
  }
  for (const LivepatchUpdate& update : around.live) text += livepatch_text(update, around);
  for (const UndoneUpdate& update : state.undone())
    text +=
        fmt::format("{}: undone, its memory stays{}\n", update.id,
                    update.kept ? " until a reboot" : " until the threads in its code have left");
  if (around.leftovers.empty()) return text;
  text += section("left by a command that was ended, or of one that is at work");
  for (const std::string& module : around.leftovers) text += fmt::format("    {}\n", module);
  return text + "    the next splice-apply or splice-undo unloads them\n";
}

json applied_json(const State& state, const Surroundings& around) {
  json updates = json::array();
  for (const AppliedUpdate& update : state.updates())
    updates.push_back(update_json(state, update, around));
  for (const LivepatchUpdate& update : around.live)
    updates.push_back(livepatch_json(update, around));
  json undone = json::array();
  for (const UndoneUpdate& update : state.undone())
    undone.push_back({{"id", update.id}, {"memory", update.kept ? "kept" : "in use"}});
  return {{"updates", std::move(updates)},
          {"undone", std::move(undone)},
          {"leftovers", around.leftovers}};
}

std::string livepatch_text(const LivepatchUpdate& update, const Surroundings& around) {
  if (update.undone)
    return fmt::format("{}: undone, its memory stays, as module {}\n", update.id, update.module);
  std::string text = fmt::format("{}  by the kernel's livepatch, as {}, {}", update.id,
                                 update.module, counted(update.functions.size(), "function"));
  if (update.moving) text += fmt::format(" ({}: threads are still going over)", update.state());
  text += "\n";
  text += signature_line(update.id, around);
  for (const std::string& title : update.titles) text += fmt::format("    \"{}\"\n", title);
  for (const auto& [object, function] : update.functions)
    text += object == "vmlinux" ? fmt::format("    {}\n", function)
                                : fmt::format("    {:<{}} {}\n", function, kNameWidth, object);
  return text;
}

json livepatch_json(const LivepatchUpdate& update, const Surroundings& around) {
  json functions = json::array();
  for (const auto& [object, function] : update.functions)
    functions.push_back({{"name", function}, {"object", object}});
  json out{{"id", update.id},
           {"state", update.state()},
           {"engine", "livepatch"},
           {"name", update.name},
           {"titles", update.titles},
           {"modules", {update.module}},
           {"in_force", update.enabled && !update.moving},
           {"functions", std::move(functions)}};
  if (const auto signature = around.signature(update.id))
    out["signature"] = verdict_json(*signature);
  return out;
}

std::string update_text(const State& state, const AppliedUpdate& update,
                        const Surroundings& around) {
  std::string text = headline(update, around);
  text += section("modules");
  for (const std::string& module : update.modules) text += fmt::format("    {}\n", module);
  text += section("functions");
  if (update.functions_hidden) text += "    (only root may see them)\n";
  for (const AppliedFunction& function : update.functions) {
    if (function.checked()) continue;
    text += function_line(state, update, function, around);
    text += fmt::format("        entry {}, {} at {}", function.old_entry,
                        function.at_ftrace_site ? "led on by ftrace" : "jump", function.site);
    if (function.hop != RunAddress()) text += fmt::format(" by way of {}", function.hop);
    text += fmt::format(" to {}; {} of old code", function.new_code,
                        counted(function.old_size, "byte"));
    if (function.old_code != function.old_entry)
      text += fmt::format(" at {}, of an earlier update", function.old_code);
    text += "\n";
  }
  if (!update.values.empty()) text += section("values");
  for (const AppliedValue& value : update.values) {
    text += value_line(value);
    text += fmt::format("        {} at {}\n", counted(value.size, "byte"), value.address);
  }
  return text;
}

json update_json(const State& state, const AppliedUpdate& update, const Surroundings& around) {
  json functions = json::array();
  for (const AppliedFunction& function : update.functions) {
    if (function.checked()) continue;
    json row{{"name", function.name},
             {"old_entry", hex(function.old_entry)},
             {"old_code", hex(function.old_code)},
             {"old_size", function.old_size},
             {"new_code", hex(function.new_code)},
             {"new_size", function.new_size},
             {"site", hex(function.site)}};
    if (function.hop != RunAddress()) row["hop"] = hex(function.hop);
    if (function.at_ftrace_site) row["by"] = "ftrace";
    if (const AppliedUpdate* by = covering(state, update, function); by != nullptr)
      row["replaced_by"] = by->id;
    if (const auto by = around.others.deciding(function.name); by) row["decided_by"] = *by;
    functions.push_back(std::move(row));
  }
  json missing = json::array();
  for (const std::string& module : left_out(update, around))
    missing.push_back({{"module", module}, {"loaded", around.modules.contains(module)}});
  json awaits = json::array();
  for (const AwaitedState& awaited : update.awaits)
    awaits.push_back({{"module", awaited.module}, {"state", awaited_word(awaited.state)}});
  static const AppliedRecord unknown;
  const AppliedRecord* record = around.records.find(update.id);
  if (record == nullptr) record = &unknown;
  json out{{"id", update.id},
           {"state", state_of(update, around)},
           {"engine", "stop"},
           {"name", record->name},
           {"fixes", record->fixes},
           {"fix_id", record->fix_id},
           {"titles", record->titles},
           {"left_out", std::move(missing)},
           {"awaits", std::move(awaits)},
           {"applied_at", update.applied_at},
           {"since", local_time(update.applied_at)},
           {"pause_ns", update.pause_ns},
           {"sequence", update.sequence},
           {"in_force", in_force(update, around)},
           {"modules", update.modules}};
  if (const auto signature = around.signature(update.id))
    out["signature"] = verdict_json(*signature);
  json values = json::array();
  for (const AppliedValue& value : update.values)
    values.push_back({{"name", value.name},
                      {"address", hex(value.address)},
                      {"size", value.size},
                      {"written", value.written}});
  if (!update.functions_hidden) {
    out["functions"] = std::move(functions);
    out["values"] = std::move(values);
  }
  return out;
}

std::string package_text(const Package& package, const Verdict& signature) {
  const Manifest& manifest = package.manifest;
  std::string text =
      fmt::format("update {}, made by splice-create {}\n", manifest.id, manifest.tool_version);
  text += fmt::format("{}\n", signature.text());
  text += fmt::format("name {}\n", manifest.name);
  if (!manifest.fixes.empty()) text += fmt::format("fixes {}\n", fmt::join(manifest.fixes, ", "));
  text += fmt::format("kernel {} {} ({})\n", manifest.kernel.release, manifest.kernel.version,
                      manifest.kernel.machine);
  text += fmt::format("compiler {}\n", manifest.kernel.compiler);
  if (!manifest.parts_left_out.empty()) text += section("left out of the patches");
  for (const std::string& part : manifest.parts_left_out) text += fmt::format("    {}\n", part);
  text += section("patches");
  for (const PackagePatch& patch : manifest.patches)
    text += fmt::format("    {} ({})\n", patch.title, patch.member);
  if (!manifest.base.empty()) text += section("made on");
  for (const PackageBase& base : manifest.base) text += fmt::format("    {}\n", base.title);
  for (const PackageTarget& target : manifest.targets) {
    text += section(target.name);
    for (const PackageFunction& function : target.functions) {
      text += fmt::format("    {:<{}} {}", function.name, kNameWidth, function.kind);
      if (function.size != 0) text += fmt::format(", {}", counted(function.size, "byte"));
      if (function.old_size != 0)
        text += fmt::format("{} {}", function.size != 0 ? " for" : ",",
                            counted(function.old_size, "byte"));
      text += fmt::format(", {}\n", function.unit);
      if (!function.why.empty()) text += fmt::format("        {}\n", function.why);
    }
    for (const PackageHook& hook : target.hooks)
      text += fmt::format("    {:<{}} hook {}, {}\n", hook.name, kNameWidth, hook.kind, hook.unit);
    for (const PackageValue& value : target.values)
      text += fmt::format("    {:<{}} value in place, {}\n        {}\n", value.name, kNameWidth,
                          value.unit, value.what);
  }
  if (!manifest.accepted.empty()) text += section("accepted by its maker");
  for (const PackageAccepted& one : manifest.accepted)
    text += fmt::format("    {}\n        {}\n", one.finding, one.message);
  if (!manifest.keeps.empty()) text += section("its memory stays after an undo");
  for (const std::string& place : manifest.keeps) text += fmt::format("    {}\n", place);
  if (!manifest.warnings.empty()) text += section("warnings");
  for (const std::string& warning : manifest.warnings) text += fmt::format("    {}\n", warning);
  return text;
}

json package_json(const Package& package, const Verdict& signature) {
  const Manifest& manifest = package.manifest;
  json patches = json::array();
  for (const PackagePatch& patch : manifest.patches)
    patches.push_back({{"member", patch.member}, {"title", patch.title}});
  json base = json::array();
  for (const PackageBase& one : manifest.base)
    base.push_back({{"title", one.title}, {"sha256", one.sha256}});
  json targets = json::array();
  for (const PackageTarget& target : manifest.targets) {
    json functions = json::array();
    for (const PackageFunction& function : target.functions)
      functions.push_back({{"name", function.name},
                           {"unit", function.unit},
                           {"kind", function.kind},
                           {"why", function.why},
                           {"size", function.size},
                           {"old_size", function.old_size}});
    json hooks = json::array();
    for (const PackageHook& hook : target.hooks)
      hooks.push_back({{"kind", hook.kind}, {"name", hook.name}, {"unit", hook.unit}});
    json values = json::array();
    for (const PackageValue& value : target.values)
      values.push_back({{"name", value.name}, {"unit", value.unit}, {"what", value.what}});
    targets.push_back({{"name", target.name},
                       {"functions", std::move(functions)},
                       {"hooks", std::move(hooks)},
                       {"values", std::move(values)}});
  }
  json accepted = json::array();
  for (const PackageAccepted& one : manifest.accepted)
    accepted.push_back({{"finding", one.finding}, {"message", one.message}});
  return {{"id", manifest.id},
          {"name", manifest.name},
          {"fixes", manifest.fixes},
          {"fix_id", manifest.fix_id},
          {"tool_version", manifest.tool_version},
          {"signature", verdict_json(signature)},
          {"kernel", kernel_json(manifest.kernel)},
          {"patches", std::move(patches)},
          {"base", std::move(base)},
          {"targets", std::move(targets)},
          {"accepted", std::move(accepted)},
          {"parts_left_out", manifest.parts_left_out},
          {"warnings", manifest.warnings},
          {"keeps", manifest.keeps}};
}

}  // namespace splicer
