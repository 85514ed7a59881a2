// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the sections of a kernel object are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace splicer {

// Bytes of the constant that runtime_const_init() (asm/runtime-const.h) writes at start-up where a
// table of that name says, the value of a variable: 8 for runtime_ptr_NAME, 1 for
// runtime_shift_NAME, 0 for any other table.
std::uint32_t constant_width(std::string_view table);
// NAME of such a table.
std::string constant_variable(std::string_view table);

}  // namespace splicer
