// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any bytes as a kernel's read-only data: no symbol table in it, or one that is sorted.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "matcher/image/kallsyms_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto symbols = splicer::decode_kallsyms({data, size}, "fuzz");
  if (symbols &&
      !std::is_sorted(symbols->begin(), symbols->end(),
                      [](const auto& a, const auto& b) { return a.address < b.address; }))
    std::abort();
  return 0;
}
