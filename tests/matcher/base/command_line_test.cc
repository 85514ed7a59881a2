// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/base/command_line.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <new>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "matcher/base/version.h"

namespace splicer {
namespace {

int example(int argc, const char* const* argv) {
  // [example matcher/base/command_line.h]
  Command command("splice-apply", "[OPTION]... UPDATE.tar", "Put an update into ...");
  command.options().add_options()("dry-run,n", "match, write nothing");
  command.positional("package", 1);
  if (auto exit = command.parse(argc, argv)) return *exit;  // --help, --version, usage error
  Console& console = command.console();                     // see console.h
  // [end]
  return console.quiet ? -1 : -2;
}

TEST(CommandLineExample, ParsesOrEnds) {
  EXPECT_EQ(example(3, std::array{"splice-apply", "-q", "update.tar"}.data()), -1);
  EXPECT_EQ(example(3, std::array{"splice-apply", "-n", "update.tar"}.data()), -2);
  testing::internal::CaptureStderr();
  EXPECT_EQ(example(3, std::array{"splice-apply", "a.tar", "b.tar"}.data()), 2);
  testing::internal::GetCapturedStderr();
}

struct Outcome {
  std::optional<int> exit;
  std::string out;
  std::string err;
};

class CommandLine : public testing::Test {
 protected:
  CommandLine() : command_("splice-test", "[OPTION]... FILE...", "Tests what commands share.") {
    command_.options().add_options()("retries", boost::program_options::value<unsigned>(),
                                     "how often to try");
    command_.positional("file", -1);
  }

  Outcome parse(std::vector<const char*> words) {
    words.insert(words.begin(), "splice-test");
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    Outcome outcome;
    outcome.exit = command_.parse(static_cast<int>(words.size()), words.data());
    outcome.out = testing::internal::GetCapturedStdout();
    outcome.err = testing::internal::GetCapturedStderr();
    return outcome;
  }

