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

// spin_lock_irqsave() reaches the lock through more layers than spin_unlock_irqrestore(), and the lock
// may be far from what the function was given (qla_nvme_xmt_ls_rsp()).
TEST(LockEffects, OneNameHoweverDeepItIsReached) {
  std::string chain;
  for (int i = 1; i < 30; ++i) chain += fmt::format("struct link *l{} = l{}->next; ", i, i - 1);
  EXPECT_EQ(effects("struct link { struct link *next; spinlock_t *lock; struct thing t; };"
                    "void f(struct thing *t) { struct link *l0 = ({ void *__mptr = (void *)t; "
                    "(struct link *)(__mptr - __builtin_offsetof(struct link, t)); }); " +
                    chain +
                    "unsigned long flags; do { flags = 0; "
                    "spin_lock(({ spinlock_t *__s = ({ l29->lock; }); __s; })); } while (0); "
                    "work(); spin_unlock(l29->lock); }"),
            "");
  EXPECT_EQ(effects("struct link { struct link *next; spinlock_t lock; };"
                    "void f(void) { struct link *l = l; spin_lock(&l->lock); }"),
            "spinlock %l.lock 1");
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
  EXPECT_EQ(effects("void f(struct thing *t) { if (!t) { t = thing_find(1); return; } "
                    "thing_put(t); }"),
            "thing $0 -1 0");
}

TEST(LockEffects, LocalNameForTheSameThing) {
  EXPECT_EQ(effects("struct outer { struct thing *inner; };\n"
                    "void f(struct outer *o) { struct thing *t = o->inner; mutex_lock(&t->lock); "
                    "mutex_unlock(&o->inner->lock); }"),
            "");
}

