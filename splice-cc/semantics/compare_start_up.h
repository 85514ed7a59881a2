// SPDX-License-Identifier: GPL-2.0-or-later
//
// Start-up code that a patch changes: it has run, and will not run again.
//
//     ep_cache = kmem_cache_create(...);   in eventpoll_init(), new
//     kmem_cache_zalloc(ep_cache, ...)     in do_epoll_create(), replaced: it would read NULL
//
// So what changed start-up code sets up must be nothing that new code uses, nor something that new
// exit code takes down again. All else waits for the next boot, which is said.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "splice-cc/diff/unit_diff.h"
#include "splice-cc/findings/findings.h"
#include "splice-cc/semantics/facts.h"

namespace splicer {

// One finding for each function and variable of start-up code that differs: "init-code-changed", a
// refusal or a warning. `used`: variables that the new code of the unit refers to. The facts may be
// empty, if Clang cannot read the file.
std::vector<Finding> compare_start_up(const UnitFacts& pre, const UnitFacts& post,
                                      const std::string& source, const UnitDiff& diff,
                                      const std::set<std::string>& used);

}  // namespace splicer
