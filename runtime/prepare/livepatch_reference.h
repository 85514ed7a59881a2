// SPDX-License-Identifier: GPL-2.0-or-later
//
// How the kernel's livepatch finds an address: by the object it is in, a name of that object, and the position
// among equal names.
//
//     livepatch_reference(0xffffffff81234560, "copy", kernel)      .klp.sym.vmlinux.copy,3
//     livepatch_reference(0xffffffff82001234, ".LC5", kernel)      .klp.sym.vmlinux.banner,0 and 0x54 bytes more
//
// klp_find_object_symbol() (kernel/livepatch/core.c) walks the kernel's symbols in their order and counts those
// of that name. In vmlinux that is the order of their addresses (scripts/kallsyms.c sorts so, and so does
// kallsyms_on_each_match_symbol() for one name); in a module it is that of the file's table, which /proc/kallsyms
// does not let us tell from here: there, only a name that stands once is taken. Position 0 says "there is one",
// and the kernel refuses if that is not so.
//
// What has no name (a string, a constant of the compiler's) is so many bytes behind what has one: an image is
// linked once, so the distance is the same in every boot. In a module that holds within what is read-only, which
// the loader lays out in the order of the file (layout_sections() in kernel/module/main.c).
//
// Invariant: in this symbol table, the name at the position, plus the distance, is the address.
#pragma once

#include <cstdint>
#include <string>

#include "matcher/base/address.h"
#include "matcher/base/result.h"
#include "matcher/image/symbol_table.h"

namespace splicer {

struct LivepatchReference {
  std::string object;          // "vmlinux", or a module's name
  std::string name;            // in that object
  std::uint64_t position = 0;  // from 1 in the order of the kernel's table; 0: the name stands once
  std::int64_t distance = 0;   // bytes behind it

  // As the kernel wants an undefined symbol to be named: ".klp.sym.vmlinux.copy,3".
  std::string symbol() const;
  bool operator==(const LivepatchReference&) const = default;
};

// `name`: what the symbol is called, or what nobody lists. Takes the time of a lookup. Errors (ExitCode::unsafe):
// "livepatch-form", where the kernel has no way to find it.
Result<LivepatchReference> livepatch_reference(RunAddress address, const std::string& name,
                                               const SymbolTable& kernel);

}  // namespace splicer
