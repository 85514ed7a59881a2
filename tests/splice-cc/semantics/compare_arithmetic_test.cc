// SPDX-License-Identifier: GPL-2.0-or-later
//
// With what arithmetic_uses.cc reads.
#include "splice-cc/semantics/compare_arithmetic.h"

#include <gmock/gmock.h>

#include "tests/support/kernel_text.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kObject = R"(
struct rb_node { struct rb_node *rb_left, *rb_right; };
struct part { int size; int rank; struct rb_node node; };
struct obj { long bytes; int id; int length; unsigned long bits[4]; struct part *first; int users; };
void atomic_long_add(long amount, long *count);
void atomic_long_sub(long amount, long *count);
long inc_rlimit_ucounts(void *counts, int type, long amount);
long dec_rlimit_ucounts(void *counts, int type, long amount);
void refcount_set(int *count, int value);
void set_bit(int bit, unsigned long *word);
int test_bit(int bit, unsigned long *word);
int get(void);
void put(int id);
void make_link(void *where, const char *name);
void remove_link(void *where, const char *name);
void printk(const char *text);
)";

std::vector<std::string> titles(const std::string& pre, const std::string& post) {
  const UnitFacts before = facts_of(kObject + pre);
  const UnitFacts after = facts_of(kObject + post);
  const ChangedCode code = all_but_kept(before);
  ArithmeticComparison arithmetic;
  arithmetic.add(before, after, code);
  std::vector<std::string> out;
  for (const Finding& finding : arithmetic.compare()) out.push_back(finding.title());
  return out;
}

std::string function(const std::string& name, const std::string& body) {
  return "void " + name + "(struct obj *o, struct part *p, int v) { " + body + " }\n";
}

TEST(CompareArithmetic, BothHalvesOfACountByOtherAmounts) {
  const auto with = [](const std::string& up, const std::string& down) {
    return function("f", "o->bytes += " + up + ";") + function("g", "o->bytes -= " + down + ";");
  };
  EXPECT_THAT(titles(with("v", "p->size"), with("v + 48", "p->size + 48")),
              ElementsAre("amount-changed:struct obj.bytes"));
  // One half alone is a repair.
  EXPECT_THAT(titles(with("v", "p->size"), with("v", "p->size + 48")), IsEmpty());
  EXPECT_THAT(titles(with("v", "p->size"), with("get()", "p->size")), IsEmpty());
  const auto atomic = [](const std::string& amount) {
    return function("f", "atomic_long_add(" + amount + ", &o->bytes);") +
           function("g", "atomic_long_sub(" + amount + ", &o->bytes);");
  };
  EXPECT_THAT(titles(atomic("p->size"), atomic("p->rank")),
              ElementsAre("amount-changed:struct obj.bytes"));
  EXPECT_THAT(titles(with("p->size", "p->size"), atomic("p->size")), IsEmpty());
}

TEST(CompareArithmetic, AmountsThatVariablesHold) {
  const auto with = [](const std::string& more, const std::string& type) {
    const std::string amount = "long b = p->size; " + more;
    return function("f", amount + "inc_rlimit_ucounts(o, " + type + ", b);") +
           function("g", amount + "dec_rlimit_ucounts(o, " + type + ", b);");
  };
  EXPECT_THAT(titles(with("b += p->rank * 8;", "1"), with("", "1")),
              ElementsAre("amount-changed:rlimit_ucounts"));
  EXPECT_THAT(titles(with("", "1"), with("", "2")), ElementsAre("amount-changed:rlimit_ucounts"));
  EXPECT_THAT(
      titles(with("b += p->rank;", "1"), with("b += p->rank;", "1") + function("h", "get();")),
      IsEmpty());
}

TEST(CompareArithmetic, TheOtherDirection) {
  EXPECT_THAT(titles(function("f", "o->bytes += p->size;"), function("f", "o->bytes -= p->size;")),
              ElementsAre("amount-changed:struct obj.bytes"));
  EXPECT_THAT(titles(function("f", "o->users++;") + function("g", "o->users--;"),
                     function("f", "o->users--;") + function("g", "o->users++;")),
              ElementsAre("amount-changed:struct obj.users"));
  EXPECT_THAT(titles(function("f", "o->users++;") + function("g", "o->users--;"),
                     function("f", "o->users++;") + function("g", "o->users--; o->users--;")),
              IsEmpty());
}

