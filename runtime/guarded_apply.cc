// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/guarded_apply.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include "matcher/base/wording.h"
#include "runtime/choose_engine.h"

namespace splicer {

namespace {

// When it returns, nothing of an application that failed is in the kernel.
Result<Applied> apply_once(GuardedUpdate& update, const Console& console) {
  ApplyOptions options;
  options.path = update.path;
  options.admitted = std::move(update.admitted);
  options.skip_unloaded = update.entry.skip_unloaded;
  options.require_types = update.entry.require_types;
  options.attempts = update.attempts;
  const auto done = apply_by_choice(std::move(options), update.entry.engine, console);
  if (!done) return propagate(done);
  const Apply& apply = *done->apply;
  return Applied{apply.applied_already, apply.left_out,   apply.pause_ns,
                 apply.engine,          done->why_engine, apply.transition};
}

}  // namespace

std::string what_waits(const std::set<std::string>& modules) {
  if (modules.empty()) return {};
  return fmt::format(", module{} {} once {} loaded", modules.size() == 1 ? "" : "s",
                     fmt::join(modules, ", "), modules.size() == 1 ? "it is" : "they are");
}

std::string how_applied(const Applied& applied) {
  return applied.engine == Engine::stop
             ? fmt::format(", machine stopped for {} us", microseconds(applied.pause_ns))
             : fmt::format(", by the kernel's livepatch: all threads went over in {} ms",
                           applied.transition.count());
}

Result<Applied> guarded_apply(GuardedUpdate update, const Store& store, const Console& console) {
  const HeldSignals held;
  if (auto marked = store.mark(update.entry, boot_id()); !marked) return propagate(marked);
  auto applied = apply_once(update, console);
  auto unmarked = store.unmark();
  if (!unmarked && applied)
    return propagate(unmarked).hint(
        fmt::format("update {} is applied, but the next boot would leave it out: make the disk "
                    "writable and run the command again",
                    update.entry.id));
  if (!unmarked) console.warning(unmarked.error().message);
  return applied;
}

}  // namespace splicer
