// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/apply.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "matcher/base/wording.h"
#include "matcher/elf/elf_object.h"
#include "matcher/image/live_image.h"
#include "runtime/await.h"
#include "runtime/live/leftovers.h"
#include "runtime/live/module_policy.h"
#include "runtime/prepare/dependence.h"
#include "runtime/prepare/link.h"
#include "runtime/prepare/live_patches.h"
#include "runtime/prepare/livepatch_module.h"
#include "runtime/prepare/own_exports.h"
#include "runtime/prepare/sealed_keys.h"

namespace splicer {

namespace {

constexpr unsigned kMatchTries = 6;     // while the kernel changes under the match
constexpr unsigned kCoreOpenTries = 4;  // while another command unloads the core under our feet

Result<void> load_core(Apply& apply) {
  const std::string& member = apply.package.manifest.core;
  if (member.empty()) {
    return fail(ExitCode::error, "no-core-module",
                "the core module is not loaded, and the package has no core/splice.ko")
        .at_file(apply.options.path)
        .hint("make the package again where the source of Splice's core module is installed");
  }
  apply.console.stage("loading the core module");
  auto core = LoadedModule::load(apply.package.members.at(member), kCoreModule);
  if (core) {
    apply.core.emplace(std::move(*core));
  } else if (core.error().code != "module-exists") {
    return propagate(core);
  }
  return {};
}

// A core module that serves no update, of an older release or left by a command that was killed, makes
// way for the package's own: what was repaired in that one would otherwise never be in force.
void replace_unused_core(Apply& apply) {
  const std::string& member = apply.package.manifest.core;
  if (member.empty() || apply.core || !Device::exists() ||
      is_loaded_build(apply.package.members.at(member), kCoreModule))
    return;
  if (apply.state.updates().empty() && unload_module(kCoreModule)) return;
  apply.console.warning(
      "the core module that is loaded is another build than the package's, and stays as long as "
      "updates are applied");
}

// Another splice-undo may unload the core between our look and our open: then it is loaded again.
Result<void> open_device(Apply& apply) {
  for (unsigned tries_left = kCoreOpenTries;;) {
    replace_unused_core(apply);
    if (!Device::exists())
      if (auto loaded = load_core(apply); !loaded) return loaded;
    auto device = Device::open(apply.options.attempts, *apply.signals);
    if (device) {
      apply.device.emplace(std::move(*device));
      return {};
    }
    if (device.error().code != "no-core-module" || --tries_left == 0) return propagate(device);
    apply.core.reset();
  }
}

Result<void> leave_out(Apply& apply, const PackageTarget& target) {
  // The kernel's livepatch has one module for all of them.
  const bool in_parts = apply.options.engine == Engine::stop;
  if (!apply.options.skip_unloaded || !in_parts) {
    return fail(ExitCode::error, "module-not-loaded",
                fmt::format("module {}, which the update patches, is not loaded", target.name))
        .hint(fmt::format("modprobe {} first{}", target.name,
                          in_parts ? ", or leave it out with --skip-unloaded" : ""));
  }
  if (apply.options.late.empty())
    apply.console.stage("module {} is not loaded: it gets its part when it is", target.name);
  apply.left_out.insert(target.name);
  return {};
}

Result<void> hold_targets(Apply& apply) {
  for (const PackageTarget& target : apply.package.manifest.targets) {
    if (target.name == "vmlinux") continue;
    auto pinned = apply.device->pin(target.name);
    if (pinned) {
      apply.held.insert(target.name);
    } else if (pinned.error().code != "module-not-loaded") {
      return pinned;
    } else if (auto left = leave_out(apply, target); !left) {
      return left;
    }
  }
  return {};
}

// Holds the modules that own what the update refers to. Returns whether there was one that was not
// held before: it may have been reloaded since, so its code must be read again.
Result<bool> hold_owners(Apply& apply) {
  bool any = false;
  for (const std::string& owner : apply.matched.owners) {
    if (!apply.held.insert(owner).second) continue;
    if (auto pinned = apply.device->pin(owner); !pinned) return propagate(pinned);
    any = true;
  }
  return any;
}

// A live patch of the kernel's own leads calls away at the entry, before they reach our jump.
Result<void> refuse_live_patched(const Apply& apply) {
  const LivePatches others = LivePatches::read(apply.state.redirected());
  for (const MatchedFunction& matched : apply.matched.functions) {
    const std::string& target = apply.package.manifest.targets[matched.target].name;
    const auto by = others.deciding(target, matched.function->name);
    if (!by) continue;
    return fail(ExitCode::unsafe, "live-patched",
                fmt::format("{} decides what runs when {} is called, so the update would have no "
                            "effect there",
                            *by, matched.function->name))
        .at_file(target)
        .in_function(matched.function->name)
        .at_address(matched.run.address)
        .hint("disable it (echo 0 > /sys/kernel/livepatch/NAME/enabled), then apply the update");
  }
  return {};
}

// What is sealed stays as it is, so once is enough however often the update is matched again.
Result<void> decide_branches(Apply& apply) {
  const Manifest& manifest = apply.package.manifest;
  if (!apply.new_modules.empty()) return {};
  for (std::size_t i = 0; i < manifest.targets.size(); i++) {
    const PackageTarget& target = manifest.targets[i];
    const auto& module = apply.package.members.at(target.new_member);
    if (apply.left_out.contains(target.name)) {
      apply.new_modules.push_back(module);
      continue;
    }
    auto decided =
        decide_sealed_branches(module, target.new_member, apply.matched.addresses[i], *apply.image);
    if (!decided) return propagate(decided);
    apply.new_modules.push_back(std::move(*decided));
  }
  return {};
}

// As a live patch of the kernel's own, whichever engine is asked for. One of which no record is left goes by its
// module's name.
Result<void> find_applied_live(Apply& apply) {
  const std::string& id = apply.package.manifest.id;
  const std::string module = livepatch_module_name(apply.package);
  const auto update = std::ranges::find_if(
      apply.live, [&](const LivepatchUpdate& one) { return one.id == id || one.id == module; });
  if (update == apply.live.end() || update->undone) return {};
  if (update->moving)
    return fail(ExitCode::busy, "update-in-transition",
                fmt::format("another command is {} update {}, as live patch {}",
                            update->enabled ? "applying" : "undoing", id, update->module))
        .hint("try again when splice-view shows that it is over");
  apply.applied_already = true;
  apply.engine = Engine::livepatch;
  return {};
}

Result<void> match_once(Apply& apply) {
  auto image = open_live_image();
  if (!image) return propagate(image);
  auto state = State::read();
  if (!state) return propagate(state);
  apply.image = std::move(*image);
  apply.state = std::move(*state);
  if (apply.without_core()) {
    apply.left_out.clear();
    for (const PackageTarget& target : apply.package.manifest.targets)
      if (!apply.image->symbols().has_target(target.name))
        if (auto left = leave_out(apply, target); !left) return left;
  }
  auto matched = match_update(apply.package, apply.left_out, *apply.image, apply.state);
  if (!matched) return propagate(matched);
  apply.matched = std::move(*matched);
  if (auto free = refuse_live_patched(apply); !free) return free;
  return decide_branches(apply);
}

Result<void> go_on(Apply& apply) {
  if (!apply.signals || !apply.signals->interrupted()) return {};
  return interrupted();
}

Result<void> match_patiently(Apply& apply) {
  return match_in_motion([&] { return match_once(apply); }, [&] { return go_on(apply); });
}

// The address of an "update" symbol: in the module of an earlier target, which is loaded by now.
Result<RunAddress> address_in_update(const Apply& apply, const PackageSymbol& symbol) {
  const Manifest& manifest = apply.package.manifest;
  const auto target = std::ranges::find_if(
      manifest.targets, [&](const PackageTarget& t) { return t.name == symbol.target; });
  const bool has_it = !apply.options.late.empty() || !apply.left_out.contains(symbol.target);
  if (target == manifest.targets.end() || !has_it) {
    return fail(ExitCode::error, "module-not-loaded",
                fmt::format("the update needs its own code for module {}, which is not loaded",
                            symbol.target))
        .in_function(symbol.name)
        .hint(fmt::format("modprobe {} first", symbol.target));
  }
  auto module = ElfObject::parse(apply.package.members.at(target->new_member), target->new_member);
  if (!module) return propagate(module);
  auto definition = find_definition(symbol, *module);
  if (!definition) return propagate(definition);
  const auto index = static_cast<std::size_t>(target - manifest.targets.begin());
  auto base = section_address(update_module_name(manifest.id, index), definition->section);
  if (!base) return base;
  return *base + definition->offset;
}

Result<void> load_target(Apply& apply, std::size_t index) {
  const Manifest& manifest = apply.package.manifest;
  const PackageTarget& target = manifest.targets[index];
  Addresses addresses = apply.matched.addresses[index];
  for (const PackageSymbol& symbol : target.symbols) {
    if (symbol.source != "update") continue;
    auto address = address_in_update(apply, symbol);
    if (!address) return propagate(address);
    addresses.emplace(symbol.name, *address);
  }
  auto own = own_exports(apply.new_modules[index], target.new_member, target.name, addresses,
                         *apply.image);
  if (!own) return propagate(own);
  addresses.merge(*own);
  auto linked = link_module(apply.new_modules[index], manifest, index, addresses,
                            apply.matched.constants[index]);
  if (!linked) return propagate(linked);

  const std::string name = update_module_name(manifest.id, index);
  auto module = LoadedModule::load(*linked, name);
  if (!module) return propagate(module);
  apply.modules.push_back(std::move(*module));
  return {};
}

// The addresses of the new functions, the hooks and the values, now that the modules are loaded.
Result<void> find_new_code(Apply& apply) {
  const Manifest& manifest = apply.package.manifest;
  std::map<std::pair<std::size_t, std::string>, RunAddress> sections;
  const auto locate = [&](std::size_t target, const std::string& section,
                          std::uint64_t offset) -> Result<RunAddress> {
    const auto key = std::pair(target, section);
    if (!sections.contains(key)) {
      auto base = section_address(update_module_name(manifest.id, target), section);
      if (!base) return base;
      sections.emplace(key, *base);
    }
    return sections.at(key) + offset;
  };
  for (const MatchedFunction& matched : apply.matched.functions) {
    auto address = locate(matched.target, matched.function->section, matched.function->offset);
    if (!address) return propagate(address);
    apply.new_code.push_back(*address);
  }
  std::map<std::string, std::uint32_t> groups;  // a number for each unit
  for (std::size_t i = 0; i < manifest.targets.size(); ++i) {
    if (apply.left_out.contains(manifest.targets[i].name)) continue;
    for (const PackageHook& hook : manifest.targets[i].hooks) {
      auto address = locate(i, hook.section, hook.offset);
      if (!address) return propagate(address);
      const auto kind = std::ranges::find(kHookKinds, hook.kind);
      const auto group =
          groups.emplace(hook.unit, static_cast<std::uint32_t>(groups.size())).first->second;
      splice_hook call{};
      call.function = address->value();
      call.kind = static_cast<std::uint32_t>(kind - kHookKinds.begin());
      call.group = group;
      set_field(call.name, hook.name);
      apply.hooks.push_back(call);
      apply.console.detail("{} hook {} at {}", hook.kind, hook.name, *address);
    }
    for (const PackageValue& value : manifest.targets[i].values) {
      auto address = locate(i, value.section, value.offset);
      if (!address) return propagate(address);
      splice_value& written = apply.values.emplace_back();
      written.record = address->value();
      set_field(written.name, value.name);
    }
  }
  return {};
}

// Matches anew and makes sure that what was linked still holds: only the bytes may have changed.
Result<void> match_again(Apply& apply) {
  const std::vector<Addresses> linked = apply.matched.addresses;
  const std::vector<RuntimeConstants> constants = apply.matched.constants;
  std::vector<RunAddress> entries;
  for (const MatchedFunction& matched : apply.matched.functions)
    entries.push_back(matched.run.address);
  if (auto again = match_patiently(apply); !again) return again;
  bool same = apply.matched.addresses == linked && apply.matched.constants == constants &&
              apply.matched.functions.size() == entries.size();
  for (std::size_t i = 0; same && i < entries.size(); ++i)
    same = apply.matched.functions[i].run.address == entries[i];
  if (same) return {};
  return fail(ExitCode::mismatch, "kernel-changed",
              "symbols of the kernel moved while the update was being applied")
      .hint("try again when no module is being loaded or unloaded");
}

// Before the switch, so that no update is in force that nothing is known about. Only the package of one that
// awaits a module has to be there.
Result<void> note_applied(Apply& apply) {
  const Manifest& manifest = apply.package.manifest;
  if (!apply.options.late.empty()) return {};
  apply.record_written = true;
  auto written = write_record(record_of(apply.package, {}, apply.signature.key));
  if (!written) apply.console.warning(written.error().message);
  const bool awaits = std::ranges::any_of(
      manifest.targets, [](const PackageTarget& target) { return target.name != "vmlinux"; });
  return awaits ? keep_package(manifest.id, *apply.admitted) : Result<void>();
}

Result<Switched> switch_once(Apply& apply, unsigned& tries_left) {
  std::vector<std::string> modules;
  for (const LoadedModule& module : apply.modules) modules.push_back(module.name());
  while (true) {
    const auto functions = functions_to_switch(apply.matched, apply.new_code);
    auto switched = apply.device->apply(apply.package.manifest.id, modules,
                                        {functions, apply.hooks, apply.values,
                                         !apply.package.manifest.keeps.empty(), apply.options.late},
                                        apply.image->symbols());
    if (switched || switched.error().code != "kernel-changed" || --tries_left == 0) return switched;
    if (auto more = go_on(apply); !more) return propagate(more);
    apply.console.stage("the kernel changed its code meanwhile: matching again");
    if (auto again = match_again(apply); !again) return propagate(again);
  }
}

// Types, enumerators and declarations of which the kernel's type information says nothing.
Result<void> tell_types(const Apply& apply) {
  apply.console.detail("{} that the new code uses agree with the kernel's type information",
                       counted(apply.matched.types, "type"));
  const std::vector<std::string>& unknown = apply.matched.unknown_types;
  if (unknown.empty()) return {};
  const std::string text = fmt::format(
      "the kernel's type information does not have {} of {} that the new code uses: {}{}",
      unknown.size(), counted(unknown.size() + apply.matched.types, "type"), unknown[0],
      unknown.size() > 1 ? " and others" : "");
  if (apply.options.require_types)
    return fail(ExitCode::mismatch, "types-unknown", text)
        .detail(fmt::format("{}\n", fmt::join(unknown, "\n")))
        .hint("boot a kernel with CONFIG_DEBUG_INFO_BTF, or apply without --require-types");
  apply.console.warning(text + "; nothing is known of that");
  return {};
}

}  // namespace

Apply::~Apply() {
  if (record_written) {
    remove_record(package.manifest.id);
    forget_package(package.manifest.id);
  }
  // A later target's module may use what an earlier one exports.
  const auto said = [&](const Result<void>& gone) {
    if (!gone) console.warning(gone.error().message + "; " + gone.error().advice);
  };
  for (; !modules.empty(); modules.pop_back()) said(modules.back().unload());
  device.reset();  // it holds the core module
  if (core) said(core->unload());
}

std::vector<splice_function> functions_to_switch(const MatchedUpdate& matched,
                                                 const std::vector<RunAddress>& new_code) {
  std::vector<splice_function> functions;
  const auto add = [&](const MatchedFunction& match) -> splice_function& {
    splice_function& function = functions.emplace_back();
    function.expected = abi_pointer(match.run.run_bytes.data());
    function.old_size = static_cast<std::uint32_t>(match.run.run_bytes.size());
    set_field(function.name, match.function->name);
    return function;
  };
  for (std::size_t i = 0; i < matched.functions.size(); ++i) {
    const MatchedFunction& match = matched.functions[i];
    splice_function& function = add(match);
    function.old_entry = match.run.address.value();
    function.old_code = match.run.code.value();
    function.new_code = new_code[i].value();
    function.new_size = static_cast<std::uint32_t>(match.function->size);
    function.site = match.trampoline.site.value();
    function.hop = match.trampoline.hop.value();
    if (match.trampoline.at_ftrace_site) function.flags = SPLICE_FUNCTION_AT_FTRACE;
    if (function.hop != 0)
      function.expected_hop = abi_pointer(match.trampoline.expected_hop.data());
  }
  for (const MatchedFunction& match : matched.checked) {
    splice_function& function = add(match);
    function.old_entry = function.old_code = match.run.code.value();
  }
  return functions;
}

Result<void> read_update(Apply& apply) {
  apply.console.stage("reading {}", apply.options.path);
  auto admitted = apply.options.admitted;
  if (auto read = admit_once(admitted, apply.options.path, apply.options.signature); !read)
    return read;
  if (!admitted->warning().empty()) apply.console.warning(admitted->warning());
  auto package = admitted->parse();
  if (!package) return propagate(package);
  apply.signature = admitted->verdict();
  if (apply.signature.state != Signature::none) apply.console.stage("{}", apply.signature.text());
  apply.package = std::move(*package);
  apply.admitted = std::move(admitted);
  for (const std::string& warning : apply.package.manifest.warnings) apply.console.warning(warning);
  return {};
}

Result<void> check_kernel(Apply& apply) {
  if (auto same = check_identity(apply.package.manifest.kernel, running_kernel()); !same) {
    same.error().file = apply.options.path;
    return same;
  }
  if (auto root = check_root(); !root) return root;
  const bool is_signed =
      apply.options.engine == Engine::livepatch && !apply.package.manifest.livepatch.empty();
  return check_module_policy(is_signed ? ModuleKind::signed_when_made : ModuleKind::linked_here);
}

Result<void> find_applied(Apply& apply) {
  auto state = State::read();
  if (!state) return propagate(state);
  apply.state = std::move(*state);
  apply.records = AppliedRecords::read();
  apply.live = livepatch_updates(apply.records);
  const AppliedUpdate* update = apply.state.find(apply.package.manifest.id);
  if (update == nullptr) {
    if (auto live = find_applied_live(apply); !live || apply.applied_already) return live;
    return check_not_undone(apply.package.manifest.id, apply.state);
  }
  if (update->state != "applied") {
    return fail(ExitCode::busy, "update-in-transition",
                fmt::format("another command is undoing update {}", update->id))
        .hint("try again when splice-view no longer lists it");
  }
  std::set<std::string> waiting;
  const auto missing = missing_targets(apply.package.manifest, *update, waiting);
  if (auto whole =
          check_missing(update->id, missing, loaded_modules(), apply.options.skip_unloaded);
      !whole)
    return whole;
  apply.left_out = missing;
  apply.left_out.merge(waiting);
  apply.applied_already = true;
  apply.engine = Engine::stop;
  apply.pause_ns = update->pause_ns;
  return {};
}

std::size_t count_values(const Apply& apply) {
  std::size_t values = 0;
  for (const PackageTarget& target : apply.package.manifest.targets)
    if (!apply.left_out.contains(target.name)) values += target.values.size();
  return values;
}

Result<void> hold_signals(Apply& apply) {
  apply.signals.emplace();
  return {};
}

// Under the state and the records that find_applied() has read.
Result<void> check_stand(Apply& apply) {
  if (apply.applied_already) return {};
  if (auto stands = check_base(apply.package.manifest, apply.state, apply.records, apply.live);
      !stands) {
    stands.error().file = apply.options.path;
    return stands;
  }
  return {};
}

Result<void> open_core(Apply& apply) {
  if (apply.options.dry_run) return {};
  apply.signals.emplace();
  if (auto open = open_device(apply); !open) return open;
  // While we waited for the device another command may have applied this very update.
  if (auto found = find_applied(apply); !found || apply.applied_already) return found;
  if (auto stands = check_stand(apply); !stands) return stands;
  if (auto awaited = await_targets(apply); !awaited) return awaited;
  return hold_targets(apply);
}

Result<void> match(Apply& apply) {
  for (const std::string& other :
       ignored_by(apply.package.manifest, apply.state, apply.records, apply.live))
    apply.console.warning(
        fmt::format("update {} changes a file of this one too, which was made without it: what is "
                    "inlined from there comes unrepaired; make it with --on for that update",
                    other));
  std::size_t replaced = 0;
  for (const PackageTarget& target : apply.package.manifest.targets) {
    if (apply.left_out.contains(target.name)) continue;
    replaced += static_cast<std::size_t>(std::ranges::count_if(
        target.functions, [](const PackageFunction& f) { return f.kind == "replaced"; }));
  }
  apply.console.stage("matching {} against the running kernel",
                      functions_and_values(replaced, count_values(apply)));
  for (unsigned tries_left = kMatchTries;;) {
    if (auto once = match_patiently(apply); !once) return once;
    if (auto more = go_on(apply); !more) return more;
    if (apply.without_core()) break;
    auto held = hold_owners(apply);
    if (!held) return propagate(held);
    if (!*held) break;
    if (--tries_left == 0) {
      return fail(ExitCode::mismatch, "kernel-changed",
                  "modules that the update refers to were unloaded or reloaded during matching")
          .hint("try again when no module is being loaded or unloaded");
    }
  }
  if (!apply.without_core())
    if (auto released = settle_targets(apply); !released) return released;
  if (auto told = tell_types(apply); !told) return told;
  for (const std::string& name : apply.matched.set_values)
    apply.console.warning(fmt::format(
        "{} is not what it was when the kernel came up: somebody has set it, and it stays so",
        name));
  for (const MatchedFunction& matched : apply.matched.functions)
    apply.console.detail("{} matches at {}, {} at {}{}", matched.function->name, matched.run.code,
                         matched.trampoline.at_ftrace_site ? "led on by ftrace" : "jump",
                         matched.trampoline.site,
                         matched.trampoline.hop != RunAddress() ? " by way of the padding" : "");
  return {};
}

Result<void> load_code(Apply& apply) {
  const std::vector<PackageTarget>& targets = apply.package.manifest.targets;
  if (apply.options.dry_run) {
    // Linked all the same, so that a package that cannot be linked is found out.
    for (std::size_t i = 0; i < targets.size(); ++i) {
      if (apply.left_out.contains(targets[i].name)) continue;
      auto linked =
          link_module(apply.package.members.at(targets[i].new_member), apply.package.manifest, i,
                      apply.matched.addresses[i], apply.matched.constants[i]);
      if (!linked) return propagate(linked);
    }
    return {};
  }
  unload_leftovers(apply.state, apply.console);
  apply.console.stage("loading the new code");
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (apply.left_out.contains(targets[i].name)) continue;
    if (auto loaded = load_target(apply, i); !loaded) return loaded;
    if (auto more = go_on(apply); !more) return more;
  }
  return find_new_code(apply);
}

Result<void> switch_over(Apply& apply) {
  if (apply.options.dry_run) return {};
  std::string what;
  if (!apply.matched.functions.empty())
    what = "switching " + counted(apply.matched.functions.size(), "function");
  if (!apply.hooks.empty())
    what += (what.empty() ? "calling " : ", calling ") + counted(apply.hooks.size(), "hook");
  if (!apply.values.empty())
    what += (what.empty() ? "writing " : ", writing ") + counted(apply.values.size(), "value");
  apply.console.stage("{}", what);
  if (auto noted = note_applied(apply); !noted) return noted;
  unsigned tries_left = kMatchTries;
  const auto switched = try_while_busy(
      apply.options.attempts, *apply.signals, [&] { return switch_once(apply, tries_left); },
      [&](const Error& error, const std::string& left) { show_busy(apply.console, error, left); });
  if (!switched) return propagate(switched);
  apply.signals->hold_to_the_end();
  apply.pause_ns = switched->pause_ns;
  for (LoadedModule& module : apply.modules) module.keep();
  if (apply.core) apply.core->keep();
  apply.record_written = false;  // it stays
  return {};
}

}  // namespace splicer
