// SPDX-License-Identifier: GPL-2.0-or-later
//
// Linking an update's module for one running kernel, before it is loaded.
//
// new/TARGET.ko is a complete kernel module but for three things: the addresses of symbols that the
// kernel does not export, the runtime constants of one byte that the kernel patches into its own
// code (asm/runtime-const.h), and its own name. All are written in place, so no offset in the file
// moves:
//
//     undefined symbol `tun_flow_create`   ->  SHN_ABS, value 0xffffffffc0401230
//     shr $imm8, R_X86_64_8                ->  the byte in the code, R_X86_64_NONE
//     "splice_0000000000000000_0"          ->  "splice_5d1f0c2e77aa9b31_0"
//
// The kernel's module loader takes an SHN_ABS symbol as it is (kernel/module/main.c,
// simplify_symbols()) and then does everything else as for any module: relocation, alternatives,
// static keys and calls, exception tables, ORC. An undefined symbol without a given address stays
// undefined: the kernel exports it, checks its version and holds its owner. A runtime constant of
// eight bytes is such a symbol too, with its own value; for one byte the loader has no
// relocation (arch/x86/kernel/module.c, __apply_relocate_add()).
//
// Invariant: the result has the length of the input and differs from it only in the symbol table
// entries of the given names, in the bytes and relocation entries of runtime constants of one byte,
// and in the name of the module.
#pragma once

#include <cstdint>
#include <vector>

#include "matcher/base/result.h"
#include "runtime/package/manifest.h"
#include "runtime/prepare/resolve.h"

namespace splicer {

// `module` is the file, targets[index].new_member; `addresses` and `constants` have every symbol of
// targets[index].symbols. Errors (ExitCode::bad_package): "elf-malformed", "link-symbol",
// "link-name", "link-function", "link-constant".
Result<std::vector<std::uint8_t>> link_module(std::vector<std::uint8_t> module,
                                              const Manifest& manifest, std::size_t index,
                                              const Addresses& addresses,
                                              const RuntimeConstants& constants);

}  // namespace splicer
