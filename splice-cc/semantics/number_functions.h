// SPDX-License-Identifier: GPL-2.0-or-later
//
// The kernel's functions that use a number with memory, so that set_bit(3, &x->flags) says what
// x->flags |= 8 does.
//
//     number_function("test_bit")        argument 0 is the number of a bit, argument 1 the memory; tests
//     number_function("arch_set_bit")    the same as set_bit: what the macros of bitops.h become
//     number_function("kfree")           nullptr
//
// Invariant: an argument's number is that in the call which Clang sees once macros are expanded.
#pragma once

#include <string_view>

namespace splicer {

struct NumberFunction {
  std::string_view name;
  unsigned constant;  // which argument is the number
  unsigned memory;    // and which the memory
  bool tests;
  bool stores;
  bool is_bit;          // the number is that of a bit
  bool clears = false;  // it stores what takes the number away
};

// Null for any other function. A walk over a short table.
const NumberFunction* number_function(std::string_view name);

}  // namespace splicer
