// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/compare_effects.h"

#include <gmock/gmock.h>

#include "tests/support/kernel_text.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<Finding> findings(const std::string& pre, const std::string& post,
                              const ChangedCode& code = {}) {
  auto found = compare_effects(facts_of(pre), facts_of(post), code);
  judge_references(found);
  return merge_findings(std::move(found));
}

// "refuse CODE:NAME" or "warn CODE:NAME"
std::vector<std::string> titles(const std::string& pre, const std::string& post,
                                const ChangedCode& code = {}) {
  std::vector<std::string> out;
  for (const Finding& finding : findings(pre, post, code))
    out.push_back((finding.refuse ? "refuse " : "warn ") + finding.title());
  return out;
}

TEST(CompareEffects, CallerOfAFunctionThatIsReportedIsNotReportedToo) {
  const std::string caller = " void g(struct thing *t) { f(t); }";
  EXPECT_THAT(
      titles("void f(struct thing *t) { t->n++; }" + caller,
             "void f(struct thing *t) { mutex_lock(&t->lock); }" + caller, {{"f"}, {"f", "g"}}),
      ElementsAre("refuse lock-discipline:f"));
}

TEST(CompareEffects, NewImbalanceIsRefusedAndARepairIsNot) {
  const std::string leak =
      "int f(struct thing *t) { mutex_lock(&t->lock); if (t->n) return 1; mutex_unlock(&t->lock); "
      "return 0; }";
  const std::string right =
      "int f(struct thing *t) { mutex_lock(&t->lock); if (t->n) { mutex_unlock(&t->lock); return "
      "1; "
      "} mutex_unlock(&t->lock); return 0; }";
  EXPECT_THAT(titles(leak, right), IsEmpty());
  EXPECT_THAT(titles(right, leak), ElementsAre("refuse lock-discipline:f"));
}

TEST(CompareEffects, LockThatIsNeverTakenAnyMore) {
  EXPECT_THAT(titles("void start(struct thing *t) { mutex_lock(&t->lock); } "
                     "void stop(struct thing *t) { mutex_unlock(&t->lock); }",
                     "void start(struct thing *t) { } void stop(struct thing *t) { }"),
              ElementsAre("refuse lock-discipline:start", "refuse lock-discipline:stop"));
}

TEST(CompareEffects, LockThatMovesBetweenReplacedFunctions) {
  const std::string pre =
      "static void in(struct thing *t) { mutex_lock(&t->lock); t->n++; mutex_unlock(&t->lock); } "
      "void f(struct thing *t) { in(t); }";
  const std::string post =
      "static void in(struct thing *t) { t->n++; mutex_unlock(&t->lock); } "
      "void f(struct thing *t) { mutex_lock(&t->lock); in(t); }";
  EXPECT_THAT(titles(pre, post, {{"in", "f"}, {"in", "f"}}), IsEmpty());
  EXPECT_THAT(titles(pre, post, {{"f"}, {"f"}}), IsEmpty());
  EXPECT_THAT(titles(pre, post, {{"in"}, {"in", "f"}}), ElementsAre("refuse lock-discipline:in"));
}

TEST(CompareEffects, ConditionalLockIsOnlyAWarning) {
  EXPECT_THAT(titles("void f(struct thing *t) { work(); }",
                     "void f(struct thing *t) { if (t->n) mutex_lock(&t->lock); work(); "
                     "if (t->n) mutex_unlock(&t->lock); }"),
              ElementsAre("warn lock-discipline:f"));
}

TEST(CompareEffects, HalvesOfAReference) {
  const std::string pre =
      "void open(struct thing *t) { work(); } void shut(struct thing *t) { work(); }";
  const std::string both =
      "void open(struct thing *t) { kref_get(&t->ref); } "
      "void shut(struct thing *t) { kref_put(&t->ref, NULL); }";
  const std::string one =
      "void open(struct thing *t) { work(); } "
      "void shut(struct thing *t) { kref_put(&t->ref, NULL); }";
  EXPECT_THAT(titles(pre, both),
              ElementsAre("refuse reference-discipline:open", "refuse reference-discipline:shut"));
  EXPECT_THAT(titles(pre, one), ElementsAre("warn reference-discipline:shut"));
}

TEST(CompareEffects, HalvesInOneFunction) {
  const std::string pre = "void f(struct thing *t, int event) { work(); }";
  EXPECT_THAT(titles(pre,
                     "void f(struct thing *t, int event) { switch (event) { "
                     "case 1: kref_get(&t->ref); break; case 2: kref_put(&t->ref, NULL); } }"),
              ElementsAre("refuse reference-discipline:f"));
  EXPECT_THAT(titles(pre,
                     "void f(struct thing *t, int event) { kref_get(&t->ref); work(); "
                     "kref_put(&t->ref, NULL); }"),
              IsEmpty());
  EXPECT_THAT(titles(pre,
                     "void f(struct thing *t, int event) { if (event) kref_get(&t->ref); work(); "
                     "if (event) kref_put(&t->ref, NULL); }"),
              ElementsAre("warn reference-discipline:f"));
}

