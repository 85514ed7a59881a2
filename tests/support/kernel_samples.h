// SPDX-License-Identifier: GPL-2.0-or-later
//
// Kernel files made up for tests: the symbol table that a kernel carries inside, a vmlinux around
// it, and a bzImage around that.
//
//     const auto table = kallsyms_table(symbols, KallsymsLayout::linux_6_1);
//     const auto file = bzimage(vmlinux({{0xffffffff81000000, table}}, {}), Compressor::gzip);
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "matcher/image/image.h"
#include "tests/support/object_builder.h"

namespace splicer {

// At least 256 symbols, sorted by address: fewer are not believed to be a kernel's.
std::vector<KernelSymbol> kernel_symbols(std::uint64_t base);

enum class KallsymsLayout {
  linux_6_1,  // offsets and their base before the number of symbols
  later,      // behind the tokens
};
// As scripts/kallsyms.c writes it: names compressed by tokens, a marker for each 256th name.
ByteVector kallsyms_table(const std::vector<KernelSymbol>& symbols, KallsymsLayout layout);

struct LoadedSegment {
  std::uint64_t address;
  ByteVector content;
};
// An executable with these PT_LOAD segments and, unless there are no symbols, a symbol table.
ByteVector vmlinux(const std::vector<LoadedSegment>& segments,
                   const std::vector<KernelSymbol>& symbols);

// Compressed by libarchive's filter of that name.
ByteVector compressed(const ByteVector& content, const char* filter);
// `kernel` compressed as the payload of a bzImage.
ByteVector bzimage(const ByteVector& kernel, const char* filter);
// A bzImage with that payload, whatever it is.
ByteVector bzimage_of(const ByteVector& payload);

}  // namespace splicer
