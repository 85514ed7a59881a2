// SPDX-License-Identifier: GPL-2.0-or-later
//
// The parts of applied updates for a module that is being loaded: what `splice-apply --late MODULE` does.
//
// The core module runs it when a module comes that updates await, and waits with the module's init until it
// has ended (kmod/coming.c). It applies each part by the passes of any update (apply.h), of which only that
// module's is left: matched against the module in memory, linked, loaded, switched. The packages are those
// that were kept in /run/splice when the updates were applied, their signatures checked again.
//
// It has no terminal and nobody who reads: what it has to say goes to the kernel's log. It ends within a
// minute, by a signal if nothing else helps, as somebody waits for it.
//
// Invariant: 0 means that the module has its part of every update that awaits it.
#pragma once

#include <string>

namespace splicer {

// The exit status: 0, or 9 if the module may be let in all the same (unpatched-modules in splice.conf),
// or 1. "-": nothing is coming; modules of parts that have gone are unloaded.
int apply_late(const std::string& module);

}  // namespace splicer
