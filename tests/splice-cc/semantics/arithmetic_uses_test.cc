// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/arithmetic_uses.h"

#include <gmock/gmock.h>

#include "tests/support/kernel_text.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

const std::string kObject = R"(
struct obj { long bytes; int id; unsigned long bits; };
int get(void);
void atomic_long_sub(long amount, long *count);
int test_bit(int bit, unsigned long *word);
void find(const char *name);
)";

ArithmeticUses uses(const std::string& body) {
  return facts_of(kObject + "void f(struct obj *o, int v) { " + body + " }")
      .functions.at("f")
      .arithmetic;
}

TEST(ArithmeticUses, AmountsAsTheyAreComputed) {
  EXPECT_THAT(uses("o->bytes += v + 48;").up,
              ElementsAre(Pair("struct obj.bytes", ElementsAre("(? + 48)"))));
  EXPECT_THAT(uses("o->bytes--;").down, ElementsAre(Pair("struct obj.bytes", ElementsAre("1"))));
  EXPECT_THAT(uses("long n = o->id; n += v; atomic_long_sub(n, &o->bytes);").down,
              ElementsAre(Pair("struct obj.bytes", ElementsAre("{+= ?, = struct obj.id}"))));
  EXPECT_THAT(uses("long n = 0; n += v;").up, IsEmpty());
}

TEST(ArithmeticUses, TwoVariablesThatAreSetFromEachOther) {
  EXPECT_THAT(uses("int a = v, b = a; a = b; b = a; o->bytes += a;").up.size(), 1U);
}

TEST(ArithmeticUses, ConstantsThatAreAdded) {
  EXPECT_THAT(uses("o->id = get() + 3 - 1;").stored,
              ElementsAre(Pair("struct obj.id", ElementsAre("+2"))));
  EXPECT_THAT(uses("o->id = 128 - get() - 1;").stored,
              ElementsAre(Pair("struct obj.id", ElementsAre("127-"))));
  EXPECT_THAT(uses("o->id = 5 + 1;").stored, IsEmpty());
  EXPECT_THAT(uses("v = o->id - 2;").read, ElementsAre(Pair("struct obj.id", ElementsAre("-2"))));
  EXPECT_THAT(uses("v = o->id + v;").read, IsEmpty());
  EXPECT_THAT(uses("v = 128 - o->id - 1;").read,
              ElementsAre(Pair("struct obj.id", ElementsAre("127-"))));
}

TEST(ArithmeticUses, BitsByAVariable) {
  EXPECT_THAT(uses("if (test_bit(v - 1, &o->bits)) get();").tested,
              ElementsAre(Pair("struct obj.bits", ElementsAre("-1"))));
  EXPECT_THAT(uses("if (test_bit(v, &o->bits)) get();").tested,
              ElementsAre(Pair("struct obj.bits", ElementsAre("+0"))));
  EXPECT_THAT(uses("if (test_bit(3, &o->bits)) get();").tested, IsEmpty());
}

TEST(ArithmeticUses, NamesAndLinesForPeople) {
  EXPECT_THAT(uses("find(\"driver\"); find(\"a line\\n\"); find(\"\");").names,
              ElementsAre("driver"));
}

}  // namespace
}  // namespace splicer
