// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/guarded_apply.h"

#include <fmt/core.h>

#include "runtime/apply_passes.h"

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
  Apply apply(std::move(options), console);
  if (auto done = run_passes(apply); !done) return propagate(done);
  return Applied{apply.applied_already, apply.left_out, apply.pause_ns};
}

}  // namespace

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
