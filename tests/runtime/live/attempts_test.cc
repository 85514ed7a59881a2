// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/live/attempts.h"

#include <gtest/gtest.h>

#include <vector>

#include "matcher/base/command_line.h"

namespace splicer {
namespace {

using std::chrono::milliseconds;

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
  EXPECT_EQ(attempts->interval, milliseconds(20));
}

TEST(AttemptsOption, OutOfRange) {
  for (const char* wrong : {"--retries=-1", "--retries=86401", "--retry-interval=3600001"}) {
    const auto attempts = parsed({wrong});
    ASSERT_FALSE(attempts) << wrong;
    EXPECT_EQ(attempts.error().exit, ExitCode::usage);
  }
}

TEST(AttemptsOption, AsLongAsThat) {
  EXPECT_FALSE(parsed({})->wait);
  const auto attempts = parsed({"--wait", "2m", "--retry-interval", "100"});
  EXPECT_EQ(attempts->wait, milliseconds(120000));
  EXPECT_EQ(attempts->interval, milliseconds(100));
  // One of the two, also if the other is given as it would be anyway.
  for (const char* retries : {"--retries=5", "--retries=0"}) {
    const auto both = parsed({"--wait=30s", retries});
    ASSERT_FALSE(both);
    EXPECT_EQ(both.error().code, "usage");
  }
}

TEST(AttemptsOption, Durations) {
  EXPECT_EQ(parse_duration("0s"), milliseconds(0));
  EXPECT_EQ(parse_duration("30s"), milliseconds(30000));
  EXPECT_EQ(parse_duration("2m"), milliseconds(120000));
  EXPECT_EQ(parse_duration("24h"), milliseconds(86400000));
  for (const char* wrong :
       {"", "s", "30", "-1s", "+1s", "1.5s", " 1s", "1s ", "1ms", "1S", "25h", "86401s",
        "4294967296s", "99999999999999999999h", "1m30s", "0x1s", "4294967295h"}) {
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
    if (*wrong == '\0') continue;
    EXPECT_FALSE(parsed({"--wait", wrong})) << wrong;
  }
}

Result<std::uint64_t> busy() { return fail(ExitCode::busy, "kernel-busy", "busy"); }

Result<void> differs() { return fail(ExitCode::mismatch, "run-pre-mismatch", "it differs"); }
Result<void> done() { return {}; }

TEST(MatchInMotion, UntilTheKernelHasRewrittenIt) {
  int calls = 0;
  const auto match = [&]() { return ++calls < 3 ? differs() : done(); };
  EXPECT_TRUE(match_in_motion(match, done, 4, milliseconds(0)));
  EXPECT_EQ(calls, 3);
}

TEST(MatchInMotion, WhatDiffersInAllLooksIsRefused) {
  int calls = 0;
  const auto match = [&]() { return ++calls, differs(); };
  EXPECT_EQ(match_in_motion(match, done, 4, milliseconds(0)).error().code, "run-pre-mismatch");
  EXPECT_EQ(calls, 4);
}

TEST(MatchInMotion, OtherErrorsAndSignalsEndIt) {
  int calls = 0;
  const auto refused = [] { return Result<void>(fail(ExitCode::error, "interrupted", "")); };
  const auto match = [&]() { return ++calls, differs(); };
  EXPECT_EQ(match_in_motion(match, refused, 4, milliseconds(0)).error().code, "interrupted");
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(match_in_motion(refused, done, 4, milliseconds(0)).error().code, "interrupted");
}

TEST(TryWhileBusy, UntilItSucceeds) {
  int calls = 0;
  HeldSignals signals;
  const auto result = try_while_busy(
      {5, milliseconds(0)}, signals,
      [&]() -> Result<std::uint64_t> {
        if (++calls < 3) return busy();
        return 42;
      },
      [](const Error&, const std::string&) {});
  EXPECT_EQ(*result, 42u);
  EXPECT_EQ(calls, 3);
}

TEST(TryWhileBusy, GivesUpAfterTheRetries) {
  int calls = 0;
  std::vector<std::string> lefts;
  HeldSignals signals;
  const auto result = try_while_busy(
      {2, milliseconds(0)}, signals,
      [&] {
        calls++;
        return busy();
      },
      [&](const Error&, const std::string& left) { lefts.push_back(left); });
  EXPECT_EQ(result.error().code, "kernel-busy");
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(lefts, (std::vector<std::string>{"2 left", "1 left"}));
}

// Not so many times, but for so long; the last try comes at the end.
TEST(TryWhileBusy, GivesUpWhenTheTimeIsOver) {
  std::vector<std::string> lefts;
  HeldSignals signals;
  const auto began = std::chrono::steady_clock::now();
  milliseconds last{0};
  const auto result = try_while_busy(
      {.retries = 0, .interval = milliseconds(150), .wait = milliseconds(400)}, signals,
      [&] {
        last = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began);
        return busy();
      },
      [&](const Error&, const std::string& left) { lefts.push_back(left); });
  EXPECT_EQ(result.error().code, "kernel-busy");
  EXPECT_GE(lefts.size(), 1u);
  EXPECT_LE(lefts.size(), 3u);  // at 0, 150, 300 and 400 ms, or fewer on a machine that is busy
  EXPECT_EQ(lefts[0], "1 s left");
  EXPECT_GE(last, milliseconds(400));
}

