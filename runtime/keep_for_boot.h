// SPDX-License-Identifier: GPL-2.0-or-later
//
// Keeping an update for the boot of the kernel that it is for, whichever runs now, without applying it.
//
//     const auto kept = keep_for_boot(options, root, console);  // kept->release
//
// It is what a package manager needs: a package is installed once, on machines that run its kernel, on those that will
// after the next boot, and in folders that are to become machines. Applying is another step (put_back.h), and goes
// its way also if this one was made long ago.
//
// Whether its signature counts is asked first, as always. An update that is in the store already keeps its place there,
// the engine that it was installed with, and the note that it is left out: the machine went down while it was being
// applied, and what calls this again by itself, as dpkg does after a crash, must not lift that.
//
// Invariant: nothing of the running kernel is touched; after an error the store lists what it listed before.
#pragma once

#include <string>

#include "matcher/base/console.h"
#include "matcher/base/result.h"
#include "runtime/install.h"

namespace splicer {

struct Kept {
  std::string id;
  std::string name;
  std::string release;   // of the kernel that it is for
  bool already = false;  // it was in the store before
  std::string left_out;  // why it will not be put back all the same, a sentence; empty: it will
};

// `root` is the folder of all stores. Errors: those of read_admitted(), parse_package() and open_store().
Result<Kept> keep_for_boot(const InstallOptions& options, const std::string& root,
                           const Console& console);

}  // namespace splicer
