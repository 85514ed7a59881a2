// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/source/supervised.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "matcher/base/file.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

namespace fs = std::filesystem;

// A supervisor in a child of its own, with TMPDIR as its only place.
struct Outcome {
  int status = -1;
  bool folder_is_empty = false;
};

class SupervisedTest : public ::testing::Test {
 protected:
  // `meanwhile` gets the supervisor's pid.
  Outcome run(const std::function<int()>& work, const std::function<void(pid_t)>& meanwhile) const {
    const pid_t child = fork();
    if (child == 0) {
      setenv("TMPDIR", folder_.path().c_str(), 1);
      const auto ended = run_supervised(work);
      if (!ended) _exit(99);
      _exit(ended->interrupted ? 50 : ended->killed != 0 ? 60 : ended->status);
    }
    meanwhile(child);
    int status = 0;
    waitpid(child, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, fs::is_empty(folder_.path())};
  }
  // Until the work says that it has begun.
  void wait_for_mark() const {
    for (int i = 0; i < 1000 && !fs::exists(mark_.path() / "begun"); ++i) usleep(10000);
  }
  void leave_mark(const std::string& text) const {
    ASSERT_TRUE(write_file(mark_.path() / "begun", text));
  }
  TemporaryFolder folder_;
  TemporaryFolder mark_;
};

TEST_F(SupervisedTest, TheStatusOfTheWork) {
  const Outcome done = run([] { return 7; }, [](pid_t) {});
  EXPECT_EQ(done.status, 7);
  EXPECT_TRUE(done.folder_is_empty);
}

TEST_F(SupervisedTest, WhatIsKeptOnPurposeStays) {
  const Outcome done =
      run([] { return write_file(fs::path(std::getenv("TMPDIR")) / "kept", "x") ? 0 : 1; },
          [](pid_t) {});
  EXPECT_EQ(done.status, 0);
  EXPECT_FALSE(done.folder_is_empty);
}

TEST_F(SupervisedTest, ASignalEndsAllOfIt) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    fs::remove(mark_.path() / "begun");
    const Outcome done = run(
        [&] {
          EXPECT_TRUE(write_file(fs::path(std::getenv("TMPDIR")) / "object", "x"));
          const pid_t compiler = fork();
          if (compiler == 0) {
            std::signal(SIGTERM, SIG_IGN);  // not even one that does not listen stays
            for (;;) pause();
          }
          leave_mark(std::to_string(compiler));
          for (;;) pause();
          return 0;
        },
        [&](pid_t supervisor) {
          wait_for_mark();
          kill(supervisor, signal);
        });
    EXPECT_EQ(done.status, 50);
    EXPECT_TRUE(done.folder_is_empty);
    const pid_t compiler = std::stoi(*read_text(mark_.path() / "begun"));
    bool gone = false;  // it is a zombie until whoever is its parent now has waited
    for (int i = 0; i < 500 && !gone; ++i) {
      const auto status = read_text("/proc/" + std::to_string(compiler) + "/stat");
      gone = !status || status->find(") Z") != std::string::npos;
      if (!gone) usleep(10000);
    }
    EXPECT_TRUE(gone);
  }
}

TEST_F(SupervisedTest, AFaultInTheWork) {
  const Outcome done = run(
      [] {
        EXPECT_TRUE(write_file(fs::path(std::getenv("TMPDIR")) / "object", "x"));
        std::signal(SIGABRT, SIG_DFL);
        kill(getpid(), SIGKILL);
        return 0;
      },
      [](pid_t) {});
  EXPECT_EQ(done.status, 60);
  EXPECT_TRUE(done.folder_is_empty);
}

}  // namespace
}  // namespace splicer
