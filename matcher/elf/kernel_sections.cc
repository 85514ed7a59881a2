// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/elf/kernel_sections.h"

namespace splicer {

std::uint32_t constant_width(std::string_view table) {
  if (table.starts_with("runtime_ptr_")) return 8;
  return table.starts_with("runtime_shift_") ? 1 : 0;
}

std::string constant_variable(std::string_view table) {
  constexpr std::string_view kPointer = "runtime_ptr_";
  constexpr std::string_view kShift = "runtime_shift_";
  return std::string(table.substr(table.starts_with(kPointer) ? kPointer.size() : kShift.size()));
}

}  // namespace splicer
