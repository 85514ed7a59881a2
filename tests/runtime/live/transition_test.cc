// SPDX-License-Identifier: GPL-2.0-or-later
//
// Folders that look as the kernel's do, and a thread that moves as the kernel would.
#include "runtime/live/transition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kName = "livepatch_5d1f0c2e77aa9b31";

class Transition : public ::testing::Test {
 protected:
  Transition() {
    folder.write("proc/meminfo", "");
    folder.write("proc/100x/task/100/patch_state", "0\n");  // no process
  }
  void set(const std::string& enabled, const std::string& transition) const {
    folder.write(std::string("sys/") + kName + "/enabled", enabled + "\n");
    folder.write(std::string("sys/") + kName + "/transition", transition + "\n");
  }
  std::string enabled() const { return folder.read(std::string("sys/") + kName + "/enabled"); }
  // A thread of the kernel that is looked at.
  void thread(const std::string& process, const std::string& number, const char* state,
              const char* name, const std::string& stack) const {
    const std::string at = "proc/" + process + "/task/" + number + "/";
    folder.write(at + "patch_state", std::string(state) + "\n");
    folder.write(at + "comm", std::string(name) + "\n");
    folder.write(at + "stack", stack);
  }
  LivepatchState state() const { return livepatch_state(kName, terms.sys); }
  Result<milliseconds> wait(Direction direction, const Attempts& attempts) {
    return wait_for_transition(kName, direction, attempts, signals, console, terms);
  }
  // When the file says `enabled`, it is made to say `then`, and the transition ends.
  std::jthread kernel(const std::string& wanted, const std::string& then) const {
    return std::jthread([this, wanted, then](const std::stop_token& stop) {
      while (!stop.stop_requested() && enabled() != wanted + "\n")
        std::this_thread::sleep_for(milliseconds(5));
      if (!stop.stop_requested()) set(then, "0");
    });
  }

  TemporaryFolder folder;
  HeldSignals signals;  // before any thread of the test
  Console console;
  TransitionTerms terms{folder / "sys", folder / "proc", milliseconds(60000), milliseconds(60000)};
};

constexpr Attempts kLong{0, milliseconds(60000)};
constexpr Attempts kShort{1, milliseconds(60)};
constexpr Attempts kWait{0, milliseconds(60000), false, milliseconds(120)};

TEST_F(Transition, StateThatTheKernelSays) {
  EXPECT_FALSE(state().present);
  EXPECT_FALSE(state().enabled);
  EXPECT_FALSE(state().moving);
  set("1", "1");
  EXPECT_TRUE(state().present);
  EXPECT_TRUE(state().enabled);
  EXPECT_TRUE(state().moving);
  set("0", "0");
  EXPECT_TRUE(state().present);
  EXPECT_FALSE(state().enabled);
  EXPECT_FALSE(state().moving);
}

TEST_F(Transition, WhoHasStillToGoOver) {
  thread("100", "100", "1", "over", "");
  thread("100", "101", "0", "worker",
         "[<0>] tun_get+0x1c/0x50 [tun]\n[<0>] vfs_read+0x12/0x340\n[<0>] ksys_read+0x5/0xa0\n"
         "[<0>] do_syscall_64+0x5c/0x90\n");
  thread("7", "7", "-1", "in no transition", "");
  thread("8", "8", "0", "hidden", "");
  const auto text = [&](Direction direction) {
    std::vector<std::string> lines;
    for (const Straggler& one : stragglers(direction, terms.proc))
      lines.push_back(std::to_string(one.thread) + " " + one.name + ": " + one.functions);
    return lines;
  };
  EXPECT_THAT(text(Direction::in), ::testing::UnorderedElementsAre(
                                       "101 worker: tun_get < vfs_read < ksys_read", "8 hidden: "));
  EXPECT_THAT(text(Direction::out), ElementsAre("100 over: "));
}

// proc_pid_stack() ends with what it could not follow; another kernel's text may be different.
TEST_F(Transition, StacksThatAreNoStacks) {
  for (const auto& [stack, functions] :
       {std::pair("[<0>] 0xffffffffffffffff\n", "0xffffffffffffffff"),
        {"no stack\n[<0>] vfs_read+0x1/0x2\n", ""},
        {"[<0>] without_a_length", "without_a_length"},
        {"\n", ""}}) {
    thread("100", "100", "0", "worker", stack);
    const auto found = stragglers(Direction::in, terms.proc);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].functions, functions);
  }
}

TEST_F(Transition, NobodyIsThere) {
  EXPECT_THAT(stragglers(Direction::in, terms.proc), IsEmpty());
  EXPECT_THAT(stragglers(Direction::in, folder / "nowhere"), IsEmpty());
}

TEST_F(Transition, WhoIsInTheCodeOfAModule) {
  thread("8", "8", "0", "other", "[<0>] livepatch_5d1f0c2e77aa9b31+0x1/0x2\n");
  thread("100", "100", "0", "longer", "[<0>] f+0x1/0x2 [livepatch_5d1f0c2e77aa9b311]\n");
  EXPECT_FALSE(is_on_a_stack(kName, terms.proc));
  thread("100", "101", "1", "worker",
         "[<0>] schedule+0x1/0x2\n[<0>] tun_get.cold+0x1/0x2 [livepatch_5d1f0c2e77aa9b31]\n");
  EXPECT_TRUE(is_on_a_stack(kName, terms.proc));
  EXPECT_FALSE(is_on_a_stack("tun", terms.proc));
}

TEST_F(Transition, DisablingWritesOneFile) {
  set("1", "0");
  ASSERT_TRUE(disable_livepatch(kName, terms.sys));
  EXPECT_EQ(enabled(), "0\n");
}

