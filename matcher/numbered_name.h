// SPDX-License-Identifier: GPL-2.0-or-later
//
// Names that the compiler numbers: static variables of functions ("count.1234") and what
// __UNIQUE_ID() makes.
//
// The number belongs to one compilation. gcc counts up as it comes across such names, so options as
// -fdata-sections, which change the order of that, shift the numbers of a whole file: where the
// kernel's ipmi_msghandler has __already_done.1, .16, .19 and .21, the pre object has .16, .31, .34
// and .36.
//
// Invariant: nobody takes a numbered variable of one compilation for that of another by its name.
#pragma once

#include <string>
#include <string_view>

namespace splicer {

// "count.1234" -> "count", "__UNIQUE_ID_ddebug567.8" -> "__UNIQUE_ID_ddebug": the name without what
// the compiler numbers. Empty when the name has no such number.
std::string unnumbered(std::string_view name);

}  // namespace splicer