TEST(CompareEffects, HalvesOfACount) {
  const std::string pre =
      "void open(struct thing *t) { work(); } void shut(struct thing *t) { work(); }";
  EXPECT_THAT(titles(pre,
                     "static int nr; void open(struct thing *t) { nr++; } "
                     "void shut(struct thing *t) { nr--; }"),
              ElementsAre("refuse reference-discipline:open", "refuse reference-discipline:shut"));
  EXPECT_THAT(titles(pre,
                     "static int nr; void open(struct thing *t) { nr++; } "
                     "void shut(struct thing *t) { work(); }"),
              IsEmpty());
  EXPECT_THAT(titles(pre,
                     "static int nr; void open(struct thing *t) { nr++; work(); nr--; } "
                     "void shut(struct thing *t) { work(); }"),
              IsEmpty());
}

TEST(CompareEffects, HalvesOfAListEntry) {
  const std::string types =
      "struct list_head { struct list_head *next, *prev; }; "
      "void list_add(struct list_head *n, struct list_head *h); void list_del(struct list_head "
      "*n); "
      "struct node { struct list_head entry; }; static struct list_head all; ";
  const std::string pre =
      "void make(struct node *n) { work(); } void end(struct node *n) { work(); }";
  const std::string post =
      "void make(struct node *n) { list_add(&n->entry, &all); } "
      "void end(struct node *n) { list_del(&n->entry); }";
  EXPECT_THAT(titles(types + pre, types + post),
              ElementsAre("refuse reference-discipline:end", "refuse reference-discipline:make"));
  // Others have put them on the list before.
  const std::string other = "void other(struct node *n) { list_add(&n->entry, &all); } ";
  EXPECT_THAT(titles(types + other + pre, types + other + post), IsEmpty());
}

// qla_nvme_ls_abort() set its work up where it queues it; the work of a command that was sent before the
// update would be set up by nobody.
TEST(CompareEffects, WhatAnotherFunctionSetsUpNow) {
  const std::string types =
      "struct work { int n; }; void __init_work(struct work *w, int on_stack); "
      "void __mutex_init(struct lock *l, const char *name, void *key); "
      "struct lock { int n; }; struct cmd { struct work abort; struct lock m; }; "
      "void queue(struct work *w); ";
  const std::string send = "void send(struct cmd *c) { work(); } ";
  const std::string stop = "void stop(struct cmd *c) { queue(&c->abort); } ";
  const std::string send_sets_up =
      "void send(struct cmd *c) { __init_work(&c->abort, 0); work(); } ";
  const std::string stop_sets_up =
      "void stop(struct cmd *c) { if (c) { __init_work(&c->abort, 0); queue(&c->abort); } } ";
  const ChangedCode code{{"send", "stop"}, {"send", "stop"}};
  EXPECT_THAT(titles(types + send + stop_sets_up, types + send_sets_up + stop, code),
              ElementsAre("refuse reference-discipline:stop"));
  EXPECT_THAT(titles(types + send_sets_up + stop, types + send + stop_sets_up, code),
              ElementsAre("refuse reference-discipline:send"));
  // Twice, as before; once more; once less where the other one always did.
  EXPECT_THAT(titles(types + send + stop_sets_up, types + send_sets_up + stop_sets_up, code),
              IsEmpty());
  EXPECT_THAT(titles(types + send_sets_up + stop_sets_up, types + send_sets_up + stop, code),
              IsEmpty());
  // The lock is initialised by nobody before: a repair, as long as nothing begins to rely on it.
  EXPECT_THAT(titles(types + send,
                     types + "void send(struct cmd *c) { "
                             "__mutex_init(&c->m, 0, 0); work(); } ",
                     code),
              IsEmpty());
}

TEST(CompareEffects, WhatNobodySetUpForObjectsThatAreAlive) {
  const std::string types = "void __mutex_init(struct mutex *m, const char *name, void *key); ";
  const std::string init = "__mutex_init(&t->lock, 0, 0); ";
  const std::string use = "mutex_lock(&t->lock); work(); mutex_unlock(&t->lock); ";
  const auto text = [&](const std::string& open, const std::string& act) {
    return types + "void open(struct thing *t) { " + open + "} void act(struct thing *t) { " + act +
           "}";
  };
  const ChangedCode code{{"open", "act"}, {"open", "act"}};
  EXPECT_THAT(titles(text("work(); ", "work(); "), text(init, use), code),
              ElementsAre("refuse reference-discipline:act"));
  EXPECT_THAT(titles(text(init, "work(); "), text(init, use), code), IsEmpty());
  EXPECT_THAT(titles(text("work(); ", use), text(init, use), code), IsEmpty());
  EXPECT_THAT(titles(text("work(); ", "work(); "), text("work(); ", init + use), code), IsEmpty());
}

