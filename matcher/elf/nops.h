// SPDX-License-Identifier: GPL-2.0-or-later
//
// Nops: instructions that do nothing, as processors have them, as assemblers write them, and as the
// kernel writes them over its own code.
//
//     90                               nop
//     66 90                            with a prefix; up to 15 bytes in all
//     0f 1f 44 00 00                   the nop of several bytes, with an operand that nobody reads
//     66 2e 0f 1f 84 00 00 00 00 00    what the GNU assembler fills up to an alignment with
//
// Reading them is apart from Capstone, for what is read may be the middle of nowhere: the padding
// behind a function. (kmod/ has a reader of its own, which must not depend on this one.)
//
// Sources: Intel SDM volume 2, NOP and 2.3.11 (15 bytes at most); arch/x86/include/asm/nops.h
// (BYTES_NOP1 to 8, ASM_NOP_MAX); arch/x86/kernel/alternative.c (add_nops(), add_nop(),
// optimize_nops()); gas/config/tc-i386.c (alt_patt).
//
// Invariant: the length of a nop is between 1 and 15, and not more than there is of the code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "matcher/base/bytes.h"

namespace splicer {

struct Nop {
  unsigned length = 0;  // bytes
  // Prefixes 66 and 2e only and no register for an operand: what assemblers fill gaps with.
  bool padding = false;
  // Padding whose operand is one that assemblers and the kernel use, with no displacement. Another
  // would do nothing as well, but nobody wrote it.
  bool usual = false;
};

// The nop that `code` begins with: 90, or 0f 1f /0, with any of the prefixes 66, 2e, 3e and REX.W.
std::optional<Nop> nop_at(Bytes code);

// The nops that the kernel fills `length` bytes with (add_nops()): the longest first.
std::vector<std::uint8_t> kernel_nops(std::size_t length);

// The same by later kernels (add_nop()): one nop of up to 11 bytes, or a jump over int3.
std::vector<std::uint8_t> single_nop(std::size_t length);

}  // namespace splicer