  Command command_;
};

TEST_F(CommandLine, HelpOnStandardOutput) {
  for (const char* option : {"--help", "-h"}) {
    const Outcome outcome = parse({option});
    EXPECT_EQ(outcome.exit, 0);
    EXPECT_TRUE(outcome.err.empty());
    EXPECT_EQ(outcome.out.rfind("Usage: splice-test [OPTION]... FILE...\n", 0), 0u) << outcome.out;
    EXPECT_NE(outcome.out.find("--retries"), std::string::npos);
    EXPECT_NE(outcome.out.find("splice-test(8)"), std::string::npos);
    EXPECT_EQ(outcome.out.find("--file"), std::string::npos);  // positional, not an option
  }
}

TEST_F(CommandLine, VersionOnStandardOutput) {
  for (const char* option : {"--version", "-V"}) {
    const Outcome outcome = parse({option});
    EXPECT_EQ(outcome.exit, 0);
    EXPECT_EQ(outcome.out, std::string("splice-test ") + version() + "\n");
    EXPECT_TRUE(outcome.err.empty());
  }
}

TEST_F(CommandLine, ValuesAndSwitches) {
  const Outcome outcome = parse({"-v", "-q", "--json", "--retries", "7", "a", "b"});
  EXPECT_EQ(outcome.exit, std::nullopt);
  EXPECT_TRUE(command_.console().verbose);
  EXPECT_TRUE(command_.console().quiet);
  EXPECT_TRUE(command_.console().json);
  EXPECT_EQ(command_.values()["retries"].as<unsigned>(), 7u);
  EXPECT_EQ(command_.values()["file"].as<std::vector<std::string>>(),
            (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(command_.has("help"));
}

TEST_F(CommandLine, WrongUse) {
  for (const std::vector<const char*>& words : std::vector<std::vector<const char*>>{
           {"--no-such-option"}, {"--retries", "many"}, {"--retries"}, {"--color", "pink"}}) {
    const Outcome outcome = parse(words);
    EXPECT_EQ(outcome.exit, 2) << words[0];
    EXPECT_TRUE(outcome.out.empty());
    EXPECT_EQ(outcome.err.rfind("error: ", 0), 0u) << outcome.err;
    EXPECT_NE(outcome.err.find("hint: "), std::string::npos) << outcome.err;
  }
}

TEST_F(CommandLine, WrongUseAsADocument) {
  for (const std::vector<const char*>& words : std::vector<std::vector<const char*>>{
           {"--json", "--no-such-option"}, {"--color", "pink", "--json"}}) {
    const Outcome outcome = parse(words);
    EXPECT_EQ(outcome.exit, 2);
    const auto document = nlohmann::json::parse(outcome.out);
    EXPECT_EQ(document["schema"], 1);
    EXPECT_EQ(document["command"], "splice-test");
    EXPECT_EQ(document["error"]["code"], "usage");
    EXPECT_EQ(document["error"]["exit"], 2);
  }
}

TEST_F(CommandLine, Colors) {
  setenv("NO_COLOR", "", 1);
  parse({"--color", "always"});
  EXPECT_TRUE(command_.console().color);
}

TEST_F(CommandLine, ColorsNeverOffATerminal) {
  parse({});
  EXPECT_FALSE(command_.console().color);  // captured: no terminal
}

Error full_error() {
  return fail(ExitCode::mismatch, "run-pre-mismatch", "the code differs")
      .at_file("fork.o")
      .in_function("copy_process")
      .at_address(RunAddress(0xffffffff81000010))
      .bytes({0x90, 0x0f}, {0xcc})
      .detail("one\ntwo\n")
      .hint("try again")
      .take();
}

TEST(FormatError, SaysWhatWhereExpectedAndFound) {
  EXPECT_EQ(format_error(full_error(), false),
            "error: fork.o: copy_process: the code differs (at 0xffffffff81000010)\n"
            "  expected: 90 0f\n"
            "  found:    cc\n"
            "  one\n"
            "  two\n"
            "hint: try again\n");
  EXPECT_EQ(format_error(fail(ExitCode::error, "x", "it broke").take(), false),
            "error: it broke\n");
}

TEST(FormatError, ColorsOnlyTheWords) {
  const std::string text = format_error(full_error(), true);
  EXPECT_EQ(text.rfind("\033[1;31merror:\033[0m fork.o", 0), 0u);
  EXPECT_NE(text.find("\033[1;36mhint:\033[0m try"), std::string::npos);
}

// A symbol's name from a hostile object must not steer the terminal.
TEST(FormatError, ControlCharactersAreShownAsQuestionMarks) {
  const std::string text = format_error(fail(ExitCode::error, "x", "bad \033[2J name")
                                            .at_file("a\rb")
                                            .in_function("f\x7f")
                                            .detail("\033]0;title\007")
                                            .hint("\bno")
                                            .take(),
                                        false);
  for (const char letter : text) EXPECT_TRUE(letter == '\n' || letter >= ' ') << text;
  EXPECT_NE(text.find("bad ?[2J name"), std::string::npos);
}

TEST(ErrorJson, OnlyTheFieldsThatAreSet) {
  const auto full = error_json(full_error());
  EXPECT_EQ(full, (nlohmann::json{{"code", "run-pre-mismatch"},
                                  {"exit", 5},
                                  {"message", "the code differs"},
                                  {"file", "fork.o"},
                                  {"function", "copy_process"},
                                  {"address", "0xffffffff81000010"},
                                  {"expected", "90 0f"},
                                  {"found", "cc"},
                                  {"detail", "one\ntwo\n"},
                                  {"hint", "try again"}}));
  EXPECT_EQ(error_json(fail(ExitCode::error, "x", "y").take()),
            (nlohmann::json{{"code", "x"}, {"exit", 1}, {"message", "y"}}));
}

struct Printed {
  std::string out;
  std::string err;
};

template <typename Action>
Printed printed(const Action& action) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  action();
  Printed both;
  both.out = testing::internal::GetCapturedStdout();
  both.err = testing::internal::GetCapturedStderr();
  return both;
}

TEST(ConsoleOutput, StagesGoToStandardErrorUnlessQuiet) {
  Console console;
  console.command = "splice-test";
  const auto say = [&] {
    console.stage("matching {} functions", 3);
    console.detail("only with -v");
  };
  EXPECT_EQ(printed(say).err, "splice-test: matching 3 functions\n");
  EXPECT_EQ(printed(say).out, "");
  console.verbose = true;
  EXPECT_EQ(printed(say).err, "splice-test: matching 3 functions\nsplice-test: only with -v\n");
  console.quiet = true;
  EXPECT_EQ(printed(say).err, "");
}

TEST(ConsoleOutput, ErrorsAreNeverQuiet) {
  Console console;
  console.quiet = true;
  int exit = 0;
  const Printed both = printed([&] { exit = console.finish(full_error()); });
  EXPECT_EQ(exit, 5);
  EXPECT_EQ(both.out, "");
  EXPECT_EQ(both.err, format_error(full_error(), false));
}

TEST(ConsoleOutput, OneDocumentWithJson) {
  Console console;
  console.command = "splice-test";
  EXPECT_EQ(printed([&] { console.document({{"a", 1}}); }).out, "");  // not asked for
  console.json = true;
  EXPECT_EQ(nlohmann::json::parse(printed([&] {
                                    console.document({{"a", 1}});
                                  }).out),
            (nlohmann::json{{"a", 1}, {"schema", 1}, {"command", "splice-test"}}));
  const Printed both = printed([&] { console.finish(full_error()); });
  EXPECT_EQ(nlohmann::json::parse(both.out)["error"], error_json(full_error()));
}

TEST(ConsoleOutput, NamesThatAreNotUtf8) {
  Console console;
  console.json = true;
  const Printed both = printed([&] { console.document({{"name", "\xff\xfe"}}); });
  EXPECT_EQ(nlohmann::json::parse(both.out)["name"], "\uFFFD\uFFFD");
}

// What it held is given back before the error is told.
TEST_F(CommandLine, WhatIsThrownIsAnError) {
  struct Held {
    explicit Held(bool& flag) : gone(flag) {}
    ~Held() { gone = true; }
    bool& gone;
  };
  bool gone = false;
  testing::internal::CaptureStderr();
  const int status = command_.run([&]() -> int {
    const Held held(gone);
    throw std::bad_alloc();
  });
  EXPECT_EQ(status, 1);
  EXPECT_TRUE(gone);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("error: there is not enough memory"),
            std::string::npos);

  testing::internal::CaptureStderr();
  EXPECT_EQ(command_.run([]() -> int { throw std::runtime_error("no such thing"); }), 1);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("the command failed: no such thing"),
            std::string::npos);
}

TEST_F(CommandLine, OutputThatCannotBeWritten) {
  testing::internal::CaptureStderr();
  const int status = command_.run([] {
    std::cout.setstate(std::ios::badbit);
    return 0;
  });
  EXPECT_EQ(status, 1);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("standard output cannot be written"),
            std::string::npos);
  testing::internal::CaptureStderr();
  EXPECT_EQ(command_.run([] { return 5; }), 5);  // it failed anyway
  std::cout.clear();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(command_.run([] { return 0; }), 0);
}

}  // namespace
}  // namespace splicer
