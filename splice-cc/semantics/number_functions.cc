// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/number_functions.h"

#include <algorithm>
#include <iterator>

namespace splicer {

namespace {

// include/linux/bitops.h, include/asm-generic/bitops/, include/linux/atomic/atomic-instrumented.h
constexpr NumberFunction kNumberFunctions[] = {
    {"test_bit", 0, 1, true, false, true},
    {"test_bit_acquire", 0, 1, true, false, true},
    {"set_bit", 0, 1, false, true, true},
    {"clear_bit", 0, 1, false, true, true, true},
    {"clear_bit_unlock", 0, 1, false, true, true, true},
    {"change_bit", 0, 1, false, true, true},
    {"test_and_set_bit", 0, 1, true, true, true},
    {"test_and_clear_bit", 0, 1, true, true, true, true},
    {"test_and_change_bit", 0, 1, true, true, true},
    {"test_and_set_bit_lock", 0, 1, true, true, true},
    {"atomic_set", 1, 0, false, true, false},
    {"atomic_or", 0, 1, false, true, false},
    {"atomic_andnot", 0, 1, false, true, false, true},
    {"atomic_cmpxchg", 1, 0, true, true, false},
    {"atomic_long_set", 1, 0, false, true, false},
    // linux/xarray.h: the number of a mark
    {"xa_clear_mark", 2, 0, false, true, true, true},
    {"xa_find", 3, 0, true, false, true},
    {"xa_find_after", 3, 0, true, false, true},
    {"xa_get_mark", 2, 0, true, false, true},
    {"xa_set_mark", 2, 0, false, true, true},
};

}  // namespace

// test_bit() is a macro for const_test_bit() and _test_bit(), or calls arch_test_bit(), and that
// constant_test_bit() (include/linux/bitops.h, bitop()).
const NumberFunction* number_function(std::string_view name, unsigned arguments) {
  for (const std::string_view beginning : {"constant_", "variable_", "const", "generic_", "arch_"})
    if (name.starts_with(beginning)) name.remove_prefix(beginning.size());
  name.remove_prefix(std::min(name.find_first_not_of('_'), name.size()));
  const auto found = std::ranges::find(kNumberFunctions, name, &NumberFunction::name);
  return found == std::end(kNumberFunctions) ||
                 arguments <= std::max(found->constant, found->memory)
             ? nullptr
             : &*found;
}

std::optional<std::int64_t> mask_of_bit(std::int64_t number) {
  constexpr std::int64_t kBits = 63;
  if (number < 0 || number >= kBits) return std::nullopt;
  return std::int64_t{1} << number;
}

}  // namespace splicer