TEST(LockEffects, LocalNameForWhatACallGives) {
  const std::string helper =
      "struct thing *to_thing(struct mutex *m);\n"
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

TEST(LockEffects, LocalNameForWhatAHelperReturns) {
  const std::string helper =
      "struct outer { struct thing *inner; };\n"
      "static struct thing *inner_of(struct outer *o) { struct thing *t = o->inner; "
      "if (!t) return NULL; mutex_lock(&t->lock); return t; }\n";
  EXPECT_EQ(effects(helper + "void f(struct outer *o) { struct thing *t = inner_of(o); work(); "
                             "mutex_unlock(&t->lock); }"),
            "mutex $0.inner.lock -1 0");
  EXPECT_EQ(effects(helper + "void f(int n, struct outer *o) { struct thing *t = inner_of(o); "
                             "thing_put(t); }"),
            "mutex $1.inner.lock 0 1; thing $1.inner -1");
}

TEST(LockEffects, ResultMayBeTurnedRound) {
  EXPECT_EQ(effects("int f(struct thing *t) { _Bool busy = !mutex_trylock(&t->lock); "
                    "if (busy) return 1; work(); mutex_unlock(&t->lock); return 0; }"),
            "");
  EXPECT_EQ(effects("int f(struct thing *t) { _Bool ok = !!mutex_trylock(&t->lock); "
                    "if (ok) mutex_unlock(&t->lock); return 0; }"),
            "");
  EXPECT_EQ(effects("int f(struct thing *t) { int failed = mutex_lock_killable(&t->lock) != 0; "
                    "if (!failed) mutex_unlock(&t->lock); return 0; }"),
            "");
}

TEST(LockEffects, ResultOfAFunctionIsThatOfTheOneItCalls) {
  const std::string helper =
      "static inline int take(struct thing *t) { return mutex_lock_killable(&t->lock); }\n"
      "static inline _Bool busy(struct thing *t) { return !mutex_trylock(&t->lock); }\n";
  EXPECT_EQ(effects(helper + "int f(struct thing *t) { if (take(t)) return 1; work(); "
                             "mutex_unlock(&t->lock); return 0; }"),
            "");
  EXPECT_EQ(effects(helper + "int f(struct thing *t) { if (busy(t)) return 1; work(); "
                             "mutex_unlock(&t->lock); return 0; }"),
            "");
  EXPECT_EQ(effects(helper, "take"), "mutex $0.lock 0 1");
}

TEST(LockEffects, LockWithoutAnArgument) {
  const std::string pair = "void hotplug_lock(void); void hotplug_unlock(void);\n";
  EXPECT_EQ(effects(pair + "void f(void) { hotplug_lock(); }"), "hotplug lock  1");
  EXPECT_EQ(effects(pair + "void f(void) { hotplug_lock(); work(); hotplug_unlock(); }"), "");
}

TEST(LockEffects, AnnotationsOfAFunctionWithoutABody) {
  const std::string pair =
      "void walk_start(struct thing *it) __acquires(&it->lock);\n"
      "void walk_stop(struct thing *walked) __releases(&walked->lock);\n"
      "void table_start(void) __acquires(RCU);\n";
  EXPECT_EQ(effects(pair + "void f(int n, struct thing *t) { walk_start(t); }"), "lock $1.lock 1");
  EXPECT_EQ(effects(pair + "void f(struct thing *t) { walk_start(t); work(); walk_stop(t); }"), "");
  EXPECT_EQ(effects(pair + "void f(void) { table_start(); }"), "RCU  1");
}

TEST(LockEffects, AnnotationsSayWhatTheFlowDoesNotKnow) {
  const std::string body =
      "{ if (t->n) mutex_lock(&t->lock); work(); if (t->n) mutex_unlock(&t->lock); }";
  EXPECT_EQ(effects("void f(struct thing *t) " + body), "mutex $0.lock -1 0 1");
  EXPECT_EQ(effects("void f(struct thing *t) __must_hold(&t->lock) " + body), "");
  EXPECT_EQ(effects("void g(void); void f(struct thing *t) __acquires(&t->lock) { g(); }"),
            "lock $0.lock 1");
}

TEST(LockEffects, CountsOfWhatOutlivesTheFunction) {
  EXPECT_EQ(effects("void f(struct thing *t) { t->n++; }"), "count of struct thing.n $0.n 1");
  EXPECT_EQ(effects("static int users; void f(void) { users -= 1; }"), "count of users users -1");
  EXPECT_EQ(effects("void f(struct thing *t) { t->n++; work(); --t->n; }"), "");
  EXPECT_EQ(effects("void f(int n) { struct thing t; int i = 0; i++; t.n++; }"), "");
  EXPECT_EQ(effects("static void more(struct thing *t) { t->n++; } "
                    "void f(int n) { struct thing t; more(&t); }"),
            "");
}

// kernel/sched/build_utility.c
TEST(LockEffects, FunctionOfAnIncludedFileCounts) {
  const TemporaryFolder folder;
  folder.write("kernel.h", kKernelHeader);
  folder.write("part.c", "void f(struct thing *t) { mutex_lock(&t->lock); }");
  folder.write("unit.c", "#include \"kernel.h\"\n#include \"part.c\"\n");
  UnitFacts facts;
  with_syntax_tree({folder.path(), "unit.c", {"-std=gnu11"}},
                   [&facts](clang::ASTContext& context) { facts = read_facts(context); });
  ASSERT_TRUE(facts.functions.contains("f"));
  EXPECT_EQ(facts.functions.at("f").effects.size(), 1U);
  EXPECT_FALSE(facts.functions.contains("spin_lock"));
}

TEST(LockEffects, HalvesOfDifferentCallsAreApart) {
  const auto apart = [](const std::string& text) { return facts_of(text).functions.at("f").apart; };
  EXPECT_EQ(apart("void f(struct thing *t, int up) { switch (up) { case 1: kref_get(&t->ref); "
                  "break; case 2: kref_put(&t->ref, NULL); } }")
                .size(),
            1U);
  EXPECT_EQ(apart("void f(struct thing *t, int n) { while (n--) { if (t->n) kref_get(&t->ref); "
                  "else kref_put(&t->ref, NULL); } }")
                .size(),
            1U);
  EXPECT_TRUE(apart("void f(struct thing *t, int up) { if (up) kref_get(&t->ref); work(); "
                    "if (up) kref_put(&t->ref, NULL); }")
                  .empty());
}

}  // namespace
}  // namespace splicer
