// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which functions of a unit an update replaces, as the semantic check needs it: by their names in
// the source, without the endings that the compiler adds (.constprop.0, .cold).
//
//     net/wireless/wext-sme.c: a patch of cfg80211_wext_siwgenie() replaces it; a static function
//     that is inlined into it and nowhere else, and so has no code of its own, is replaced with it
//
// Invariant: what is_replaced() finds replaced runs in no thread while the update is applied, nor
// is any thread inside of it (kmod/stack_check.c).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "splice-cc/semantics/facts.h"

namespace splicer {

struct ChangedCode {
  std::set<std::string> replaced = {};
  std::set<std::string> compiled = {};  // those that have code of their own; others are inlined
  std::set<std::string> of_bpf = {};    // BPF programs may call them (include/linux/btf_ids.h)
  std::set<std::string> patched = {};   // files, all that the update's patches change
};

// Is the function itself replaced, or are all of those that it is inlined into?
bool is_replaced(const ChangedCode& code, const UnitFacts& pre, const std::string& name);

// A function that is replaced, and is in both versions. Its facts are those given.
struct ReplacedPair {
  std::string name;
  const FunctionFacts* before;
  const FunctionFacts* after;
};
// Linear in the functions, and in the callers of those that are inlined.
std::vector<ReplacedPair> replaced_functions(const ChangedCode& code, const UnitFacts& pre,
                                             const UnitFacts& post);

// Structures of a version of a unit that are local variables only: no object of one outlives a call.
// Linear in the structures.
std::set<std::string> records_on_stacks(const UnitFacts& facts);

}  // namespace splicer
