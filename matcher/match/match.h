// SPDX-License-Identifier: GPL-2.0-or-later
//
// Run-pre matching: prove that the code of a pre object is the code in a kernel image, byte for
// byte, and learn the address of every symbol that the code refers to.
//
//     auto result = match_object(pre, image, {.target = "vmlinux"});
//     for (const FunctionMatch& function : result->functions)  // one verdict a function
//       if (function.state == MatchState::matched) ...function.address, function.run_bytes...
//     result->addresses.at(symbol)                             // inferred from the code
//
// Invariant: a function is `matched` only if every byte of it in the image equals the pre object's,
// is the relocated value of a symbol with one consistent address, or is at a site that a table of
// the pre object names and is an encoding that the kernel writes there. Nothing is assumed.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "matcher/base/address.h"
#include "matcher/base/result.h"
#include "matcher/elf/elf_object.h"
#include "matcher/image/image.h"
#include "matcher/match/options.h"

namespace splicer {

enum class MatchState {
  matched,
  mismatched,  // the code at its address differs
  absent,      // the image has no symbol of that name (inlined away, overridden, or __init)
  ambiguous,   // several places match and nothing decides between them
};

struct FunctionMatch {
  std::string name;
  std::uint32_t symbol = 0;  // index in the pre object
  MatchState state = MatchState::absent;
  RunAddress address;                   // the symbol's value in the kernel: its old entry for ever
  RunAddress code;                      // where the code is now: address, or the redirect's code
  std::vector<std::uint8_t> run_bytes;  // as read at `code`; the function's length in the kernel
  // Offsets in run_bytes [begin, end) that the kernel may rewrite while it runs: ftrace, static
  // keys, static calls, lock prefixes. A trampoline must not overlap them.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> live_sites;
  // Bytes at the entry that stay whatever replaces the function: endbr64, where indirect calls must
  // land (or the nop that seals it), and the ftrace site.
  std::uint32_t kept_entry = 0;
  std::optional<std::uint32_t> ftrace_site;  // offset in run_bytes, if it is part of kept_entry
  std::string traced_by;                     // who hooked the ftrace site just now, or empty
  std::string update;                        // id of the update whose code runs there now, or empty
  Error error;                               // filled unless matched
};

struct MatchResult {
  std::vector<FunctionMatch> functions;           // every function of the pre object
  std::map<std::uint32_t, RunAddress> addresses;  // pre symbol index -> S, learnt from matches
  // Constants of the pre object whose content in the kernel differs, by pre symbol index. Such a
  // symbol has no entry in `addresses`.
  std::map<std::uint32_t, Error> altered_constants;
  // Functions of the pre object whose code in the kernel is another's, by pre symbol index. Neither
  // do these have an entry in `addresses`: new code must not call what means something else.
  std::map<std::uint32_t, Error> altered_functions;

  const FunctionMatch* find(std::string_view name) const;
};

// Errors are only about the inputs (the target is not loaded: "module-not-loaded"); what does not
// match is reported function by function.
Result<MatchResult> match_object(const ElfObject& pre, const Image& image,
                                 const MatchOptions& options);

}  // namespace splicer
