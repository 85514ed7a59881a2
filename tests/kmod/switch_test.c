// SPDX-License-Identifier: GPL-2.0-or-later
//
// Code is switched, and back: one update, two on each other, under way.
#include "ioctl_test.h"

void test_apply_and_undo(void) {
  uint8_t before[64], after[64];
  struct symbol symbol = find_symbol("target_short");
  struct request request;
  read_text(symbol.address, before, 16);
  expect_values("before", 1, 1, 1, false);
  make_all(&request);
  int references_before = references("splice_target");
  expect("pin", pin("splice_target"), 0);
  expect("apply", apply(&request), 0);
  expect_values("applied", 2, 2, 2, true);
  report(request.apply.pause_ns > 0, "pause %llu ns", (unsigned long long)request.apply.pause_ns);
  expect_number("references: three functions and a pin", references("splice_target"),
                references_before + 4);
  expect_number("references of the new code", references("splice_update_a"), 1);
  make_all(&request);
  expect("apply once more", apply(&request), EEXIST);

  struct splice_info info;
  ioctl(device, SPLICE_IOC_INFO, &info);
  expect_number("updates", info.updates, 1);
  report(!strcmp(read_file("/sys/kernel/splice/" FIRST "/state"), "applied\n"), "sysfs: state");
  report(atol(read_file("/proc/sys/kernel/tainted")) & 1 << 15, "tainted as by a live patch");
  report(!strcmp(read_file("/sys/kernel/splice/" FIRST "/modules"), "splice_update_a\n"),
         "sysfs: modules");
  report(atol(read_file("/sys/kernel/splice/" FIRST "/pause_ns")) > 0, "sysfs: pause_ns");
  report(atol(read_file("/sys/kernel/splice/" FIRST "/applied_at")) > 0, "sysfs: applied_at");
  report(atol(read_file("/sys/kernel/splice/" FIRST "/sequence")) == 1, "sysfs: sequence");
  char* functions = read_file("/sys/kernel/splice/" FIRST "/functions");
  char line[512];
  snprintf(line, sizeof(line), "0x%llx 0x%llx 0x%x 0x%llx 0x%x 0x%llx 0x%llx 0x0 target_short\n",
           request.functions[2].old_entry, request.functions[2].old_code,
           request.functions[2].old_size, request.functions[2].new_code,
           request.functions[2].new_size, request.functions[2].site, request.functions[2].hop);
  report(strstr(functions, line) != NULL, "sysfs: functions\n%s", functions);
  struct stat status;
  stat("/sys/kernel/splice/" FIRST "/functions", &status);
  expect_number("sysfs: mode of functions", status.st_mode & 0777, 0400);

  // Pins belong to the update now: closing leaves them.
  close(device);
  open_device();
  expect_number("references after close", references("splice_target"), references_before + 4);
  expect("undo", undo(FIRST), 0);
  expect_values("undone", 1, 1, 1, false);
  read_text(symbol.address, after, 16);
  report(!memcmp(before, after, 16), "the old bytes are back");
  expect_number("references after undo", references("splice_target"), references_before);
  expect_number("references of the new code after undo", references("splice_update_a"), 0);
  report(!read_file("/sys/kernel/splice/" FIRST "/state"), "no folder after undo");
  expect("undo once more", undo(FIRST), ENOENT);
}

// Hops into nops as the assembler writes them, the last of which reaches beyond the hop.
void test_padding(void) {
  struct request request;
  uint8_t before[32], after[32];
  struct symbol nopped = find_symbol("target_nopped");
  read_text(nopped.address, before, sizeof(before));
  begin(&request, FIRST, "splice_update_a");
  add_short(&request, "target_nopped", 5, "a_value");
  add_short(&request, "target_many_nops", 4, "a_short");
  expect("apply", apply(&request), 0);
  expect_number("padded with one nop", value_of("nopped"), 2);
  expect_number("padded with several", value_of("many_nops"), 2);
  expect("undo", undo(FIRST), 0);
  expect_number("padded with one nop", value_of("nopped"), 1);
  expect_number("padded with several", value_of("many_nops"), 1);
  read_text(nopped.address, after, sizeof(after));
  report(!memcmp(before, after, sizeof(before)), "the nops are back");
}

static void make_stacked(struct request* request) {
  begin(request, SECOND, "splice_update_b");
  struct splice_function* function = add(request, "target_value", "b_value", 5);
  struct symbol symbol = find_symbol("a_value");
  function->old_code = symbol.address;
  function->old_size = symbol.size;
  read_expected(request, 0);
  function = add(request, "target_short", "b_short", 0);
  symbol = find_symbol("a_short");
  function->old_code = symbol.address;
  function->old_size = symbol.size;
  function->hop = function->old_entry + 4;
  function->expected_hop = (uintptr_t)request->expected_hop[1];
  read_expected(request, 1);
}

