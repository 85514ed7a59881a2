// SPDX-License-Identifier: GPL-2.0-or-later
//
// The rewriting sites of a function and what may be there, for people who ask why a site is refused
// (splice-match --debug=sites):
//
//     fork_init+0x0: ftrace site, 5 bytes, now 0f 1f 44 00 00
//       as built  e8 .. .. .. ..  (__fentry__-0x4)
//       permitted 0f 1f 44 00 00  <- now
//
// Two dots are a byte of a relocated field, which is proved as a reference.
//
// Invariant: nothing here decides whether code matches.
#pragma once

#include <string>
#include <vector>

#include "matcher/elf/elf_object.h"
#include "matcher/image/image.h"
#include "matcher/match/match.h"
#include "matcher/match/sites.h"

namespace splicer {

// One line for each group of sites of the function, and one for each encoding permitted there.
// Empty where the kernel has no such function. Where the layout differs from the object's, what is
// there now is read at the object's offset.
std::vector<std::string> list_sites(const ElfObject& object, const SiteTables& sites,
                                    const Image& image, const FunctionMatch& function);

}  // namespace splicer
