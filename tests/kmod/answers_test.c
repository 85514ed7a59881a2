// SPDX-License-Identifier: GPL-2.0-or-later
//
// The answers themselves: what cannot be written to the caller, and waiting that can be cut short.
#include <sys/mman.h>

#include "ioctl_test.h"

static void test_unwritable(void) {
  struct request request;
  struct request* page =
      mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) stop("mmap");
  one(page, "target_value", "a_value", 5);
  mprotect(page, sizeof(*page), PROT_READ);
  expect("a request that cannot be written to", apply(page), EFAULT);
  expect_number("value", value_of("value"), 1);
  munmap(page, sizeof(*page));

  pid_t child = enter("sleep", "target_sleep");
  one(&request, "target_sleep_caller", "a_sleep", 5);
  request.apply.busy = 8;
  expect("busy, with a report that cannot be written", apply(&request), EBUSY);
  expect_number("nr_busy", request.apply.nr_busy, 0);
  leave(child);
}

// A hook that takes its time holds up everybody else, but not their death.
static void test_killable(void) {
  struct request request;
  pid_t first = fork();
  if (!first) {
    must_write(HOOKS "refuse", "pre_apply_1");
    must_write(HOOKS "answer", "-16");
    must_write(HOOKS "pause", "4000");
    begin(&request, FIRST, "splice_update_hooks");
    add(&request, "target_value", "h_value", 5);
    add_hook(&request, "h_pre_apply_1", SPLICE_HOOK_PRE_APPLY, 1);
    _exit(apply(&request));
  }
  usleep(1000000);
  pid_t second = fork();
  if (!second) _exit(open(SPLICE_DEVICE, O_RDWR) < 0 ? errno : 0);
  int status;
  usleep(500000);
  expect_number("the second one waits", waitpid(second, &status, WNOHANG), 0);
  kill(second, SIGKILL);
  waitpid(second, &status, 0);
  report(WIFSIGNALED(status), "it can be killed");
  expect_number("while the first one is at work", waitpid(first, &status, WNOHANG), 0);
  waitpid(first, &status, 0);
  expect("the first one's answer", WEXITSTATUS(status), ECANCELED);
  must_write(HOOKS "pause", "0");
  must_write(HOOKS "answer", "0");
}

// A CPU that is offline sits in the kernel's code, and wakes there.
static void test_offline(void) {
  static const char* const names[] = {"native_play_dead", "hlt_play_dead"};
  const char* online = "/sys/devices/system/cpu/cpu1/online";
  struct request request;
  must_write(online, "0");
  for (unsigned i = 0; i < 2; ++i) {
    uint8_t bytes[5];
    struct symbol symbol = find_symbol(names[i]);
    read_text(symbol.address + landing(symbol.address), bytes, sizeof(bytes));
    one(&request, names[i], "a_plain", memcmp(bytes, "\x0f\x1f\x44\x00\x00", 5) ? 0 : 5);
    expect(names[i], apply(&request), EBUSY);
    report(strstr(request.apply.reason, "offline") != NULL, "reason: %s", request.apply.reason);
  }
  // Other functions may be replaced meanwhile.
  one(&request, "cmdline_proc_show", "a_cmdline", 5);
  expect("another function", apply(&request), 0);
  expect("undo", undo(FIRST), 0);
  must_write(online, "1");
}

void test_answers(void) {
  test_unwritable();
  test_killable();
  test_offline();
}
