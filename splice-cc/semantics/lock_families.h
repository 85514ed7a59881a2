// SPDX-License-Identifier: GPL-2.0-or-later
//
// The kernel's functions that take and release locks and references: a table by name
// (lock_families.inc, to which a function is added by a line), the families of spin locks, whose
// names follow a rule, and guesses by name for functions that are in neither.
//
//     effects_of_call("_raw_spin_lock_irqsave")  ->  {spin +1 on argument 0}, {irq +1}
//     effects_of_call("mutex_lock_killable")     ->  {mutex +1 on argument 0, if it returns 0}
//     likely_effects_of_call("foo_put")          ->  {foo -1 on argument 0, not sure}
//     likely_effects_of_call("lock_foo")         ->  {foo lock +1, sure if there is an unlock_foo}
//
// A guess by name is worth what speaks for it: a lock whose opposite is declared in the same file
// is one; begin and end, enable and disable, freeze and thaw, want and drop count only if both are.
//
// Names are those in the syntax tree: spin_lock_irqsave() is a macro, and what is called is
// _raw_spin_lock_irqsave(). Leading underscores and "raw_" do not count.
//
// Invariant: the table is sorted by name, and no function has two rows of one family.
// Cost: a binary search.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace splicer {

enum class Succeeds { always, if_zero, if_nonzero };

inline constexpr int kNoObject = -1;       // there is only one (RCU, interrupts)
inline constexpr int kReturnedValue = -2;  // the object is what the call returns

struct CallEffect {
  std::string family;
  int change = 0;  // +1 or -1
  bool reference = false;
  bool sure = true;  // false: by its name alone
  int argument = 0;
  Succeeds when = Succeeds::always;
  bool of_slot = false;  // "list entry": of the member that the argument is (slot.h)
};

// A family of one slot: "list entry struct foo.node", "count of eventfd_nr".
inline constexpr const char* kCountOf = "count of";
inline constexpr const char* kReleaseOf = "release of";
inline constexpr const char* kCallbackIn = "callback in";
inline constexpr const char* kSetUpOf = "set-up of";  // given back by what relies on it
std::string slot_family(std::string_view kind, const std::string& slot);
bool is_slot_family(std::string_view family);
// The family of the object around a count, where the functions of that family are in the table and
// one of them is a macro: in_dev_hold(idev) is refcount_inc(&idev->refcnt) (linux/inetdevice.h).
// Empty for all others.
std::string_view family_around(std::string_view slot);
// What a function does that takes (1) or gives back (-1): "counts eventfd_nr up".
std::string slot_action(std::string_view family, int change);

struct LockRow {
  std::string_view callee;
  const char* family;
  int change;
  bool reference;
  int argument;
  Succeeds when;
  bool of_slot;
};
std::span<const LockRow> lock_rows();

// Those that are known by name, whatever their bodies are.
std::vector<CallEffect> effects_of_call(std::string_view callee);
// What a function without a body is likely to do, by its name: foo_get(), put_foo(), foo_lock(),
// begin_foo(). `declared` says whether the file has a function of that name.
std::vector<CallEffect> likely_effects_of_call(
    std::string_view callee, const std::function<bool(const std::string&)>& declared);

}  // namespace splicer
