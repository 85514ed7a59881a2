// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/lock_effects.h"

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "tests/support/kernel_text.h"

namespace splicer {
namespace {

// "mutex $0.lock +1; spinlock l -1 0"
std::string effects(const std::string& text, const std::string& function = "f") {
  const UnitFacts facts = facts_of(text);
  const auto found = facts.functions.find(function);
  if (found == facts.functions.end()) return "no function";
  std::string out;
  for (const auto& [held, counts] : found->second.effects) {
    out += fmt::format("{}{} {}", out.empty() ? "" : "; ", held.family, held.object);
    for (const int count : counts) out += fmt::format(" {}", count);
  }
  return out;
}

TEST(LockEffects, BalancedFunctionHasNoEffect) {
  EXPECT_EQ(effects("void f(struct thing *t) { mutex_lock(&t->lock); work(); "
                    "mutex_unlock(&t->lock); }"),
            "");
}

TEST(LockEffects, LockThatIsLeftHeld) {
  EXPECT_EQ(effects("void f(struct thing *t) { mutex_lock(&t->lock); }"), "mutex $0.lock 1");
  EXPECT_EQ(effects("void f(struct thing *t) { mutex_unlock(&t->lock); }"), "mutex $0.lock -1");
}

TEST(LockEffects, ForgottenOnOnePath) {
  EXPECT_EQ(effects("int f(struct thing *t) { mutex_lock(&t->lock); if (t->n) return 1; "
                    "mutex_unlock(&t->lock); return 0; }"),
            "mutex $0.lock 0 1");
}

TEST(LockEffects, TrylockCountsWhereItSucceeds) {
  EXPECT_EQ(effects("int f(struct thing *t) { if (!mutex_trylock(&t->lock)) return 1; work(); "
                    "mutex_unlock(&t->lock); return 0; }"),
            "");
  EXPECT_EQ(
      effects("int f(struct thing *t) { if (__builtin_expect(!!(mutex_trylock(&t->lock)), 1)) "
              "{ work(); mutex_unlock(&t->lock); } return 0; }"),
      "");
}

TEST(LockEffects, ResultMayGoIntoAVariable) {
  EXPECT_EQ(effects("int f(struct thing *t) { int err = mutex_lock_killable(&t->lock); "
                    "if (err) return err; work(); mutex_unlock(&t->lock); return 0; }"),
            "");
  EXPECT_EQ(effects("int f(struct thing *t) { int err; err = mutex_lock_killable(&t->lock); "
                    "if (err < 0) goto out; work(); mutex_unlock(&t->lock); out: return err; }"),
            "");
}

TEST(LockEffects, InterruptsAreALockToo) {
  EXPECT_EQ(effects("void f(struct thing *t) { unsigned long flags; "
                    "spin_lock_irqsave(&t->spin, flags); work(); spin_unlock(&t->spin); }"),
            "interrupts off  1");
  EXPECT_EQ(
      effects("void f(struct thing *t) { unsigned long flags; "
              "spin_lock_irqsave(&t->spin, flags); spin_unlock_irqrestore(&t->spin, flags); }"),
      "");
}

TEST(LockEffects, InlineFunctionsDoWhatTheirBodiesDo) {
  EXPECT_EQ(effects("static inline void lock_thing(struct thing *t) { mutex_lock(&t->lock); }\n"
                    "struct outer { struct thing *inner; };\n"
                    "void f(struct outer *o) { lock_thing(o->inner); }"),
            "mutex $0.inner.lock 1");
}

TEST(LockEffects, LoopsComeToAnEnd) {
  EXPECT_EQ(effects("void f(struct thing *t) { while (t->n) mutex_lock(&t->lock); }"),
            "mutex $0.lock 0 1 2 3");
  EXPECT_EQ(effects("void f(struct thing *t) { while (t->n) { mutex_lock(&t->lock); work(); "
                    "mutex_unlock(&t->lock); } }"),
            "");
}

TEST(LockEffects, WhatDoesNotReturnLeavesNothing) {
  EXPECT_EQ(effects("void f(struct thing *t) { mutex_lock(&t->lock); if (t->n) panic(); "
                    "mutex_unlock(&t->lock); }"),
            "");
}

TEST(LockEffects, CleanupGivesBack) {
  EXPECT_EQ(
      effects("static inline struct mutex *take(struct mutex *m) { mutex_lock(m); return m; }\n"
              "static inline void drop(struct mutex **m) { mutex_unlock(*m); }\n"
              "void f(struct thing *t) { struct mutex *guard "
              "__attribute__((cleanup(drop))) = take(&t->lock); work(); }"),
      "");
}

TEST(LockEffects, ReturnedReferenceCountsUnlessNull) {
  EXPECT_EQ(effects("int f(int fd) { struct file *file = fget(fd); if (!file) return 1; "
                    "fput(file); return 0; }"),
            "");
  EXPECT_EQ(
      effects("int f(int fd) { struct file *file = fget(fd); if (!file) return 1; return 0; }"),
      "file fget($0) 0 1");
}

TEST(LockEffects, WhatWasFoundMayBeGivenBack) {
  EXPECT_EQ(effects("void f(int n) { struct thing *t = thing_find(n); thing_put(t); }"), "");
  EXPECT_EQ(effects("void f(struct thing *t) { thing_put(t); }"), "thing $0 -1");
}

TEST(LockEffects, LocalNameForTheSameThing) {
  EXPECT_EQ(effects("struct outer { struct thing *inner; };\n"
                    "void f(struct outer *o) { struct thing *t = o->inner; mutex_lock(&t->lock); "
                    "mutex_unlock(&o->inner->lock); }"),
            "");
}

TEST(LockEffects, LocalNameForWhatACallGives) {
  const std::string helper =
      "static inline struct thing *to_thing(struct mutex *m) { return (struct thing *)m; }\n"
      "static void take(struct mutex *m) { struct thing *t = to_thing(m); mutex_lock(&t->lock); }\n"
      "static void give(struct mutex *m) { struct thing *x = to_thing(m); mutex_unlock(&x->lock); "
      "}\n";
  EXPECT_EQ(effects(helper + "void f(int n, struct mutex *m) { take(m); }"),
            "mutex to_thing($1).lock 1");
  EXPECT_EQ(effects(helper + "void f(struct mutex *m) { take(m); work(); give(m); }"), "");
}

TEST(LockEffects, SecondReferenceCountsTwice) {
  EXPECT_EQ(effects("void f(struct thing *t) { kref_get(&t->ref); if (t->n) kref_get(&t->ref); }"),
            "kref $0.ref 1 2");
}

TEST(LockEffects, RecursionEnds) {
  EXPECT_EQ(effects("void f(struct thing *t) { mutex_lock(&t->lock); if (t->n) f(t); "
                    "mutex_unlock(&t->lock); }"),
            "");
}

}  // namespace
}  // namespace splicer
