// SPDX-License-Identifier: GPL-2.0-or-later
//
// Linking an update's module for one running kernel, before it is loaded.
//
// new/TARGET.ko is a complete kernel module but for two things: the addresses of symbols that the
// kernel does not export, and its own name. Both are written in place, so no offset in the file
// moves:
//
//     undefined symbol `tun_flow_create`   ->  SHN_ABS, value 0xffffffffc0401230
//     "splice_0000000000000000_0"          ->  "splice_5d1f0c2e77aa9b31_0"
//
// The kernel's module loader takes an SHN_ABS symbol as it is (kernel/module/main.c,
// simplify_symbols()) and then does everything else as for any module: relocation, alternatives,
// static keys and calls, exception tables, ORC. An undefined symbol without a given address stays
// undefined: the kernel exports it, checks its version and holds its owner.
//
// Invariant: the result differs from the input in symbol table entries of the given names and in
// the name of the module, nowhere else.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "matcher/base/result.h"
#include "runtime/package/package.h"

namespace splicer {

using Addresses = std::map<std::string, std::uint64_t>;  // by name in the new module's symbol table

// `module` is the file, targets[index].new_member; `addresses` has every symbol of
// targets[index].symbols. Errors (ExitCode::bad_package): "elf-malformed", "link-symbol",
// "link-name", "link-function".
Result<std::vector<std::uint8_t>> link_module(std::vector<std::uint8_t> module,
                                              const Manifest& manifest, std::size_t index,
                                              const Addresses& addresses);

}  // namespace splicer
