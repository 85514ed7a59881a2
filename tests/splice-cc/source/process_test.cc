// SPDX-License-Identifier: GPL-2.0-or-later
//
// Running programs: status, output, folder, environment, what is missing.
#include "splice-cc/source/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

using ::testing::Contains;
using ::testing::StartsWith;

ProgramRun run(const std::vector<std::string>& arguments, const ProgramOptions& options = {}) {
  auto result = run_program(arguments, options);
  EXPECT_TRUE(result) << result.error().message;
  return result ? *result : ProgramRun{-1, ""};
}

Result<std::string> example(const std::filesystem::path& tree) {
  // [example splice-cc/source/process.h]
  auto run = run_program({"make", "-j2", "kernel/fork.o"}, {.folder = tree});
  if (!run) return propagate(run);           // it could not be started
  if (run->status != 0) return run->output;  // which says why
  // [end]
  return "made";
}

TEST(Process, Example) {
  const TemporaryFolder folder;
  EXPECT_THAT(*example(folder.path()), testing::HasSubstr("No rule to make target"));
  folder.write("Makefile", "kernel/fork.o:\n\t@true\n");
  EXPECT_EQ(*example(folder.path()), "made");
}

TEST(Process, GivesStatusAndBothOutputsInOrder) {
  const ProgramRun result = run({"sh", "-c", "echo one; echo two >&2; echo three; exit 7"});
  EXPECT_EQ(result.status, 7);
  EXPECT_EQ(result.output, "one\ntwo\nthree\n");
}

TEST(Process, ArgumentsAreNeverTakenApart) {
  EXPECT_EQ(run({"printf", "%s|", "a b", "$HOME", "", "*;"}).output, "a b|$HOME||*;|");
}

TEST(Process, InputIsEmpty) { EXPECT_EQ(run({"cat"}).output, ""); }

TEST(Process, AKilledProgramHasItsSignal) {
  EXPECT_EQ(run({"sh", "-c", "kill -9 $$"}).status, 128 + 9);
}

TEST(Process, MoreOutputThanAPipeHolds) {
  EXPECT_EQ(run({"head", "-c", "1000000", "/dev/zero"}).output.size(), 1000000u);
}

TEST(Process, RunsInTheFolder) {
  const TemporaryFolder folder;
  EXPECT_EQ(run({"pwd", "-P"}, {.folder = folder.path()}).output, folder.path().string() + "\n");
}

TEST(Process, TheEnvironmentIsOurs) {
  const EnvironmentVariable other("SPLICE_TEST_VARIABLE", "x");
  const EnvironmentVariable locale("LC_ALL", "de_DE.UTF-8");
  EXPECT_EQ(run({"sh", "-c", "echo ${SPLICE_TEST_VARIABLE-none} $LC_ALL"}).output, "none C\n");
  EXPECT_EQ(run({"env"}, {.environment = {"A=1"}}).output, "A=1\n");
}

TEST(Process, ProgramsAreLookedForInTheGivenPathOnly) {
  const TemporaryFolder folder;
  std::filesystem::permissions(folder.write("xz", "#!/bin/sh\necho impostor\n"),
                               std::filesystem::perms::owner_all);
  const EnvironmentVariable path("PATH", folder.path().string() + ":" + std::getenv("PATH"));
  EXPECT_THAT(run({"xz", "--version"}).output, StartsWith("xz (XZ Utils)"));
  EXPECT_EQ(run({"xz"}, {.environment = {"PATH=" + folder.path().string()}}).output, "impostor\n");
}

TEST(Process, AMissingProgramIsNamedWithItsPackage) {
  const TemporaryFolder empty;
  const ProgramOptions nothing{.environment = {"PATH=" + empty.path().string()}};
  const auto missing = run_program({"xz", "--version"}, nothing);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, "program-missing");
  EXPECT_THAT(missing.error().message, StartsWith("cannot run xz: "));
  EXPECT_EQ(missing.error().advice, "apt-get install xz-utils");
  EXPECT_EQ(run_program({"gcc-99"}).error().advice, "apt-get install gcc-99");
}

TEST(Process, PlainEnvironment) {
  const EnvironmentVariable scratch("TMPDIR", "/some/where");
  EXPECT_THAT(plain_environment(), Contains("TMPDIR=/some/where"));
  EXPECT_THAT(plain_environment(), Contains("LC_ALL=C"));
}

TEST(Process, LastLines) {
  EXPECT_EQ(last_lines("a\nb\nc\n\n", 2), "b\nc\n\n");
  EXPECT_EQ(last_lines("a\nb", 5), "a\nb");
  EXPECT_EQ(last_lines("", 3), "");
}

TEST(Process, FirstLines) {
  EXPECT_EQ(first_lines("a\nb\nc\n", 2), "a\nb\n");
  EXPECT_EQ(first_lines("a\nb", 5), "a\nb");
  EXPECT_EQ(first_lines("a\nb", 2), "a\nb");
  EXPECT_EQ(first_lines("", 3), "");
}

}  // namespace
}  // namespace splicer
