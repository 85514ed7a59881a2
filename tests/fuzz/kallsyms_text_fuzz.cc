// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any text as /proc/kallsyms: refused, or a table that finds each of its symbols again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "matcher/image/image.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto table =
      splicer::SymbolTable::parse_kallsyms({reinterpret_cast<const char*>(data), size});
  if (!table) return 0;
  for (const splicer::KernelSymbol& symbol : table->all()) {
    if (table->find(symbol.module, symbol.name).empty()) std::abort();
    if (table->at(symbol.address) == nullptr) std::abort();
    if (table->describe(symbol.address + 1).empty()) std::abort();
  }
  return 0;
}