TEST(CompareEffects, WhatMovesWithinWhatIsReplacedAtOnce) {
  const std::string types =
      "struct lock { int n; }; struct cmd { struct lock m; }; "
      "void __mutex_init(struct lock *l, const char *name, void *key); ";
  const std::string init = "__mutex_init(&c->m, 0, 0); ";
  const auto text = [&](bool first) {
    return types + "static void a(struct cmd *c) { " + (first ? init : "") + "work(); } " +
           "static void b(struct cmd *c) { " + (first ? "" : init) + "work(); } " +
           "void open(struct cmd *c) { a(c); b(c); } ";
  };
  EXPECT_THAT(titles(text(true), text(false), {{"open"}, {"open"}}), IsEmpty());
  // A thread may be between the two, in a caller that goes on as it was.
  EXPECT_THAT(titles(text(true), text(false), {{"a", "b"}, {"a", "b"}}),
              ElementsAre("refuse reference-discipline:a"));
  // A new function that the old one calls.
  EXPECT_THAT(titles(types + "void open(struct cmd *c) { " + init + "}",
                     types + "static void set_up(struct cmd *c) { " + init +
                         "} void open(struct cmd *c) { set_up(c); }",
                     {{"open"}, {"open"}}),
              IsEmpty());
}

TEST(CompareEffects, SaysWhatIsHeldOnReturn) {
  const auto found = findings("void f(struct thing *t) { work(); }",
                              "void f(struct thing *t) { mutex_lock(&t->lock); if (t->n) "
                              "mutex_unlock(&t->lock); }");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(
      found[0].message,
      "lock imbalance: f now returns with mutex argument 1.lock, while callers in the running "
      "kernel rely on what it did before");
  EXPECT_EQ(found[0].was, "returns with as many held as on entry");
  EXPECT_EQ(found[0].is, "returns with 0 or 1 more held than on entry");
}

TEST(CompareEffects, ACallbackIsSetAtAnotherEvent) {
  const std::string object =
      "struct obj { void (*end)(void); int n; }; void done(void) { }\n"
      "void open(struct obj *o) { o->n = 1; ";
  EXPECT_THAT(titles(object + "o->end = done; } void bind(struct obj *o) { o->n = 2; }",
                     object + "} void bind(struct obj *o) { o->n = 2; o->end = &done; }",
                     {{"open", "bind"}, {"open", "bind"}}),
              ElementsAre("refuse reference-discipline:open"));
}

TEST(CompareEffects, MemoryIsReleasedAtAnotherEvent) {
  const std::string object = "struct obj { void *name; int n; }; void kfree(void *m);\n";
  const ChangedCode code = {{"close", "destroy"}, {"close", "destroy"}};
  EXPECT_THAT(titles(object + "void close(struct obj *o) { o->n = 0; } "
                              "void destroy(struct obj *o) { kfree(o->name); o->n = 1; }",
                     object + "void close(struct obj *o) { o->n = 0; kfree(o->name); } "
                              "void destroy(struct obj *o) { o->n = 1; }",
                     code),
              ElementsAre("refuse reference-discipline:destroy"));
  // The one calls the other: at the same event.
  EXPECT_THAT(titles(object + "void close(struct obj *o) { o->n = 0; } "
                              "void destroy(struct obj *o) { kfree(o->name); close(o); }",
                     object + "void close(struct obj *o) { o->n = 0; kfree(o->name); } "
                              "void destroy(struct obj *o) { close(o); }",
                     code),
              IsEmpty());
}

TEST(CompareEffects, TwoHalvesUnderConditionsThatExcludeEachOther) {
  const std::string start = "void f(struct thing *t, int on) { ";
  EXPECT_THAT(
      titles(start + "t->n = on; }",
             start + "t->n = on; if (on) kref_get(&t->ref); if (!on) kref_put(&t->ref, NULL); }",
             {{"f"}, {"f"}}),
      ElementsAre("refuse reference-discipline:f"));
  EXPECT_THAT(
      titles(start + "t->n = on; }",
             start + "t->n = on; if (on) kref_get(&t->ref); if (on) kref_put(&t->ref, NULL); }",
             {{"f"}, {"f"}}),
      ElementsAre("warn reference-discipline:f"));
}

TEST(CompareEffects, AnotherLockThatWasThereIsNoOtherNameOfIt) {
  const std::string locks = "static struct mutex a, b;\n";
  const auto with = [&](const std::string& lock) {
    return locks + "void start(void) { mutex_lock(&" + lock + "); work(); }" +
           "void stop(void) { mutex_unlock(&" + lock + "); work(); }";
  };
  EXPECT_THAT(titles(with("a"), with("b"), {{"start", "stop"}, {"start", "stop"}}),
              ElementsAre("refuse lock-discipline:start", "refuse lock-discipline:start",
                          "refuse lock-discipline:stop", "refuse lock-discipline:stop"));
}

}  // namespace
}  // namespace splicer
