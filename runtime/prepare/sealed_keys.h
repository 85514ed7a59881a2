// SPDX-License-Identifier: GPL-2.0-or-later
//
// Branches of new code on static keys that the kernel has sealed.
//
// A static key such as randomize_kstack_offset (init/main.c) is in .data..ro_after_init: the kernel
// writes it while it boots, and makes it read-only then. When a module with a branch on the key is
// loaded, jump_label_add_module() (kernel/jump_label.c) writes the module's entries into the key, and
// where the key is read-only that is an oops inside init_module(), with two locks held for ever.
// (Kernels with static_key_sealed() leave such a key alone.) But what is sealed cannot change any more,
// so there is nothing to keep track of: the branch is written as the key has decided it, and its entry
// goes from the new module's table.
//
//     __jump_table: { site, target, randomize_kstack_offset | 1 }      with the key enabled: a nop
//
// Invariant: no entry of the result leads the loader to a key that it may not write.
#pragma once

#include <cstdint>
#include <vector>

#include "matcher/base/result.h"
#include "matcher/image/image.h"
#include "runtime/prepare/link.h"

namespace splicer {

// `module` is new/TARGET.ko, `addresses` those of its symbols, `image` the kernel that is to load it.
// Returns the file, of the same size, with those branches decided; the file as it was where there are
// none. Takes time in proportion to the table. Errors: "elf-malformed", "sealed-key" (ExitCode::unsafe:
// a branch that cannot be written here, or a static call on a sealed key).
Result<std::vector<std::uint8_t>> decide_sealed_branches(std::vector<std::uint8_t> module,
                                                         const std::string& name,
                                                         const Addresses& addresses,
                                                         const Image& image);

}  // namespace splicer
