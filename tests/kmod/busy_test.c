// SPDX-License-Identifier: GPL-2.0-or-later
//
// Threads that are in old, new and watched code.
#include <pthread.h>
#include <sys/prctl.h>

#include "ioctl_test.h"

static void* end_at_once(void* unused) {
  prctl(PR_SET_NAME, "lingerer");
  return unused;
}

// A thread that has taken itself off the task list (release_task()), and sleeps there.
void test_exiting(void) {
  struct request request;
  struct splice_busy busy[4];
  pthread_t thread;
  one(&request, "proc_flush_pid", "a_flush_pid", 5);
  expect("apply", apply(&request), 0);
  pthread_create(&thread, NULL, end_at_once, NULL);
  pthread_join(thread, NULL);
  usleep(300000);
  expect("undo while a dying thread sleeps in the new code", undo_busy(FIRST, busy, 4), EBUSY);
  report(last_undo.nr_busy == 1 && !strcmp(busy[0].comm, "lingerer"), "%u threads, comm %s",
         last_undo.nr_busy, last_undo.nr_busy ? busy[0].comm : "");
  usleep(2500000);
  expect("undo when it is dead", undo(FIRST), 0);
}

void test_busy(void) {
  struct request request;
  pid_t child = enter("sleep", "target_sleep");
  one(&request, "target_sleep_caller", "a_sleep", 5);
  expect_busy("a thread sleeps in it", &request, child, 0);
  request.apply.busy = 0;
  expect("the same without room for a report", apply(&request), EBUSY);
  // A function that the thread is not in may be replaced meanwhile.
  one(&request, "target_value", "a_value", 5);
  expect("another function", apply(&request), 0);
  expect("undo", undo(FIRST), 0);
  leave(child);

  child = enter("odd", "target_wait");
  one(&request, "target_callback", "a_sleep", 5);
  expect_busy("a thread that cannot be unwound sleeps in it", &request, child, 1);
  leave(child);

  child = enter("spin", NULL);
  one(&request, "target_spin", "a_value", 5);
  expect_busy("a thread runs in it", &request, child, -1);
  leave(child);

  one(&request, "target_sleep_caller", "a_sleep", 5);
  expect("when all have left", apply(&request), 0);
  child = enter("sleep", "a_helper");
  struct splice_busy busy[4];
  expect("undo with a thread in the new code", undo_busy(FIRST, busy, 4), EBUSY);
  report(last_undo.nr_busy == 1 && busy[0].pid == child && busy[0].function == 0,
         "the thread in the new code: %u, pid %d, function %u", last_undo.nr_busy, busy[0].pid,
         busy[0].function);
  report(!strcmp(read_file("/sys/kernel/splice/" FIRST "/state"), "applied\n"), "still applied");
  kill(child, SIGKILL);
  leave(child);
  expect("undo when it has left", undo(FIRST), 0);
}

void test_watched(void) {
  struct request request;
  uint8_t before[64], after[64];
  int references_before = references("splice_target");
  read_text(find_symbol("target_sleep").address, before, sizeof(before));
  pid_t child = enter("sleep", "target_sleep");
  make_watched(&request);
  expect_busy_in(1, "a thread sleeps in watched code", &request, child, 0);
  expect_number("value", value_of("value"), 1);
  leave(child);
  expect("when it has left", apply(&request), 0);
  expect_number("value", value_of("value"), 2);
  read_text(find_symbol("target_sleep").address, after, sizeof(after));
  report(!memcmp(before, after, sizeof(before)), "nothing is written into watched code");
  char line[256];
  snprintf(line, sizeof(line), "0x%llx 0x%llx 0x%x 0x0 0x0 0x0 0x0 0x0 target_sleep\n",
           request.functions[1].old_entry, request.functions[1].old_code,
           request.functions[1].old_size);
  report(strstr(read_file("/sys/kernel/splice/" FIRST "/functions"), line) != NULL,
         "sysfs: watched code");
  child = enter("sleep", "target_sleep");
  expect("undo with a thread in watched code", undo(FIRST), 0);
  expect_number("value", value_of("value"), 1);
  leave(child);
  expect_number("references", references("splice_target"), references_before);

  // Code of an earlier update, watched by one that stands on it.
  begin(&request, FIRST, "splice_update_a");
  add(&request, "target_value", "a_value", 5);
  add(&request, "target_sleep_caller", "a_sleep", 5);
  expect("apply the first", apply(&request), 0);
  child = enter("sleep", "a_helper");
  begin(&request, SECOND, "splice_update_b");
  struct splice_function* function = add(&request, "target_value", "b_value", 5);
  struct symbol symbol = find_symbol("a_value");
  function->old_code = symbol.address;
  function->old_size = symbol.size;
  read_expected(&request, 0);
  watch(&request, "a_helper");
  expect_busy_in(1, "a thread sleeps in an update's watched code", &request, child, 0);
  kill(child, SIGKILL);
  leave(child);
  expect("apply the second", apply(&request), 0);
  expect_number("value", value_of("value"), 3);
  expect_number("references of the first", references("splice_update_a"), 2);
  expect("undo the first", undo(FIRST), EDEADLK);
  expect("undo the second", undo(SECOND), 0);
  expect("undo the first", undo(FIRST), 0);
  expect_number("value", value_of("value"), 1);
  expect_number("references of the first", references("splice_update_a"), 0);
}