TEST(TryWhileBusy, NoTimeIsOneTry) {
  int calls = 0;
  HeldSignals signals;
  const auto result = try_while_busy(
      {.retries = 5, .wait = milliseconds(0)}, signals, [&] { return ++calls, busy(); },
      [](const Error&, const std::string&) {});
  EXPECT_EQ(result.error().code, "kernel-busy");
  EXPECT_EQ(calls, 1);
}

// Each try stops the machine: without a number of them there is time in between.
TEST(TryWhileBusy, NotWithoutAPause) {
  int calls = 0;
  HeldSignals signals;
  const auto result = try_while_busy(
      {.interval = milliseconds(0), .wait = milliseconds(100)}, signals,
      [&] { return ++calls, busy(); }, [](const Error&, const std::string&) {});
  EXPECT_FALSE(result);
  EXPECT_LE(calls, 12);
}

TEST(TryWhileBusy, OtherErrorsAreFinal) {
  int calls = 0;
  HeldSignals signals;
  const auto result = try_while_busy(
      {5, milliseconds(0)}, signals,
      [&]() -> Result<std::uint64_t> {
        calls++;
        return fail(ExitCode::error, "other", "other");
      },
      [](const Error&, const std::string&) {});
  EXPECT_EQ(result.error().code, "other");
  EXPECT_EQ(calls, 1);
}

// A signal while it waits: nothing is tried any more, however long the wait was to be.
TEST(TryWhileBusy, ASignalEndsTheWait) {
  HeldSignals signals;
  int calls = 0;
  const auto began = std::chrono::steady_clock::now();
  const auto result = try_while_busy(
      {5, milliseconds(3600 * 1000)}, signals,
      [&] {
        calls++;
        return busy();
      },
      [](const Error&, const std::string&) { raise(SIGTERM); });
  EXPECT_EQ(result.error().code, "interrupted");
  EXPECT_EQ(result.error().exit, ExitCode::error);
  EXPECT_EQ(calls, 1);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::minutes(1));
}

TEST(TryWhileBusy, ASignalBeforeTheFirstAttempt) {
  HeldSignals signals;
  raise(SIGINT);
  int calls = 0;
  const auto result = try_while_busy(
      {0, milliseconds(0)}, signals,
      [&] {
        calls++;
        return busy();
      },
      [](const Error&, const std::string&) {});
  EXPECT_EQ(result.error().code, "interrupted");
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace splicer
