// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/live/interruption.h"

#include <gtest/gtest.h>

#include <sys/wait.h>

#include <cstdlib>

namespace splicer {
namespace {

TEST(HeldSignals, WaitAndAreSeen) {
  EXPECT_EXIT(
      {
        {
          const HeldSignals held;
          if (held.pending()) std::_Exit(1);
          raise(SIGPIPE);
          if (held.pending()) std::_Exit(2);
          raise(SIGTERM);
          if (!held.pending()) std::_Exit(3);
        }
        std::_Exit(4);  // not reached: one of the signals ends the process now
      },
      [](int status) {
        return WIFSIGNALED(status) && (WTERMSIG(status) == SIGTERM || WTERMSIG(status) == SIGPIPE);
      },
      "");
}

}  // namespace
}  // namespace splicer
