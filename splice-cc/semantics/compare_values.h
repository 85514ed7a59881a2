// SPDX-License-Identifier: GPL-2.0-or-later
//
// Whether a patch changes what live memory means: both what is put into a member and what is made of it
// (value_uses.h), over all units of an update.
//
//     encoding-changed:struct ring.head        f() stores another value there, and g() takes what it finds for
//                                              that: an object from before holds the old one
//     member-changed:struct entry.lru          f() keeps in another member what it kept here, and g() looks for
//                                              it there: an object from before has it here
//
//     member-changed:struct inode.i_blocks     f() begins to keep a number here, and g() to count by what it finds
//     order-changed:struct leaf.msg_list       f() puts at the other end, and g() takes from the other end
//     name-changed:interrupt                   made by another key, and found by another key
//
// One half alone is a repair: a wrong value that is stored no more, or what is there is used as it was meant.
// Both halves in one function are one too, unless the value that is stored comes from what was stored before.
//
// Invariant: equal facts have no finding.
// Cost: linear in the uses of the replaced functions; pairs of members are compared for each two that differ.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "splice-cc/findings/findings.h"
#include "splice-cc/semantics/changed_code.h"
#include "splice-cc/semantics/facts.h"

namespace splicer {

class ValueComparison {
 public:
  // Adds both versions of a unit.
  void add(const UnitFacts& pre, const UnitFacts& post, const ChangedCode& code);
  std::vector<Finding> compare() const;

 private:
  // What a replaced function does no more, and does now.
  struct Change {
    std::string function;
    SourcePlace place;
    ValueUses lost;
    ValueUses gained;
    // Places that nothing in the unit used or set before.
    std::set<std::string> begun;
    // Places that other values are stored in, or are used otherwise, where nothing in the unit does so as
    // before, or did so before as it is now.
    TextsByPlace other_stores;  // place: values now
    std::set<std::string> other_uses;
  };

  void compare_halves(std::vector<Finding>& findings) const;
  void compare_members(std::vector<Finding>& findings) const;
  void compare_begun(std::vector<Finding>& findings) const;
  void compare_ends(std::vector<Finding>& findings) const;
  void compare_keys(std::vector<Finding>& findings) const;

  std::vector<Change> changes_;
  std::set<std::string> on_stacks_;  // records
};

}  // namespace splicer
