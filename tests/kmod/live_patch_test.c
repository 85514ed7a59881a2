// SPDX-License-Identifier: GPL-2.0-or-later
//
// A live patch of the kernel's own on the same function, before and after.
#include "ioctl_test.h"

#define LIVE_PATCH "/sys/kernel/livepatch/splice_klp/"

static void run(const char* command) {
  if (system(command)) stop(command);
}

void live_patch_on(void) {
  run("insmod splice_klp.ko");
  run("while [ $(cat " LIVE_PATCH "transition) = 1 ]; do sleep 0.1; done");
}

void live_patch_off(void) {
  run("echo 0 >" LIVE_PATCH "enabled");
  run("while [ -d " LIVE_PATCH " ]; do sleep 0.1; done; rmmod splice_klp");
}

void test_live_patch(void) {
  struct request request;
  live_patch_on();
  expect_number("value, live-patched", value_of("value"), 5);
  one(&request, "target_value", "a_value", 5);
  expect("a live patch is there first", apply(&request), EADDRNOTAVAIL);
  expect_number("bad_function", request.apply.bad_function, 0);
  report(strstr(request.apply.reason, "live patch") != NULL, "reason: %s", request.apply.reason);
  one(&request, "target_plain", "a_plain", 0);
  expect("another function", apply(&request), 0);
  expect("undo", undo(FIRST), 0);
  live_patch_off();
  one(&request, "target_value", "a_value", 5);
  expect("when it is gone", apply(&request), 0);
  expect_number("value", value_of("value"), 2);
  live_patch_on();
  expect_number("value, live-patched upon the update", value_of("value"), 5);
  run("sleep 0.5; dmesg | grep -q 'stands over update " FIRST ": it decides at target_value'");
  report(true, "the log names the update");
  expect("undo below a live patch", undo(FIRST), 0);
  live_patch_off();
  expect_number("value", value_of("value"), 1);
}
