// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/livepatch_engine.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>

#include "matcher/base/file.h"
#include "matcher/base/wording.h"
#include "runtime/live/module_loader.h"
#include "runtime/live/transition.h"
#include "runtime/prepare/livepatch_module.h"

namespace splicer {

namespace {

Result<void> refuse_replaced(const Apply& apply) {
  for (const MatchedFunction& matched : apply.matched.functions) {
    const auto newest = apply.state.newest(matched.run.address);
    if (newest.update == nullptr) continue;
    return fail(ExitCode::unsafe, "replaced-by-update",
                fmt::format(
                    "update {} has replaced {} already, and a function belongs to one engine",
                    newest.update->id, matched.function->name))
        .in_function(matched.function->name)
        .at_address(matched.run.address)
        .hint(
            fmt::format("apply it with --engine stop, or splice-undo {} first", newest.update->id));
  }
  return {};
}

// What the kernel is to load: made here, or made and signed beforehand, if that is the same.
Result<std::vector<std::uint8_t>> module_to_load(const Apply& apply, const std::string& name) {
  const std::string& member = apply.package.manifest.livepatch;
  auto made = make_livepatch_module({apply.package, apply.matched, apply.new_modules,
                                     apply.image->symbols(), name, !member.empty()});
  if (!made || member.empty()) return made;
  const std::vector<std::uint8_t>& given = apply.package.members.at(member);
  if (given.size() >= made->size() && std::equal(made->begin(), made->end(), given.begin()))
    return given;
  const auto differs = std::ranges::mismatch(*made, given).in1 - made->begin();
  return fail(ExitCode::mismatch, "livepatch-differs",
              fmt::format(
                  "the signed live patch is not what this kernel proves: it differs at byte {}",
                  differs))
      .at_file(member)
      .hint("send this message to the maker of the update; --engine stop does not need that file");
}

// Of a command that was killed between the two: it is out of use, and its name is needed.
Result<void> unload_stale(const std::string& module, const std::string& id,
                          const Console& console) {
  if (livepatch_state(module).present || !loaded_modules().contains(module)) return {};
  console.detail("unloading {}, which an earlier command left", module);
  if (!is_on_a_stack(module) && unload_module(module)) return {};
  return fail(ExitCode::error, "update-kept",
              fmt::format("update {} was undone, and its memory is still there, as module {}", id,
                          module))
      .at_file(id)
      .hint("apply it with --engine stop, or reboot");
}

// An update of the core module's that came while we were at work would have no effect at these functions.
Result<void> look_again(Apply& apply) {
  auto state = State::read();
  if (!state) return propagate(state);
  apply.state = std::move(*state);
  auto free = refuse_replaced(apply);
  if (free) return free;
  return fail(ExitCode::busy, "kernel-changed", free.error().message)
      .in_function(free.error().function)
      .hint("run the command again");
}

// Has the kernel counted a user of it?
bool is_held(const std::string& module) {
  const std::string users = read_attribute(fmt::format("/sys/module/{}/refcnt", module));
  return !users.empty() && users != "0";
}

// The errno of a hook that refuses is that of the load; the kernel's log tells it from others
// (__klp_enable_patch() in kernel/livepatch/core.c).
Failure refused_load(Error error) {
  if (error.detail.find("pre-patch callback failed") == std::string::npos)
    return Failure(std::move(error));
  return fail(ExitCode::error, "hook-refused",
              "the update is refused by its own check, a pre_apply hook")
      .at_file(error.file)
      .detail(std::move(error.detail))
      .hint("read the check in the update's patch (splice-view UPDATE.tar names it)");
}

// The module and what is noted about it stay when the Apply dies.
void leave(Apply& apply) {
  apply.modules.back().keep();
  apply.record_written = false;
}

// One that is stuck half-way is in the kernel: whoever looks must find which update that is.
Failure given_up(Apply& apply, Error error) {
  if (error.code == "transition-stuck") leave(apply);
  return Failure(std::move(error));
}

// How long the threads took to go back.
Result<std::chrono::milliseconds> take_out(const std::string& module, const Attempts& attempts,
                                           HeldSignals& signals, const Console& console) {
  if (auto asked = disable_livepatch(module); !asked) return propagate(asked);
  return wait_for_transition(module, Direction::out, attempts, signals, console);
}

}  // namespace

Result<void> check_has_livepatch(const std::string& sys) {
  if (access((sys + "/kernel").c_str(), F_OK) != 0) return {};
  if (access((sys + "/kernel/livepatch").c_str(), F_OK) == 0) return {};
  return fail(ExitCode::unsafe, "kernel-lacks", "this kernel has no livepatch (CONFIG_LIVEPATCH)")
      .hint("apply the update with --engine stop");
}

Result<void> check_livepatch(Apply& /*apply*/) { return check_has_livepatch(); }

Result<void> switch_by_livepatch(Apply& apply) {
  if (auto free = refuse_replaced(apply); !free) return free;
  const std::string name = livepatch_module_name(apply.package);
  auto module = module_to_load(apply, name);
  if (!module) return propagate(module);
  if (apply.options.dry_run) return {};
  if (auto gone = unload_stale(name, apply.package.manifest.id, apply.console); !gone) return gone;
  AppliedRecord record = record_of(apply.package, {}, apply.signature.key);
  record.livepatch = {name};
  // Without it the update goes by its module's name.
  if (auto noted = write_record(record); !noted) apply.console.warning(noted.error().message);
  apply.record_written = true;

  apply.console.stage("loading live patch {}, {}", name,
                      counted(apply.matched.functions.size(), "function"));
  auto loaded = LoadedModule::load(*module, name);
  if (!loaded) return refused_load(loaded.error());
  apply.modules.push_back(std::move(*loaded));
  auto over = wait_for_transition(name, Direction::in, apply.options.attempts, *apply.signals,
                                  apply.console);
  if (!over) return given_up(apply, over.error());
  if (auto free = look_again(apply); !free) {
    auto out = take_out(name, apply.options.attempts, *apply.signals, apply.console);
    return out ? free : given_up(apply, out.error());
  }
  apply.signals->hold_to_the_end();
  apply.transition = *over;
  leave(apply);
  return {};
}

Result<Undone> undo_livepatch(const LivepatchUpdate& update, const UndoOptions& options,
                              const Console& console) {
  HeldSignals signals;
  console.stage("taking out live patch {}", update.module);
  auto over = take_out(update.module, options.attempts, signals, console);
  if (!over) {
    over.error().file = update.id;
    return propagate(over);
  }
  signals.hold_to_the_end();
  remove_record(update.id);
  Undone undone;
  undone.id = update.id;
  undone.transition = *over;
  // Nobody but the module itself holds it, where addresses of it are stored (its frame takes a reference).
  undone.memory_stays = is_on_a_stack(update.module) || !unload_module(update.module);
  undone.kept = undone.memory_stays && is_held(update.module);
  return undone;
}

}  // namespace splicer
