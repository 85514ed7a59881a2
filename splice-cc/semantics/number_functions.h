// SPDX-License-Identifier: GPL-2.0-or-later
//
// The kernel's functions that use a number with memory, so that set_bit(3, &x->flags) says what
// x->flags |= 8 does.
//
//     number_function("test_bit", 2)        argument 0 is the number of a bit, argument 1 the memory; tests
//     number_function("arch_set_bit", 2)    the same as set_bit: what the macros of bitops.h become
//     number_function("kfree", 1)           nullptr
//     mask_of_bit(3)                        8
//
// Invariant: an argument's number is that in the call which Clang sees once macros are expanded.
#pragma once

#include <cstdint>
#include <optional>
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

// Of a call with that many arguments. Null for any other function, and for one that is only named so and has
// not the arguments. A walk over a short table.
const NumberFunction* number_function(std::string_view name, unsigned arguments);
// Nothing for what is no bit of a long, or its sign.
std::optional<std::int64_t> mask_of_bit(std::int64_t number);

}  // namespace splicer
