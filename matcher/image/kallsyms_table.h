// SPDX-License-Identifier: GPL-2.0-or-later
//
// The symbol table that every kernel carries inside itself, decoded from its read-only data.
//
// A shipped vmlinux is stripped, but what /proc/kallsyms prints is in it: names compressed by a
// table of 256 tokens, addresses as offsets (scripts/kallsyms.c writes it, kernel/kallsyms.c reads
// it). No symbol says where the tables are, so they are found by what they are: the tokens '0' to
// '9' stand for themselves and follow each other, the token index lists where each token begins,
// the markers list where every 256th name begins. All three must agree before a name is believed.
//
// Invariant: what is returned is sorted by address and has as many symbols as the kernel counts.
#pragma once

#include <string>
#include <vector>

#include "matcher/base/bytes.h"
#include "matcher/base/result.h"
#include "matcher/image/symbol_table.h"

namespace splicer {

// `data` is the kernel's read-only data. Errors: "kallsyms-not-found".
Result<std::vector<KernelSymbol>> decode_kallsyms(Bytes data, const std::string& name);

}  // namespace splicer
