// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/live/attempts.h"

#include <gtest/gtest.h>

#include <vector>

namespace splicer {
namespace {

Result<Attempts> parsed(std::vector<const char*> arguments) {
  Command command("splice-undo", "ID", "");
  add_attempts_options(command);
  arguments.insert(arguments.begin(), "splice-undo");
  EXPECT_FALSE(command.parse(static_cast<int>(arguments.size()), arguments.data()));
  return attempts_option(command);
}

TEST(AttemptsOption, Usual) {
  EXPECT_EQ(parsed({})->retries, Attempts().retries);
  EXPECT_EQ(parsed({})->interval, Attempts().interval);
}

TEST(AttemptsOption, Given) {
  const auto attempts = parsed({"--retries", "0", "--retry-interval", "20"});
  EXPECT_EQ(attempts->retries, 0u);
  EXPECT_EQ(attempts->interval, std::chrono::milliseconds(20));
}

TEST(AttemptsOption, OutOfRange) {
  for (const char* wrong : {"--retries=-1", "--retries=86401", "--retry-interval=3600001"}) {
    const auto attempts = parsed({wrong});
    ASSERT_FALSE(attempts) << wrong;
    EXPECT_EQ(attempts.error().exit, ExitCode::usage);
  }
}

}  // namespace
}  // namespace splicer
