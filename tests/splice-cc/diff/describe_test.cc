// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/diff/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/snippet.h"

namespace splicer {
namespace {

using ::testing::Contains;
using ::testing::MatchesRegex;

TEST(Describe, AtomsAndTwins) {
  const SnippetPair pair(
      "int old; int kept; int f(void) { return kept; } int g(void) { return old; }",
      "int fresh; int kept; int f(void) { return kept + 1; } int g(void) { return fresh; }");
  const auto atoms = describe_atoms(*pair->post);
  EXPECT_EQ(atoms.size(), pair->post->all().size());
  EXPECT_THAT(atoms, Contains(MatchesRegex("code .text.f\\+0x0 [0-9]+ bytes f, 1 reference")));
  EXPECT_THAT(atoms, Contains(MatchesRegex("writable .bss.kept\\+0x0 4 bytes kept")));
  const auto twins = describe_twins(*pair);
  EXPECT_THAT(twins, Contains("f continues f"));
  EXPECT_THAT(twins, Contains("kept continues kept"));
  EXPECT_THAT(twins, Contains("fresh is new"));
  EXPECT_THAT(twins, Contains("old is gone"));
}

TEST(Describe, AmbiguousTwins) {
  const SnippetPair pair(
      "int f(int a) { static int n; return n += a; }"
      "int g(int a) { static int n; return n -= a; }",
      "int f(int a) { static int n; return n += a; }"
      "int g(int a) { return a; }"
      "int h(int a) { static int n; return n -= a; }"
      "int i(int a) { static int n; return n *= a; }");
  for (const std::uint32_t atom : pair->twins->ambiguous)
    EXPECT_THAT(describe_twins(*pair),
                Contains(pair->post->at(atom).name +
                         " is new, though the kernel may have it: no twin can be told from "
                         "another"));
}

}  // namespace
}  // namespace splicer
