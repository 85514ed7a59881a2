// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/live/device.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

using std::chrono::milliseconds;

SymbolTable symbols() {
  return SymbolTable({{RunAddress(0xffffffff81000000), 't', "schedule", "vmlinux"}});
}

const std::vector<SwitchedCode> kFunctions = {{"f", RunAddress(0xffffffff81000100), 0x20},
                                              {"g", RunAddress(0xffffffff81000200), 0x20},
                                              {"g.cold", RunAddress(), 0}};

splice_busy thread(std::uint32_t function, const char* comm) {
  splice_busy busy{};
  busy.function = function;
  busy.pid = 123;
  std::string(comm).copy(busy.comm, sizeof busy.comm - 1);
  busy.depth = 1;
  busy.stack[0] = 0xffffffff81000012;
  return busy;
}

Error from_apply(int number, std::uint32_t function = ~0u) {
  splice_apply answer{};
  answer.bad_function = function;
  answer.bad_offset = 3;
  return apply_error(number, answer, {}, kFunctions, symbols());
}

TEST(Device, BusyNamesFunctionThreadAndStack) {
  const Error error = busy_error({thread(1, "cat")}, kFunctions, symbols());
  EXPECT_EQ(error.exit, ExitCode::busy);
  EXPECT_EQ(error.code, "kernel-busy");
  EXPECT_EQ(error.function, "g");
  EXPECT_NE(error.detail.find("g: in use by pid 123 (cat)"), std::string::npos);
  EXPECT_NE(error.detail.find("schedule+0x12"), std::string::npos);
  EXPECT_EQ(error.message, "pid 123 (cat) is inside code that is to be switched");
}

TEST(Device, BusyFunctionIsMarkedOnTheStack) {
  splice_busy busy = thread(1, "cat");
  busy.depth = 3;
  busy.stack[1] = 0xffffffff81000220;  // behind a call that does not return, at its end
  busy.stack[2] = 0xffffffff81000221;
  const Error error = busy_error({busy, busy, busy}, kFunctions, symbols());
  EXPECT_NE(error.detail.find("    schedule+0x12\n  > g+0x20\n    schedule+0x221\n"),
            std::string::npos)
      << error.detail;
  EXPECT_EQ(error.message,
            "pid 123 (cat) and 2 more threads are inside code that is to be switched");
}

TEST(Device, BusyReportIsNotTakenOnTrust) {
  splice_busy hostile = thread(7, "\x1b[2Jx");
  std::memset(hostile.comm + 5, 'y', sizeof hostile.comm - 5);  // without a NUL
  hostile.depth = 0xffffffff;
  hostile.conservative = 1;
  const Error error = busy_error({hostile}, kFunctions, symbols());
  EXPECT_NE(error.detail.find("function 7: in use by pid 123 (?[2Jxyyyyyyyyyyy); its stack"),
            std::string::npos)
      << error.detail;
}

TEST(Device, BusyInCodeThatReplacesNothing) {
  const Error error = busy_error({thread(~0u, "cat")}, kFunctions, symbols());
  EXPECT_NE(error.detail.find("new code: in use by pid 123"), std::string::npos);
}

TEST(Device, AnswersToApply) {
  EXPECT_EQ(from_apply(ESTALE, 1).code, "kernel-changed");
  EXPECT_EQ(from_apply(ESTALE, 1).function, "g");
  EXPECT_EQ(from_apply(ESTALE, 1).exit, ExitCode::mismatch);
  EXPECT_EQ(from_apply(EBUSY).exit, ExitCode::busy);
  EXPECT_EQ(from_apply(EADDRINUSE, 0).code, "site-taken");
  EXPECT_EQ(from_apply(EADDRINUSE, 0).function, "f");
  EXPECT_EQ(from_apply(EADDRNOTAVAIL, 0).code, "live-patched");
  EXPECT_EQ(from_apply(EADDRNOTAVAIL, 0).function, "f");
  EXPECT_EQ(from_apply(EADDRNOTAVAIL, 0).exit, ExitCode::unsafe);
  EXPECT_EQ(from_apply(EEXIST).code, "already-applied");
  EXPECT_EQ(from_apply(EPERM).code, "not-root");
  EXPECT_EQ(from_apply(EPROTO).code, "core-version");
  EXPECT_EQ(from_apply(ENOSYS).exit, ExitCode::unsafe);
  EXPECT_EQ(from_apply(EINVAL, 9).code, "apply-refused");
  EXPECT_EQ(from_apply(EINVAL, 9).function, "function 9");
  EXPECT_EQ(from_apply(ENOMEM).code, "apply-refused");
}

TEST(Device, AFieldOutOfRangeIsNamed) {
  EXPECT_EQ(from_apply(EINVAL, 1).message, "the core module found a field of g out of range");
  EXPECT_EQ(from_apply(EINVAL).message, "the core module found a field of the update out of range");
  splice_apply answer{};
  answer.bad_function = ~0u;
  std::strcpy(answer.hook, "may_change");
  EXPECT_EQ(apply_error(EINVAL, answer, {}, kFunctions, symbols()).message,
            "the core module found a field of may_change out of range");
}

