// SPDX-License-Identifier: GPL-2.0-or-later
//
// Work that leaves nothing behind, however it ends.
//
//     return run_supervised([&] { return create(command); }, ...);
//
// splice-create has a dozen compilers under it and a folder full of objects. Ctrl-C ends the command,
// and would leave both; so would a fault in a library. So the work is done by a child, in a process
// group and a temporary folder of its own, and this process does nothing but wait: for the child, or
// for a signal, which it hands on to the whole group.
//
// Invariant: when run_supervised() returns after a signal, no process of the group runs any more, and
// the folder is gone.
#pragma once

#include <functional>

#include "matcher/base/result.h"

namespace splicer {

struct Supervised {
  int status = 0;            // what the work returned
  bool interrupted = false;  // a signal asked to end it
  int killed = 0;            // the signal that the work died of by itself, or 0
};

// To be called before there are threads. In the child TMPDIR is the folder; what the work keeps there
// on purpose stays. SIGTSTP stops all and SIGCONT goes on. Errors: "scratch-unwritable",
// "program-missing".
Result<Supervised> run_supervised(const std::function<int()>& work);

}  // namespace splicer
