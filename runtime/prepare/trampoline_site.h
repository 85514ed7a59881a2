// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where the trampoline, the jump from an old function to its new code, is written.
//
//     push %rbp ...                  no ftrace site: at the first byte
//     nop5 (ftrace) | push %rbp ...  behind the ftrace site, so that tracing, kprobes and
//                                    livepatch go on finding there what they wrote
//     endbr64 | nop5 | push ...      behind both: an indirect call has to land on the endbr64
//     nop5 | xor %eax,%eax; ret      too short for the five bytes of `e9 rel32`: a two-byte
//                                    `eb rel8`, the relay jump, to padding behind the function
//                                    (the hop), and the long jump there
//
//     nop5 (ftrace) | jmp (static key) ...      no place at all: no jump, ftrace leads the calls on
//
// The kernel rewrites some places of its code while it runs (static keys, static calls, lock
// prefixes). A jump that covers part of one would be torn apart by the next rewrite; then the
// two-byte form is tried. If that covers it too, the core module redirects the function at its
// ftrace site, as a live patch does (kmod/redirect.c), which costs each call more; and without such
// a site the function cannot be replaced.
//
// Invariant: the bytes at site lie inside the function and outside every live site, or are the
// ftrace site; the bytes at hop are int3 or nops that lie behind the function and before the next
// symbol of the kernel.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "matcher/base/result.h"
#include "matcher/image/image.h"
#include "matcher/match/match.h"
#include "runtime/prepare/state.h"

namespace splicer {

inline constexpr std::size_t kLongJump = 5;   // e9 rel32
inline constexpr std::size_t kShortJump = 2;  // eb rel8

struct TrampolineSite {
  RunAddress site;
  RunAddress hop;                                      // 0: the long jump is at site itself
  std::array<std::uint8_t, kLongJump> expected_hop{};  // what is at hop today
  bool at_ftrace_site = false;                         // no jump: site is the ftrace site
};

// `before` is how the newest applied update replaced this function, or nullptr: its site is used
// again, since that is where the old entry leads away today. Errors: ExitCode::unsafe,
// "no-trampoline-site".
Result<TrampolineSite> choose_trampoline_site(const FunctionMatch& function,
                                              const AppliedFunction* before, const Image& image);

}  // namespace splicer