TEST_F(Transition, ThatTheKernelRefuses) {
  const auto absent = disable_livepatch(kName, terms.sys);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, "livepatch-refused");
  EXPECT_EQ(absent.error().exit, ExitCode::error);
  EXPECT_THAT(absent.error().message, HasSubstr("No such file"));
  EXPECT_THAT(absent.error().file, HasSubstr("livepatch_5d1f0c2e77aa9b31/enabled"));

  folder.link(std::string("sys/") + kName + "/enabled", "/dev/full");
  const auto refused = disable_livepatch(kName, terms.sys);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "livepatch-refused");
  EXPECT_THAT(refused.error().message, HasSubstr("No space"));
  EXPECT_THAT(refused.error().advice, HasSubstr("dmesg"));
}

TEST_F(Transition, ThatIsOver) {
  EXPECT_TRUE(wait(Direction::out, kShort)) << "nothing is there any more";
  set("1", "0");
  EXPECT_TRUE(wait(Direction::in, kShort));
  EXPECT_EQ(enabled(), "1\n");
}

TEST_F(Transition, IsWaitedFor) {
  set("1", "1");
  const std::jthread other([this] {
    std::this_thread::sleep_for(milliseconds(150));
    set("1", "0");
  });
  const auto took = wait(Direction::in, kLong);
  ASSERT_TRUE(took) << took.error().message;
  EXPECT_GE(*took, milliseconds(100));
  EXPECT_FALSE(state().moving);
  EXPECT_EQ(enabled(), "1\n");
}

TEST_F(Transition, ThatTakesTooLongIsTurnedBack) {
  thread("100", "101", "0", "worker", "[<0>] pipe_read+0x1/0x2\n");
  thread("100", "102", "1", "over", "");
  set("1", "1");
  const std::jthread turning = kernel("0", "0");
  const auto took = wait(Direction::in, kShort);
  ASSERT_FALSE(took);
  EXPECT_EQ(took.error().code, "kernel-busy");
  EXPECT_EQ(took.error().exit, ExitCode::busy);
  EXPECT_EQ(took.error().detail, "thread 101 (worker) in pipe_read\n");
  EXPECT_THAT(took.error().message, HasSubstr("1 thread had not left"));
  EXPECT_FALSE(state().moving);
  EXPECT_FALSE(state().enabled);
}

// With --wait neither retries nor their interval count.
TEST_F(Transition, ForAsLongAsThat) {
  set("1", "1");
  const std::jthread turning = kernel("0", "0");
  const auto took = wait(Direction::in, kWait);
  ASSERT_FALSE(took);
  EXPECT_EQ(took.error().code, "kernel-busy");
  EXPECT_THAT(took.error().advice, HasSubstr("--wait"));
}

TEST_F(Transition, OnItsWayOutItIsTurnedBackIn) {
  thread("100", "101", "1", "worker", "");
  set("0", "1");
  const std::jthread turning = kernel("1", "1");
  const auto took = wait(Direction::out, kShort);
  ASSERT_FALSE(took);
  EXPECT_EQ(took.error().code, "kernel-busy");
  EXPECT_EQ(took.error().detail, "thread 101 (worker)\n");
  EXPECT_TRUE(state().enabled) << "it is as it was";
}

// The last thread has gone over before the word to turn round came.
TEST_F(Transition, ThatEndedJustBeforeItWasTurned) {
  set("1", "1");
  const std::jthread other = kernel("0", "1");
  EXPECT_TRUE(wait(Direction::in, kShort));
  EXPECT_TRUE(state().enabled);
}

TEST_F(Transition, ASignalTurnsItBack) {
  set("1", "1");
  const std::jthread turning = kernel("0", "0");
  raise(SIGTERM);
  const auto took = wait(Direction::in, kLong);
  ASSERT_FALSE(took);
  EXPECT_EQ(took.error().code, "interrupted");
  EXPECT_FALSE(state().enabled);
  EXPECT_FALSE(state().moving);
}

TEST_F(Transition, NeitherWayEnds) {
  terms.way_back = milliseconds(60);
  thread("100", "101", "0", "not yet over", "");
  thread("100", "102", "1", "not yet back", "");
  set("1", "1");
  const auto took = wait(Direction::in, kShort);
  ASSERT_FALSE(took);
  EXPECT_EQ(took.error().code, "transition-stuck");
  EXPECT_EQ(took.error().exit, ExitCode::busy);
  EXPECT_EQ(took.error().detail, "thread 102 (not yet back)\n");
  EXPECT_EQ(enabled(), "0\n") << "it was turned";
  EXPECT_TRUE(state().moving);
}

TEST_F(Transition, ThatCannotBeTurned) {
  set("1", "1");
  std::filesystem::remove(folder / (std::string("sys/") + kName + "/enabled"));
  folder.link(std::string("sys/") + kName + "/enabled", "/dev/full");
  const auto took = wait(Direction::in, kShort);
  ASSERT_FALSE(took);
  EXPECT_EQ(took.error().code, "livepatch-refused");
}

TEST_F(Transition, SaysWhoIsInTheWay) {
  terms.quiet = milliseconds(0);
  thread("100", "101", "0", "worker", "[<0>] pipe_read+0x1/0x2\n[<0>] vfs_read+0x1/0x2\n");
  set("1", "1");
  const std::jthread other([this] {
    std::this_thread::sleep_for(milliseconds(250));
    set("1", "0");
  });
  testing::internal::CaptureStderr();
  const auto took = wait(Direction::in, kLong);
  const std::string said = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(took);
  EXPECT_THAT(said, HasSubstr("1 thread still to go over: thread 101 (worker) in pipe_read < "
                              "vfs_read\n"));
  EXPECT_EQ(said.find("still"), said.rfind("still")) << "once, for ten seconds";
}

}  // namespace
}  // namespace splicer
