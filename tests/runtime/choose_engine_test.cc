// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which engine is asked, what is done with its answer, and what is said of both.
#include "runtime/choose_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Error error(const char* code, ExitCode exit = ExitCode::error) {
  return fail(exit, code, std::string("of ") + code)
      .detail(std::string("detail of ") + code + "\n")
      .hint(std::string("do about ") + code)
      .take();
}

class ChooseEngine : public testing::Test {
 protected:
  ChooseEngine() {
    console_.quiet = true;
    folder_.write("x.tar", "package");
  }
  // The engines that were asked, in order; each ends as `fails_` says.
  Result<Application> apply(EngineChoice choice) {
    ApplyOptions options;
    options.path = folder_ / "x.tar";
    options.skip_unloaded = true;
    return apply_by_choice(std::move(options), choice, console_, [&](Apply& one) -> Result<void> {
      asked_.emplace_back(engine_word(one.options.engine));
      if (const auto& given = one.options.admitted)
        tars_.emplace_back(given->bytes().begin(), given->bytes().end());
      one.applied_already = already_;
      const auto failed = fails_.find(one.options.engine);
      if (failed == fails_.end()) return {};
      return Failure(failed->second);
    });
  }

  TemporaryFolder folder_;
  Console console_;
  bool already_ = false;
  std::map<Engine, Error> fails_;
  std::vector<std::string> asked_, tars_;
};

TEST_F(ChooseEngine, TheOneThatIsNamed) {
  const auto stop = apply(EngineChoice::stop);
  ASSERT_TRUE(stop);
  EXPECT_EQ(stop->apply->engine, Engine::stop);
  EXPECT_EQ(stop->why_engine, "");
  fails_ = {{Engine::livepatch, error("livepatch-form")}, {Engine::stop, error("kernel-busy")}};
  EXPECT_EQ(apply(EngineChoice::livepatch).error().code, "livepatch-form");
  EXPECT_EQ(apply(EngineChoice::stop).error().code, "kernel-busy");
  EXPECT_THAT(asked_, ElementsAre("stop", "livepatch", "stop"));
}

TEST_F(ChooseEngine, StopIsTheFirstChoice) {
  const auto done = apply(EngineChoice::automatic);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->apply->engine, Engine::stop);
  EXPECT_THAT(done->why_engine, HasSubstr("first choice"));
  EXPECT_THAT(asked_, ElementsAre("stop"));
}

TEST_F(ChooseEngine, NobodyChoseWhatWasAppliedBefore) {
  already_ = true;
  EXPECT_EQ(apply(EngineChoice::automatic)->why_engine, "");
  fails_ = {{Engine::stop, error("locked-down")}};
  const auto livepatch = apply(EngineChoice::automatic);
  ASSERT_TRUE(livepatch);
  EXPECT_EQ(livepatch->why_engine, "");
}

TEST_F(ChooseEngine, LivepatchWhereStopCannot) {
  for (const char* code : {"locked-down", "signed-modules-only", "module-load", "no-core-module",
                           "kernel-lacks", "kernel-busy"}) {
    asked_.clear();
    fails_ = {{Engine::stop, error(code)}};
    const auto done = apply(EngineChoice::automatic);
    ASSERT_TRUE(done) << code;
    EXPECT_EQ(done->apply->engine, Engine::livepatch);
    EXPECT_EQ(done->why_engine,
              std::string("the engine stop cannot: of ") + code + " (" + code + ")");
    EXPECT_THAT(asked_, ElementsAre("stop", "livepatch"));
  }
}

// What is wrong with the package, the machine or the kernel is so for both.
TEST_F(ChooseEngine, OtherErrorsAreTheAnswer) {
  for (const char* code :
       {"package-truncated", "wrong-kernel", "not-root", "run-pre-mismatch", "hook-refused",
        "device-busy", "interrupted", "value-changed", "modules-disabled", "module-not-loaded",
        "update-kept", "live-patched", "kernel-changed"}) {
    asked_.clear();
    fails_ = {{Engine::stop, error(code)}};
    const auto done = apply(EngineChoice::automatic);
    ASSERT_FALSE(done) << code;
    EXPECT_EQ(done.error().code, code);
    EXPECT_THAT(asked_, ElementsAre("stop"));
    EXPECT_FALSE(leaves_livepatch(error(code)));
  }
}

TEST_F(ChooseEngine, BothReasonsWhereNeitherCan) {
  fails_ = {{Engine::stop, error("locked-down")},
            {Engine::livepatch, error("livepatch-form", ExitCode::unsafe)}};
  const Error both = apply(EngineChoice::automatic).error();
  EXPECT_EQ(both.code, "no-engine");
  EXPECT_EQ(both.exit, ExitCode::unsafe);
  EXPECT_EQ(
      both.message,
      "neither engine can apply the update. stop: of locked-down (locked-down); livepatch: of "
      "livepatch-form (livepatch-form)");
  EXPECT_EQ(both.detail, "detail of locked-down\ndetail of livepatch-form\n");
  EXPECT_EQ(both.advice, "do about locked-down; do about livepatch-form");
}

// Trying again may help, whichever of them it was.
TEST_F(ChooseEngine, BusyIfEitherIs) {
  for (const auto& [stop, livepatch] :
       {std::pair(ExitCode::busy, ExitCode::unsafe), {ExitCode::error, ExitCode::busy}}) {
    fails_ = {{Engine::stop, error("kernel-busy", stop)},
              {Engine::livepatch, error("kernel-busy", livepatch)}};
    EXPECT_EQ(apply(EngineChoice::automatic).error().exit, ExitCode::busy);
  }
}

// The same hint is not given twice.
TEST_F(ChooseEngine, OneHintForBoth) {
  fails_ = {{Engine::stop, error("locked-down")}, {Engine::livepatch, error("locked-down")}};
  EXPECT_EQ(apply(EngineChoice::automatic).error().advice, "do about locked-down");
}

TEST_F(ChooseEngine, WhatLivepatchSaysAlone) {
  for (const char* code : {"interrupted", "transition-stuck", "module-not-loaded"}) {
    fails_ = {{Engine::stop, error("kernel-busy")}, {Engine::livepatch, error(code)}};
    EXPECT_EQ(apply(EngineChoice::automatic).error().code, code);
  }
}

// Both engines have the bytes that were checked, whatever lies there by now.
TEST_F(ChooseEngine, ThePackageIsReadOnce) {
  fails_ = {{Engine::stop, error("kernel-busy")}};
  ASSERT_TRUE(apply(EngineChoice::automatic));
  EXPECT_THAT(tars_, ElementsAre("package", "package"));
  folder_.write("x.tar", "");
  std::filesystem::remove(folder_ / "x.tar");
  EXPECT_EQ(apply(EngineChoice::automatic).error().code, "file-unreadable");
}

}  // namespace
}  // namespace splicer
