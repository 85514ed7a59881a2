// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the new code for a module uses of what that same module exports.
//
//     vhost.ko exports vhost_poll_queue(), and the new code for vhost calls it
//
// Left to the kernel's module loader, such a symbol would bind the new code to the module: it could not be
// unloaded any more, and while it is being loaded nobody can be bound to it (strong_try_module_get() in
// kernel/module/main.c). So it gets its address like everything else that is not exported, from where the
// loader has it: the module's entry __ksymtab_NAME (struct kernel_symbol in include/linux/export.h).
//
//     own_exports(module, "new/vhost.ko", "vhost", addresses, image)   {"vhost_poll_queue": 0xffff...}
//
// Invariant: nothing is returned but addresses that the module's table of exports and its symbols agree on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "matcher/base/result.h"
#include "matcher/image/image.h"
#include "runtime/prepare/resolve.h"

namespace splicer {

// Symbols that are undefined in `module` (a file; `member` is its name in messages), have no address in
// `given`, and are exported by `target`. Errors: "symbol-unknown" (ExitCode::mismatch), those of
// ElfObject::parse() and Image::read().
Result<Addresses> own_exports(const std::vector<std::uint8_t>& module, const std::string& member,
                              const std::string& target, const Addresses& given,
                              const Image& image);

}  // namespace splicer
