// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a patch changes in how live numbers are computed (arithmetic_uses.h), over all units of an update.
//
//     amount-changed:struct msg_queue.q_cbytes   counted up by another amount, and down by another: what was
//                                                counted before would be taken off wrongly
//     encoding-changed:struct eventfd_ctx.id     one is added where it is stored, and taken off where it is
//                                                read: live ones have it not added
//     order-changed:msg_insert                   a tree is walked by the opposite comparison
//     name-changed:consumer:%s:%s                made under another name, and looked for under that
//
// One side alone is a repair: an amount that was taken off wrongly, an index that was off by one.
//
// Invariant: equal facts have no finding.
// Cost: linear in the uses of both versions; names are compared for each two functions that change some.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "splice-cc/findings/findings.h"
#include "splice-cc/semantics/changed_code.h"
#include "splice-cc/semantics/facts.h"

namespace splicer {

class ArithmeticComparison {
 public:
  // Adds both versions of a unit.
  void add(const UnitFacts& pre, const UnitFacts& post, const ChangedCode& code);
  std::vector<Finding> compare() const;

 private:
  // A function that is replaced, in both versions.
  struct Pair {
    std::string name;
    SourcePlace place;
    ArithmeticUses before;
    ArithmeticUses after;
  };

  void compare_amounts(std::vector<Finding>& findings) const;
  bool is_turned(const std::string& place) const;
  void compare_encodings(std::vector<Finding>& findings) const;
  void compare_orders(std::vector<Finding>& findings) const;
  void compare_names(std::vector<Finding>& findings) const;
  // A finding about a place, at the first function that computes otherwise with it.
  Finding about(const std::string& place) const;

  ArithmeticUses before_;
  ArithmeticUses after_;
  std::vector<Pair> pairs_;
};

}  // namespace splicer
