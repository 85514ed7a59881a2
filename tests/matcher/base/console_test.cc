// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a command prints: debug lines, by topic.
#include "matcher/base/console.h"

#include <gtest/gtest.h>

namespace splicer {
namespace {

class ConsoleTest : public testing::Test {
 protected:
  ConsoleTest() { console.command = "splice-test"; }

  std::string debugged(const char* topic) const {
    testing::internal::CaptureStderr();
    console.debug(topic, "{} of {}", 1, 2);
    return testing::internal::GetCapturedStderr();
  }

  Console console;
};

TEST_F(ConsoleTest, DebugLinesOfTheTopicsThatWereNamed) {
  ASSERT_TRUE(console.set_debug_topics("atoms,sites", {"atoms", "sites", "twins"}));
  console.quiet = true;  // they were asked for
  EXPECT_EQ(debugged("atoms"), "splice-test: atoms: 1 of 2\n");
  EXPECT_EQ(debugged("sites"), "splice-test: sites: 1 of 2\n");
  EXPECT_EQ(debugged("twins"), "");
  EXPECT_TRUE(console.debugs("atoms"));
  EXPECT_FALSE(console.debugs("twins"));
}

TEST_F(ConsoleTest, NoDebugLinesUnlessAsked) {
  EXPECT_EQ(debugged("atoms"), "");
  ASSERT_TRUE(console.set_debug_topics("", {"atoms"}));
  EXPECT_EQ(debugged("atoms"), "");
}

TEST_F(ConsoleTest, AnUnknownTopic) {
  for (const char* list : {"atom", "atoms,nothing", ",", "ATOMS"}) {
    const auto taken = console.set_debug_topics(list, {"atoms", "twins"});
    ASSERT_FALSE(taken) << list;
    EXPECT_EQ(taken.error().code, "usage");
    EXPECT_EQ(taken.error().exit, ExitCode::usage);
    EXPECT_EQ(taken.error().advice, "choose from: atoms, twins");
  }
}

}  // namespace
}  // namespace splicer
