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

int example(const Console& console, int n, const char* file, const char* name, const Error& error) {
  // [example matcher/base/console.h]
  console.stage("matching {} functions", n);     // on standard error; not with -q
  console.debug("readers", "{} uses it", file);  // only with --debug=readers
  console.print("{} matched\n", name);           // on standard output; not with --json
  return console.finish(error);                  // error: and hint: lines; a document as JSON
  // [end]
}

TEST_F(ConsoleTest, WhatGoesWhere) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const Error error = fail(ExitCode::busy, "kernel-busy", "it is busy").hint("try again").take();
  EXPECT_EQ(example(console, 2, "tun.c", "f", error), static_cast<int>(ExitCode::busy));
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "f matched\n");
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_NE(told.find("matching 2 functions"), std::string::npos) << told;
  EXPECT_NE(told.find("error: it is busy"), std::string::npos) << told;
  EXPECT_NE(told.find("hint: "), std::string::npos) << told;
  EXPECT_EQ(told.find("uses it"), std::string::npos) << told;
}

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
