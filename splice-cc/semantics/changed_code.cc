// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/changed_code.h"

namespace splicer {

namespace {

constexpr int kDeepest = 8;  // inlined into what is inlined

bool is_replaced_at(const ChangedCode& code, const UnitFacts& pre, const std::string& name,
                    int depth) {
  if (code.replaced.contains(name)) return true;
  // Inlined wherever it is called: then its callers count.
  const auto function = pre.functions.find(name);
  if (depth > kDeepest || code.compiled.contains(name) || function == pre.functions.end() ||
      !function->second.local)
    return false;
  bool called = false;
  for (const auto& [caller, facts] : pre.functions) {
    if (caller == name || !facts.calls.contains(name)) continue;
    called = true;
    if (!is_replaced_at(code, pre, caller, depth + 1)) return false;
  }
  return called;
}

}  // namespace

bool is_replaced(const ChangedCode& code, const UnitFacts& pre, const std::string& name) {
  return is_replaced_at(code, pre, name, 0);
}

std::vector<ReplacedPair> replaced_functions(const ChangedCode& code, const UnitFacts& pre,
                                             const UnitFacts& post) {
  std::vector<ReplacedPair> pairs;
  for (const auto& [name, before] : pre.functions) {
    const auto after = post.functions.find(name);
    if (after != post.functions.end() && is_replaced(code, pre, name))
      pairs.push_back({name, &before, &after->second});
  }
  return pairs;
}

std::set<std::string> records_on_stacks(const UnitFacts& facts) {
  std::set<std::string> names;
  for (const auto& [name, record] : facts.records)
    if (!record.frames.empty() && record.allocators.empty() && !record.is_static)
      names.insert(name);
  return names;
}

}  // namespace splicer
