// SPDX-License-Identifier: GPL-2.0-or-later
//
// By what the readers of facts make of it.
#include "splice-cc/semantics/expression.h"

#include <gmock/gmock.h>

#include "tests/support/kernel_text.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

PlaceUses uses(const std::string& body) {
  return facts_of(
             "struct obj { long n; void (*end)(void); }; void done(void) {} void (*p)(void);\n"
             "void f(struct obj *o, long v) { " +
             body + " }")
      .functions.at("f")
      .places;
}

TEST(Expression, Constants) {
  EXPECT_THAT(uses("o->n = 1 << 3;").marks, ElementsAre(Pair("struct obj.n", 8)));
  EXPECT_THAT(uses("o->n = -1;").marks, ElementsAre(Pair("struct obj.n", -1)));
  EXPECT_THAT(uses("o->n = (long)~0UL;").marks, ElementsAre(Pair("struct obj.n", -1)));
  EXPECT_THAT(uses("o->n = (long)&v;").marks, ElementsAre(Pair("struct obj.n", kCopied)));
}

TEST(Expression, FunctionsWithAndWithoutAnAddress) {
  for (const char* value : {"done", "&done", "(void (*)(void))(&done)"})
    EXPECT_THAT(uses("o->end = " + std::string(value) + ";").callbacks,
                ElementsAre(Pair("struct obj.end", ElementsAre("done"))))
        << value;
  EXPECT_THAT(uses("o->end = p;").callbacks, IsEmpty());
}

TEST(Expression, OfACallThroughAPointerThereIsNoName) {
  EXPECT_THAT(uses("(done)();").guarded, ElementsAre(Pair("done", IsEmpty())));
  EXPECT_THAT(uses("p();").guarded, IsEmpty());
}

}  // namespace
}  // namespace splicer
