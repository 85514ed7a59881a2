// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/effect_sites.h"

#include <clang/Analysis/CFG.h>

#include <map>
#include <vector>

namespace splicer {

namespace {

using Blocks = std::set<const clang::CFGBlock*>;

// The blocks behind `first` on ways that do not go back to where they have been: without the last
// branch of a loop.
class Forward {
 public:
  explicit Forward(const clang::CFG& graph) { visit(graph.getEntry()); }

  bool reaches(const clang::CFGBlock* from, const clang::CFGBlock* to) const {
    Blocks seen;
    std::vector<const clang::CFGBlock*> todo = {from};
    while (!todo.empty()) {
      const clang::CFGBlock* block = todo.back();
      todo.pop_back();
      const auto next = next_.find(block);
      if (next == next_.end()) continue;
      for (const clang::CFGBlock* one : next->second) {
        if (one == to) return true;
        if (seen.insert(one).second) todo.push_back(one);
      }
    }
    return false;
  }

 private:
  void visit(const clang::CFGBlock& entry) {
    struct Step {
      const clang::CFGBlock* block;
      clang::CFGBlock::const_succ_iterator next;
    };
    Blocks done;
    Blocks open = {&entry};
    std::vector<Step> path = {{&entry, entry.succ_begin()}};
    while (!path.empty()) {
      Step& step = path.back();
      if (step.next == step.block->succ_end()) {
        open.erase(step.block);
        done.insert(step.block);
        path.pop_back();
        continue;
      }
      const clang::CFGBlock* next = *step.next++;
      if (next == nullptr || open.contains(next)) continue;
      next_[step.block].push_back(next);
      if (done.contains(next)) continue;
      open.insert(next);
      path.push_back({next, next->succ_begin()});
    }
  }

  std::map<const clang::CFGBlock*, std::vector<const clang::CFGBlock*>> next_;
};

bool exclude_each_other(const EffectSite& one, const EffectSite& other) {
  return one.guards != nullptr && other.guards != nullptr &&
         are_exclusive(*one.guards, *other.guards);
}

}  // namespace

bool are_apart(const std::set<EffectSite>& sites) {
  if (sites.size() == 1) return sites.begin()->apart;
  if (sites.empty()) return false;
  const Forward forward(*sites.begin()->block->getParent());
  for (const EffectSite& one : sites) {
    if (one.takes && one.gives) return false;
    for (const EffectSite& other : sites)
      if (one.takes != other.takes && !exclude_each_other(one, other) &&
          (one.block == other.block || forward.reaches(one.block, other.block)))
        return false;
  }
  return true;
}

}  // namespace splicer
