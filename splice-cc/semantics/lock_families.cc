// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/lock_families.h"

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
#define LOCK(callee, family, change, object, when) {#callee, family, change, false, object, when},
#define REFERENCE(callee, family, change, object, when) \
  {#callee, family, change, true, object, when},
constexpr LockRow kRows[] = {
#include "splice-cc/semantics/lock_families.inc"
};
#undef LOCK
#undef REFERENCE

// "get" and "put" that move data, not references.
constexpr std::string_view kNotCounted[] = {
    "nla",  "skb",  "user", "unaligned", "seq",   "rb",   "str",    "string",  "buf",
    "char", "bits", "cpu",  "index",     "value", "time", "reg",    "regs",    "state",
    "mask", "data", "be16", "be32",      "le16",  "le32", "le64",   "options", "stats",
    "info", "link", "msg",  "size",      "param", "cmsg", "random", "ctl"};

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

// "foo" for foo_get, get_foo, foo_get_bar ("foo_bar"), when `verb` is "get".
std::optional<std::string> stem(std::string_view name, std::string_view verb) {
  std::string out;
  if (name.starts_with(std::string(verb) + "_")) {
    out = name.substr(verb.size() + 1);
  } else if (name.ends_with("_" + std::string(verb))) {
    out = name.substr(0, name.size() - verb.size() - 1);
  } else if (const std::size_t at = name.find("_" + std::string(verb) + "_");
             at != std::string_view::npos && at > 0) {
    out = std::string(name.substr(0, at)) + "_" + std::string(name.substr(at + verb.size() + 2));
  }
  if (out.empty()) return std::nullopt;
  for (const std::string_view word : kNotCounted)
    if (out == word || out.starts_with(std::string(word) + "_") ||
        out.ends_with("_" + std::string(word)))
      return std::nullopt;
  return out;
}

}  // namespace

std::span<const LockRow> lock_rows() { return kRows; }

std::vector<CallEffect> effects_of_call(std::string_view callee) {
  const std::string_view name = plain(callee);
  std::vector<CallEffect> effects = spinning(name);
  for (const auto* row = std::ranges::lower_bound(kRows, name, {}, &LockRow::callee);
       row != std::end(kRows) && row->callee == name; ++row)
    effects.push_back({row->family, row->change, row->reference, true, row->argument, row->when});
  return effects;
}

std::vector<CallEffect> likely_effects_of_call(std::string_view callee) {
  const std::string_view name = plain(callee);
  const auto effect = [](const std::string& family, int change, bool reference) {
    return std::vector<CallEffect>{{family, change, reference, false, 0, Succeeds::always}};
  };
  // "unlock" before "lock": the longer word comes first.
  if (name.ends_with("_unlock"))
    return effect(std::string(name.substr(0, name.size() - 7)) + " lock", -1, false);
  if (name.ends_with("_lock"))
    return effect(std::string(name.substr(0, name.size() - 5)) + " lock", 1, false);
  for (const auto& [verb, change] :
       {std::pair{"get", 1}, {"hold", 1}, {"put", -1}, {"release", -1}})
    if (const auto what = stem(name, verb)) return effect(*what, change, true);
  return {};
}

}  // namespace splicer
