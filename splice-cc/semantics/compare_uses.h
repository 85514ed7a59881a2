// SPDX-License-Identifier: GPL-2.0-or-later
//
// Two versions of a file by what memory means to them (semantics/memory_uses.h): where one meaning
// has gone and another has come in its place, live objects would be misread.
//
//     constant-changed:ALARMTIMER_STATE_ENQUEUED   alarm->state was tested and set with 1, now with 2
//     private-type-changed:struct file.private_data   taken for a dentry, now for a dir_cursor
//     table-index-changed:inet_addr_lst            live entries lie where the old hash put them
//     callback-gone:ep_poll_callback               live objects go on calling it
//
// What only comes in addition (one more bound, one more flag that is tested) changes no meaning, and
// neither does a number that is only compared with < or >.
//
// Invariant: only code that is replaced, or gone, can be the reason of a finding.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "splice-cc/findings/findings.h"
#include "splice-cc/semantics/changed_code.h"
#include "splice-cc/semantics/facts.h"

namespace splicer {

// Findings: "constant-changed" (named as the function writes the constant: "FLAG", "BIT,SHIFT"),
// "private-type-changed", "table-index-changed", "callback-gone", "nmi-code". Linear in the uses of the two versions.
std::vector<Finding> compare_uses(const UnitFacts& pre, const UnitFacts& post,
                                  const ChangedCode& code);

// The values by which states are told from each other, over all units of an update: a flag that one
// file sets and another tests has neither's name.
class StateValues {
 public:
  struct Uses {
    std::set<std::int64_t> tested;
    std::set<std::int64_t> stored;
    bool is_state(std::int64_t value) const {
      return tested.contains(value) && stored.contains(value);
    }
    bool has(std::int64_t value) const { return tested.contains(value) || stored.contains(value); }
  };
  using ByMemory = std::map<std::string, Uses>;
  // Adds what the functions of a unit do.
  static void add(const UnitFacts& facts, ByMemory& values);

  // Adds what the functions of one unit use.
  void add(const UnitFacts& pre, const UnitFacts& post, const ChangedCode& code);
  // Findings: "constant-changed", one for each member or variable.
  std::vector<Finding> compare() const;

 private:
  ByMemory before_;
  ByMemory after_;
  std::map<std::string, std::set<std::string>> users_;  // replaced functions
  std::map<std::string, SourcePlace> places_;
};

}  // namespace splicer