TEST(Device, TheCoreModuleSaysWhy) {
  splice_apply answer{};
  std::strcpy(answer.reason, "old_size is 0 or too large");
  answer.bad_function = 1;
  EXPECT_EQ(apply_error(EINVAL, answer, {}, kFunctions, symbols()).message,
            "the core module refused g: old_size is 0 or too large");
  std::strcpy(answer.reason, "a static key is where the jump must be written");
  EXPECT_EQ(apply_error(EADDRINUSE, answer, {}, kFunctions, symbols()).message,
            "a static key is where the jump must be written");
  splice_undo undone{};
  std::strcpy(undone.reason, "a kprobe is in the old code behind the jump");
  EXPECT_EQ(undo_error(EADDRINUSE, undone, {}, kFunctions, symbols()).message,
            "a kprobe is in the old code behind the jump");
}

TEST(Device, NamesAreCutToTheirField) {
  char field[4];
  set_field(field, "abcdef");
  EXPECT_STREQ(field, "abc");
  set_field(field, "a");
  EXPECT_EQ(std::string(field, sizeof field), std::string("a\0\0\0", 4));
}

TEST(Device, AnswersToUndo) {
  splice_undo answer{};
  std::strcpy(answer.blocker, "5d1f0c2e77aa9b31");
  const auto error = [&](int number) { return undo_error(number, answer, {}, {}, symbols()); };
  EXPECT_EQ(error(EDEADLK).code, "update-covered");
  EXPECT_NE(error(EDEADLK).message.find("5d1f0c2e77aa9b31"), std::string::npos);
  EXPECT_EQ(error(EDEADLK).exit, ExitCode::error);
  EXPECT_EQ(error(ENOENT).code, "unknown-update");
  EXPECT_EQ(error(EBUSY).exit, ExitCode::busy);
  EXPECT_EQ(error(ESTALE).code, "kernel-changed");
  EXPECT_EQ(error(EADDRINUSE).code, "site-taken");
  EXPECT_EQ(error(EIO).code, "undo-refused");
}

TEST(Device, AHookRefuses) {
  splice_apply answer{};
  std::strcpy(answer.hook, "may_change");
  const auto error = [&](int number) {
    answer.hook_error = number;
    return apply_error(ECANCELED, answer, {}, kFunctions, symbols());
  };
  EXPECT_EQ(error(-EPERM).code, "hook-refused");
  EXPECT_EQ(error(-EPERM).exit, ExitCode::error);
  EXPECT_EQ(error(-EPERM).message,
            "the update is refused by its own check: may_change (returned -EPERM)");
  EXPECT_EQ(error(-EBUSY).exit, ExitCode::busy);
  EXPECT_EQ(error(-EAGAIN).exit, ExitCode::busy);
  EXPECT_EQ(error(7).message, "the update is refused by its own check: may_change (returned 7)");
  EXPECT_EQ(error(-512).message,
            "the update is refused by its own check: may_change (returned -512)");
  std::memset(answer.hook, '\x1b', sizeof answer.hook);  // without a NUL
  EXPECT_EQ(error(-EPERM).message.find('\x1b'), std::string::npos);

  splice_undo undo{};
  std::strcpy(undo.hook, "may_change");
  undo.hook_error = -EAGAIN;
  EXPECT_EQ(undo_error(ECANCELED, undo, {}, {}, symbols()).exit, ExitCode::busy);
}

TEST(Device, BusyHintNamesTheThread) {
  EXPECT_NE(busy_error({thread(1, "cat")}, kFunctions, symbols()).advice.find("kill 123"),
            std::string::npos);
  EXPECT_EQ(busy_error({}, kFunctions, symbols()).advice, "give more --retries");
}

TEST(Device, EveryErrorSaysWhatToDo) {
  for (const int number :
       {EPERM, EPROTO, ENOSYS, EBUSY, ESTALE, EADDRINUSE, ECANCELED, EINVAL, EFAULT})
    EXPECT_FALSE(from_apply(number).advice.empty()) << number;
}

TEST(Device, MissingAndForeign) {
  EXPECT_FALSE(Device::exists("/dev/no-such-device"));
  const Attempts once{0, milliseconds(0)};
  HeldSignals signals;
  EXPECT_EQ(Device::open(once, signals, "/dev/no-such-device").error().code, "no-core-module");
  EXPECT_EQ(Device::open(once, signals, "/dev/full").error().code, "core-version");
}

// Somebody has the device open for longer than anybody would wait.
TEST(Device, WaitingForItCanBeInterrupted) {
  TemporaryFolder folder;
  const std::string path = folder.write("device", "");
  const pid_t holder = fork();
  if (holder == 0) {
    const int held = ::open(path.c_str(), O_RDONLY);
    folder.write("held", "");
    while (held >= 0) pause();
  }
  while (!folder.has("held")) std::this_thread::sleep_for(milliseconds(1));
  HeldSignals signals;
  const auto busy = Device::open({0, milliseconds(0)}, signals, path);
  EXPECT_EQ(busy.error().code, "device-busy");
  EXPECT_NE(busy.error().message.find(fmt::format("pid {}", holder)), std::string::npos);
  raise(SIGTERM);
  EXPECT_EQ(Device::open({5, milliseconds(3600 * 1000)}, signals, path).error().code,
            "interrupted");
  kill(holder, SIGKILL);
  waitpid(holder, nullptr, 0);
}

}  // namespace
}  // namespace splicer
