// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/lock_families.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

namespace splicer {

namespace {

// The rows, so that lock_families.inc can be read without any C++.
constexpr int take = 1;
constexpr int release = -1;
constexpr int argument_0 = 0;
constexpr int argument_1 = 1;
constexpr int global = kNoObject;
constexpr int returned = kReturnedValue;
constexpr auto always = Succeeds::always;
constexpr auto if_zero = Succeeds::if_zero;
constexpr auto if_nonzero = Succeeds::if_nonzero;
#define LOCK(callee, family, change, object, when) \
  {#callee, family, change, false, object, when, false},
#define REFERENCE(callee, family, change, object, when) \
  {#callee, family, change, true, object, when, false},
#define SLOT(callee, kind, change, object, when) {#callee, kind, change, true, object, when, true},
constexpr LockRow kRows[] = {
#include "splice-cc/semantics/lock_families.inc"
};
#undef LOCK
#undef REFERENCE
#undef SLOT

// "get" and "put" that move data, not references.
constexpr std::string_view kNotCounted[] = {
    "nla",  "skb",  "user", "unaligned", "seq",   "rb",   "str",    "string",  "buf",
    "char", "bits", "cpu",  "index",     "value", "time", "reg",    "regs",    "state",
    "mask", "data", "be16", "be32",      "le16",  "le32", "le64",   "options", "stats",
    "info", "link", "msg",  "size",      "param", "cmsg", "random", "ctl"};

struct SlotKind {
  std::string_view name;
  std::string_view taken;
  std::string_view released;
};
constexpr SlotKind kSlotKinds[] = {
    {"count of ", "counts {} up", "counts {} down"},
    {"list entry ", "puts {} on a list", "takes {} off its list"},
    {"tree entry ", "puts {} into a tree", "takes {} out of its tree"},
    {"timer ", "sets up the timer {}", "stops the timer {}"},
    {"set-up of ", "initialises {}", "uses {}"},
    {"release of ", "releases the memory of {}", ""},
    {"callback in ", "sets the callback {}", ""},
    {"work ", "sets up the work {}", "cancels the work {}"},
};

std::string_view plain(std::string_view name) {
  while (name.starts_with('_')) name.remove_prefix(1);
  if (name.starts_with("raw_")) name.remove_prefix(4);
  return name;
}

// spin_lock_irqsave, read_unlock_bh, write_trylock ...: linux/spinlock.h, rwlock.h.
std::vector<CallEffect> spinning(std::string_view name) {
  static constexpr std::pair<std::string_view, const char*> kinds[] = {
      {"spin_", "spinlock"}, {"read_", "rwlock (read)"}, {"write_", "rwlock"}};
  static constexpr std::string_view endings[] = {"",         "_nested",         "_nest_lock",
                                                 "_bh",      "_bh_nested",      "_irq",
                                                 "_irqsave", "_irqsave_nested", "_irqrestore"};
  for (const auto& [start, family] : kinds) {
    if (!name.starts_with(start)) continue;
    std::string_view rest = name.substr(start.size());
    CallEffect effect{family, 1};
    if (rest.starts_with("lock")) {
      rest.remove_prefix(4);
    } else if (rest.starts_with("trylock")) {
      rest.remove_prefix(7);
      effect.when = Succeeds::if_nonzero;
    } else if (rest.starts_with("unlock")) {
      rest.remove_prefix(6);
      effect.change = -1;
    } else {
      continue;
    }
    bool known = false;
    for (const std::string_view ending : endings) known = known || rest == ending;
    if (!known) continue;
    std::vector<CallEffect> effects = {effect};
    effect.argument = kNoObject;
    if (rest.starts_with("_bh")) effect.family = "bottom halves off";
    if (rest.starts_with("_irq")) effect.family = "interrupts off";
    if (effect.family != family) effects.push_back(effect);
    return effects;
  }
  return {};
}

bool is_data(const std::string& what) {
  return std::ranges::any_of(kNotCounted, [&](std::string_view word) {
    return what == word || what.starts_with(std::string(word) + "_") ||
           what.ends_with("_" + std::string(word));
  });
}

// A name with a verb in it, and the same name with another verb: foo_get_bar, foo_put_bar.
struct VerbName {
  std::string stem;  // "foo_bar"
  std::string opposite;
};

std::optional<VerbName> split_name(std::string_view name, std::string_view verb,
                                   std::string_view opposite) {
  VerbName out;
  const std::string begin = std::string(verb) + "_";
  const std::string end = "_" + std::string(verb);
  if (name.starts_with(begin)) {
    out.stem = name.substr(begin.size());
    out.opposite = std::string(opposite) + "_" + out.stem;
  } else if (name.ends_with(end)) {
    out.stem = name.substr(0, name.size() - end.size());
    out.opposite = out.stem + "_" + std::string(opposite);
  } else if (const std::size_t at = name.find(end + "_"); at != std::string_view::npos && at > 0) {
    const std::string first(name.substr(0, at));
    const std::string rest(name.substr(at + end.size()));
    out.stem = first + rest;
    out.opposite = first + "_" + std::string(opposite) + rest;
  }
  if (out.stem.empty()) return std::nullopt;
  return out;
}

// Two verbs of which one gives back what the other took.
struct VerbPair {
  std::string_view take;
  std::string_view release;
};
constexpr VerbPair kReferencePairs[] = {{"get", "put"}, {"hold", "put"}, {"hold", "release"}};
// Words that are used for much else: they count only where both functions are there.
constexpr VerbPair kStatePairs[] = {{"begin", "end"},
                                    {"enable", "disable"},
                                    {"freeze", "thaw"},
                                    {"freeze", "unfreeze"},
                                    {"want", "drop"},
                                    {"prepare", "unprepare"},
                                    {"inc", "dec"},
                                    {"deny", "allow"},
                                    {"pin", "unpin"},
                                    {"charge", "uncharge"},
                                    {"block", "unblock"},
                                    {"getref", "putref"},
                                    {"register", "unregister"},
                                    {"attach", "detach"},
                                    {"add", "del"},
                                    {"add", "remove"}};

using Declared = std::function<bool(const std::string&)>;

// mutex_lock_nested, foo_trylock: linux/mutex.h and what was named after it.
struct LockVerb {
  std::string_view word;
  int change;
  Succeeds when;
};
constexpr LockVerb kLockVerbs[] = {{"unlock", -1, Succeeds::always},
                                   {"trylock", 1, Succeeds::if_nonzero},
                                   {"lock", 1, Succeeds::always}};

std::optional<CallEffect> likely_lock(std::string_view name, const Declared& declared) {
  // linux/sched.h: cond_resched_lock() takes again what it has dropped.
  if (name.starts_with("cond_resched")) return std::nullopt;
  CallEffect effect{"", 1, false, false};
  for (const std::string_view ending : {"_interruptible", "_killable"})
    if (name.ends_with(ending)) {
      name.remove_suffix(ending.size());
      effect.when = Succeeds::if_zero;
    }
  for (const LockVerb& verb : kLockVerbs) {
    const auto split = split_name(name, verb.word, verb.change > 0 ? "unlock" : "lock");
    if (!split) continue;
    effect.sure = declared && declared(split->opposite);
    // linux/lockdep.h: lock_acquire(), lock_is_held(). Nothing is unlocked there.
    if (!effect.sure && !name.ends_with("_" + std::string(verb.word))) return std::nullopt;
    effect.family = split->stem + " lock";
    effect.change = verb.change;
    if (verb.when != Succeeds::always) effect.when = verb.when;
    return effect;
  }
  return std::nullopt;
}

}  // namespace

std::string slot_family(std::string_view kind, const std::string& slot) {
  return fmt::format("{} {}", kind, slot);
}

bool is_slot_family(std::string_view family) {
  return std::ranges::any_of(kSlotKinds,
                             [&](const SlotKind& kind) { return family.starts_with(kind.name); });
}

std::string_view family_around(std::string_view slot) {
  return slot == "struct in_device.refcnt" ? "in_device" : std::string_view();
}

std::string slot_action(std::string_view family, int change) {
  for (const SlotKind& kind : kSlotKinds)
    if (family.starts_with(kind.name))
      return fmt::format(fmt::runtime(change > 0 ? kind.taken : kind.released),
                         family.substr(kind.name.size()));
  return {};
}

std::span<const LockRow> lock_rows() { return kRows; }

std::vector<CallEffect> effects_of_call(std::string_view callee) {
  const std::string_view name = plain(callee);
  std::vector<CallEffect> effects = spinning(name);
  for (const auto* row = std::ranges::lower_bound(kRows, name, {}, &LockRow::callee);
       row != std::end(kRows) && row->callee == name; ++row)
    effects.push_back({row->family, row->change, row->reference, !row->of_slot, row->argument,
                       row->when, row->of_slot});
  return effects;
}

std::vector<CallEffect> likely_effects_of_call(std::string_view callee, const Declared& declared) {
  const std::string_view name = plain(callee);
  if (auto lock = likely_lock(name, declared)) return {std::move(*lock)};
  const auto effect = [](const std::string& family, int change) {
    return std::vector<CallEffect>{{family, change, true, false, 0, Succeeds::always}};
  };
  for (const VerbPair& pair : kReferencePairs)
    for (const int change : {1, -1})
      if (const auto split = split_name(name, change > 0 ? pair.take : pair.release,
                                        change > 0 ? pair.release : pair.take);
          split && !is_data(split->stem))
        return effect(split->stem, change);
  for (const VerbPair& pair : kStatePairs)
    for (const int change : {1, -1})
      if (const auto split = split_name(name, change > 0 ? pair.take : pair.release,
                                        change > 0 ? pair.release : pair.take);
          split && !is_data(split->stem) && declared && declared(split->opposite))
        return effect(fmt::format("{} {}", split->stem, pair.take), change);
  return {};
}

}  // namespace splicer
