// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/live/interruption.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>

namespace splicer {
namespace {

using std::chrono::milliseconds;

TEST(HeldSignals, AreSeenWhereTheyAreAskedFor) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    HeldSignals held;
    EXPECT_FALSE(held.interrupted());
    raise(number);
    EXPECT_TRUE(held.interrupted()) << number;
    EXPECT_TRUE(held.interrupted()) << number;  // it stays so
  }
}

// The process goes on after them, with a status of its own.
TEST(HeldSignals, EndNothingAfterwards) {
  EXPECT_EXIT(
      {
        {
          const HeldSignals held;
          for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGPIPE})
            raise(number);
        }
        std::_Exit(4);
      },
      testing::ExitedWithCode(4), "");
}

TEST(HeldSignals, WhatDoesNotAskToEnd) {
  HeldSignals held;
  raise(SIGTSTP);
  raise(SIGPIPE);
  EXPECT_FALSE(held.interrupted());
}

TEST(HeldSignals, EndAWait) {
  HeldSignals held;
  EXPECT_FALSE(held.wait_for(milliseconds(1)));
  raise(SIGTERM);
  EXPECT_TRUE(held.wait_for(std::chrono::hours(1)));
}

TEST(HeldSignals, DoWhatTheyDidOnceItIsGone) {
  EXPECT_EXIT(
      {
        { const HeldSignals held; }
        raise(SIGTERM);
        std::_Exit(4);
      },
      testing::KilledBySignal(SIGTERM), "");
}

// What is left after the switch is to say so, and nothing ends that.
TEST(HeldSignals, AreHeldToTheEndOfTheProcess) {
  EXPECT_EXIT(
      {
        {
          HeldSignals held;
          held.hold_to_the_end();
        }
        for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP}) raise(number);
        std::_Exit(4);
      },
      testing::ExitedWithCode(4), "");
}

}  // namespace
}  // namespace splicer
