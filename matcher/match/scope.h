// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which of the kernel's symbols of a name a symbol of an object may be: what the linker and the
// module loader would have bound it to.
//
//     fs/read_write.o (vmlinux) calls `foo`, which it does not define:
//         T foo               yes: global in vmlinux
//         t foo               no: static in some other file
//         T foo [snd]         no: vmlinux is linked without modules
//     drivers/net/tun.o (tun) does:
//         t foo [tun]         yes: of another file of the module
//         T foo               yes
//         T foo [veth]        yes: exported
//         t foo [veth]        no: not exported
//
// For modules /proc/kallsyms has a capital where a symbol is exported, not where it is global
// (s_show() in kernel/kallsyms.c).
//
// Invariant: nothing here depends on what a symbol's address is.
#pragma once

#include "matcher/elf/elf_object.h"
#include "matcher/image/symbol_table.h"
#include "matcher/match/options.h"

namespace splicer {

// Has a kernel's symbol of that letter (nm(1)) a name for all files? Weak ones have small letters.
bool is_global(char letter);
bool is_weak_symbol(const KernelSymbol& symbol);

// May code of `target` refer to it without defining it?
bool is_visible(const KernelSymbol& symbol, const std::string& target);

// May it be that symbol of the object, which the names agree on? What applied updates brought may be
// any.
bool in_scope(const Symbol& symbol, const KernelSymbol& kernel, const MatchOptions& options);

}  // namespace splicer
