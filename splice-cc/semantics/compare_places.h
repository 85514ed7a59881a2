// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a patch changes in where live objects are kept, in which unit their numbers are, and how they are
// marked (place_uses.h): over all units of an update, for what one file puts there another takes out.
//
//     container-changed:struct foo.idle    objects hang in foo->idle, and new code looks in foo->ready
//     unit-changed:struct foo.timeout      it held jiffies, and new code converts from milliseconds
//     guard-added:foo_close                kfree() for all objects is now for those with OWNS, which
//                                          only new code sets: the others are never released
//     sense-inverted:struct foo.flags      what meant "dead" where it is set now means "alive"
//     release-changed:struct foo.ring      free_pages(ring, 1) is now free_pages(ring, 2)
//
// A guard on what old code sets as well, or a call that is new, changes nothing for live objects, and
// neither does "not if it is marked": they are not.
//
// Invariant: equal facts have no finding.
// Cost: linear in the uses of both versions; two walks over the marks for each new guard.
#pragma once

#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "splice-cc/findings/findings.h"
#include "splice-cc/semantics/changed_code.h"
#include "splice-cc/semantics/facts.h"

namespace splicer {

class PlaceComparison {
 public:
  // Adds both versions of a unit.
  void add(const UnitFacts& pre, const UnitFacts& post, const ChangedCode& code);
  std::vector<Finding> compare() const;

 private:
  using Texts = std::set<std::string>;
  struct Version {
    Texts holds;
    std::map<std::string, Texts> stored;  // units
    std::map<std::string, Texts> read;
    std::map<std::string, Texts> sizes;
    std::map<std::string, Texts> queues;
    std::map<std::string, Texts> callbacks;
    std::map<Mark, Texts> marks;  // and the functions that set them
    void add(const PlaceUses& uses, const std::string& function);
  };
  // A function that is replaced, in both versions.
  struct Pair {
    std::string name;
    SourcePlace place;
    PlaceUses before;
    PlaceUses after;
    Texts newly_calls;
  };

  void compare_containers(std::vector<Finding>& findings) const;
  void compare_queues(std::vector<Finding>& findings) const;
  void compare_callbacks(std::vector<Finding>& findings) const;
  void compare_units(std::vector<Finding>& findings) const;
  void compare_sizes(std::vector<Finding>& findings) const;
  void compare_guards(const Pair& pair, std::vector<Finding>& findings) const;
  void compare_senses(std::vector<Finding>& findings) const;
  // Functions that set it now, where nothing did before; empty if something did.
  Texts new_marks(const Guard& guard) const;
  const Pair* user_of(const std::string& place) const;

  Version before_;
  Version after_;
  std::vector<Pair> pairs_;
  Texts on_stacks_;       // records
  Texts gone_variables_;  // which have findings of their own
};

}  // namespace splicer