TEST(CompareArithmetic, ACountThatBeginsOtherwise) {
  EXPECT_THAT(titles(function("f", "refcount_set(&o->users, 1);"),
                     function("f", "refcount_set(&o->users, 2);")),
              ElementsAre("amount-changed:struct obj.users"));
}

TEST(CompareArithmetic, AConstantThatIsAddedAndTakenOff) {
  const auto with = [](const std::string& stored, const std::string& read) {
    return function("f", "o->id = " + stored + ";") + function("g", "put(" + read + ");");
  };
  EXPECT_THAT(titles(with("get()", "o->id"), with("get() + 1", "o->id - 1")),
              ElementsAre("encoding-changed:struct obj.id"));
  EXPECT_THAT(titles(with("get() + 1", "o->id - 1"), with("get()", "o->id")),
              ElementsAre("encoding-changed:struct obj.id"));
  EXPECT_THAT(titles(with("127 - get()", "127 - o->id"), with("get()", "o->id")),
              ElementsAre("encoding-changed:struct obj.id"));
  EXPECT_THAT(titles(with("get()", "(o->id + 1) + (v - 1)"), with("get() + 1", "o->id + (v - 1)")),
              ElementsAre("encoding-changed:struct obj.id"));
  EXPECT_THAT(
      titles(with("get()", "o->id + 1"), function("f", "int n = get(); n = get() + 1; o->id = n;") +
                                             function("g", "put(o->id);")),
      ElementsAre("encoding-changed:struct obj.id"));
  // Off by one, at one side.
  EXPECT_THAT(titles(with("get()", "o->id"), with("get()", "o->id - 1")), IsEmpty());
  EXPECT_THAT(titles(with("get()", "o->id"), with("get() + 1", "o->id")), IsEmpty());
  EXPECT_THAT(titles(with("128 - get() - 1", "o->id"), with("127 - get()", "o->id")), IsEmpty());
}

TEST(CompareArithmetic, ABitAtAnotherPlace) {
  const auto with = [](const std::string& set, const std::string& tested) {
    return function("f", "set_bit(" + set + ", o->bits);") +
           function("g", "if (test_bit(" + tested + ", o->bits)) work();");
  };
  const std::string all = function("kept", "if (test_bit(v, o->bits)) work();");
  EXPECT_THAT(titles(with("v - 1", "v - 1"), with("v", "v")),
              ElementsAre("encoding-changed:struct obj.bits"));
  EXPECT_THAT(titles(with("v - 1", "v - 1") + all, with("v", "v") + all),
              ElementsAre("encoding-changed:struct obj.bits"));
  EXPECT_THAT(titles(with("v - 1", "v"), with("v - 1", "v - 1")), IsEmpty());
}

TEST(CompareArithmetic, ATreeInTheOtherOrder) {
  const auto with = [](const std::string& order) {
    return function("f",
                    "if (" + order + ") p->node.rb_left = NULL; else p->node.rb_right = NULL;");
  };
  EXPECT_THAT(titles(with("p->size < o->first->rank"), with("p->size > o->first->rank")),
              ElementsAre("order-changed:f"));
  EXPECT_THAT(titles(with("p->size < o->first->rank"), with("o->first->rank > p->size")),
              IsEmpty());
  // No tree, no order.
  EXPECT_THAT(titles(function("f", "if (p->size < o->id) work();"),
                     function("f", "if (p->size > o->id) work();")),
              IsEmpty());
}

TEST(CompareArithmetic, MadeAndLookedForUnderAnotherName) {
  const auto with = [](const std::string& made, const std::string& removed) {
    return function("f", "make_link(o, \"" + made + "\");") +
           function("g", "remove_link(o, \"" + removed + "\");");
  };
  EXPECT_THAT(titles(with("driver", "driver"), with("module", "module")),
              ElementsAre("name-changed:driver"));
  EXPECT_THAT(titles(with("driver", "driver"), with("driver", "module")), IsEmpty());
  EXPECT_THAT(titles(with("a\\n", "a\\n"), with("b\\n", "b\\n")), IsEmpty());
  EXPECT_THAT(titles(function("f", "printk(\"a\");") + function("g", "printk(\"a\");"),
                     function("f", "printk(\"b\");") + function("g", "printk(\"b\");")),
              IsEmpty());
}

}  // namespace
}  // namespace splicer
