// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a mismatch says to a person: what differs where, disassembled side by side, and what kind of
// mistake the differences of the whole object look like.
//
//     error: the running code is not the code that the update was made from: at +0x1c, ...
//     hint:  the object was compiled by GCC: (Debian 11.3.0-12) 11.3.0, the kernel by ...
//
// A probe in a function has a code of its own, since the code is then most likely the
// right one and only cannot be proved.
//
// Invariant: nothing here decides whether code matches.
#pragma once

#include <string>

#include "matcher/elf/elf_object.h"
#include "matcher/image/image.h"
#include "matcher/match/code_compare.h"

namespace splicer {

struct Mismatch {
  Error error;
  bool only_numbers = false;  // the first difference is an offset or a constant in an instruction
};

// `comparison` is that of the section of `symbol`, whose code should be at `code`.
Mismatch describe_mismatch(const ElfObject& object, const Image& image, const Symbol& symbol,
                           const Comparison& comparison, RunAddress code);

// The hint that fits an object of which so many functions do not match, so many of them by numbers
// only; with the compilers' names if they differ.
std::string mismatch_hint(const ElfObject& object, const Image& image, std::size_t functions,
                          std::size_t mismatched, std::size_t only_numbers);

}  // namespace splicer