void test_stack_of_two(void) {
  struct request request;
  make_all(&request);
  expect("apply the first", apply(&request), 0);
  make_stacked(&request);
  request.functions[0].old_code = request.functions[0].old_entry;
  expect("second, on the code before the first", apply(&request), ESTALE);
  expect_number("bad_offset", request.apply.bad_offset,
                5 + landing(request.functions[0].old_entry));
  make_stacked(&request);
  request.functions[0].site = request.functions[0].old_entry;
  expect("second, at another site", apply(&request), EINVAL);
  make_stacked(&request);
  request.functions[1].hop = 0;
  expect("second, without the hop", apply(&request), EINVAL);
  begin(&request, SECOND, "splice_update_b");
  struct splice_function* function = add(&request, "target_short", "b_short", 0);
  function->old_entry = function->old_code = function->site = function->old_entry + 4;
  read_expected(&request, 0);
  expect("second, over the first one's hop", apply(&request), EADDRINUSE);
  make_stacked(&request);
  expect("apply the second", apply(&request), 0);
  expect_values("both applied", 3, 2, 3, true);
  expect("undo the first", undo(FIRST), EDEADLK);
  report(!strcmp(last_undo.blocker, SECOND), "blocker: %s", last_undo.blocker);
  expect("undo the second", undo(SECOND), 0);
  expect_values("second undone", 2, 2, 2, true);
  make_stacked(&request);
  expect("apply the second again", apply(&request), 0);
  expect_values("both applied", 3, 2, 3, true);
  expect("undo the second", undo(SECOND), 0);
  // An update that only holds the first one's module stands on it, too.
  begin(&request, SECOND, "splice_update_b");
  add(&request, "target_spin", "b_value", 5);
  expect("pin the first one's module", pin("splice_update_a"), 0);
  expect("apply another", apply(&request), 0);
  expect("undo the first, whose module is pinned", undo(FIRST), EDEADLK);
  report(!strcmp(last_undo.blocker, SECOND), "blocker: %s", last_undo.blocker);
  expect("undo the other", undo(SECOND), 0);
  expect("undo the first", undo(FIRST), 0);
  expect_values("both undone", 1, 1, 1, false);
}

// Threads come and go in old and new code while it is switched to and fro. Each call must give one
// of the two answers, and after a switch no thread that begins may give the other one.
void test_traffic(void) {
  enum { kChildren = 6, kRounds = 20, kMaxBusy = 300 };
  pid_t children[kChildren];
  struct request request;
  for (int i = 0; i < kChildren; ++i) {
    children[i] = fork();
    if (!children[i]) {
      static const char* const names[] = {"value", "plain", "nap", "short"};
      const char* name = names[i % 4];
      for (;;) {
        long value = value_of(name);
        if (value != 1 && value != 2) _exit(1);
        // Threads that are new, too, and die at once.
        if (i == 0 && !fork()) _exit(value_of(name) < 0);
        if (i == 0) wait(NULL);
        // Out of the code for longer than in it.
        if (i % 4 == 2) usleep(20000);
      }
    }
  }
  int applied = 0, undone = 0, busy = 0, wrong = 0;
  for (int i = 0; i < kRounds; ++i) {
    int error;
    do {  // how often they are in the way depends on how the host shares its processors
      begin(&request, FIRST, "splice_update_a");
      add(&request, "target_value", "a_value", 5);
      add(&request, "target_plain", "a_plain", 0);
      add(&request, "target_nap", "a_nap", 5);
      add_hop(&request, "a_short");
      error = apply(&request);
    } while (error == EBUSY && ++busy < kMaxBusy);
    wrong += error && error != EBUSY;
    if (error) continue;
    ++applied;
    wrong += value_of("value") != 2 || value_of("plain") != 2 || value_of("nap") != 2;
    while ((error = undo(FIRST)) == EBUSY && busy < kMaxBusy) ++busy;
    wrong += error != 0;
    undone += !error;
    wrong += value_of("value") != 1 || value_of("plain") != 1 || value_of("nap") != 1;
  }
  for (int i = 0; i < kChildren; ++i) {
    int status;
    wrong += waitpid(children[i], &status, WNOHANG) != 0;
    kill(children[i], SIGKILL);
    waitpid(children[i], &status, 0);
  }
  report(wrong == 0 && applied > 0 && applied == undone,
         "traffic: applied %d, undone %d times, busy %d times, %d wrong answers", applied, undone,
         busy, wrong);
}
