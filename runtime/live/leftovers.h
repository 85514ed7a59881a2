// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a command that was killed left in the kernel: modules of an update that is not applied.
//
//     leftover_modules(state)        {"splice_5d1f0c2e77aa9b31_1", "splice_5d1f0c2e77aa9b31_0"}
//
// No code runs in them. They are in nobody's way either, but the next command that has the device
// takes them out, the newest first: a later target's module may use what an earlier one has, and its
// references hold nothing, as they were resolved before the module was loaded (link.h).
//
// Invariant: only a module of the form splice_ID_N is one, and only if no applied update has it.
// Without the device it may also be of a command that is at work.
#pragma once

#include <string>
#include <vector>

#include "matcher/base/console.h"
#include "runtime/prepare/state.h"

namespace splicer {

// The newest first, as /proc/modules lists them (load_module() adds at the head).
std::vector<std::string> leftover_modules(const State& state, const std::string& proc = "/proc");

// Unloads them; one that stays is a warning. To be called by who has the device.
void unload_leftovers(const State& state, const Console& console);

// Is the core module that is loaded the same build as these bytes? True too where one of them does
// not tell: by the build id that the linker put into it (kernel/module/sysfs.c, add_notes_attrs()).
bool is_loaded_build(std::vector<std::uint8_t> module, const std::string& name,
                     const std::string& sys = "/sys");

}  // namespace splicer
