// SPDX-License-Identifier: GPL-2.0-or-later
//
// A kernel thread does little else than call replaced functions, so that each stop interrupts it in one
// of their few instructions. With preemption everywhere that may be between the two jumps of a short
// function, or at the first byte of code that is jumped into.
#include "ioctl_test.h"

static int wrong;

// Applies what `make` makes, until the thread is not in the way.
static void apply_patiently(void (*make)(struct request*)) {
  struct request request;
  int error;
  int tries = 500;
  do {
    make(&request);
    error = apply(&request);
  } while (error == EBUSY && --tries);
  wrong += error != 0;
}

static void undo_patiently(const char* id) {
  int error;
  int tries = 500;
  while ((error = undo(id)) == EBUSY && --tries) continue;
  wrong += error != 0;
}

static void make_short(struct request* request) {
  begin(request, FIRST, "splice_update_a");
  add_hop(request, "a_short");
}

// How target_flagged() is switched: by a jump behind its ftrace site, or by ftrace.
static bool at_ftrace;

static struct splice_function* add_flagged(struct request* request, const char* new_name) {
  return at_ftrace ? add_at_ftrace(request, "target_flagged", new_name)
                   : add(request, "target_flagged", new_name, 5);
}

static void make_flagged(struct request* request) {
  begin(request, FIRST, "splice_update_a");
  add_flagged(request, "a_flagged");
}

// Takes over from the update of make_flagged(), whose code must not run once the flag is set.
static void make_over_flagged(struct request* request) {
  begin(request, SECOND, "splice_update_hooks");
  struct splice_function* function = add_flagged(request, "h_flagged");
  struct symbol symbol = find_symbol("a_flagged");
  function->old_code = symbol.address;
  function->old_size = symbol.size;
  read_expected(request, 0);
  add_hook(request, "h_set_flag", SPLICE_HOOK_APPLY, 1);
  add_hook(request, "h_clear_flag", SPLICE_HOOK_UNDO, 1);
}

// Threads that are stopped at any instruction, a third of them in the thunk of an indirect call,
// where the unwinder of some kernels thinks that the stack has ended. Without preemption in kernel
// code the machine could not be stopped while they run.
static void test_thunk(void) {
  enum { kTries = 60 };
  const char* preemption = read_file("/sys/kernel/debug/sched/preempt");
  if (!preemption || !strstr(preemption, "(full)")) return;
  struct request request;
  int busy = 0;
  pid_t child = enter("thunk", NULL);
  for (int i = 0; i < kTries; ++i) {
    one(&request, "target_thunk", "a_thunk", 5);
    busy += apply(&request) == EBUSY;
  }
  expect_number("a thread in it that makes indirect calls is seen", busy, kTries);
  leave(child);
  one(&request, "target_thunk", "a_thunk", 5);
  expect("when it has left", apply(&request), 0);
  child = enter("thunk", NULL);
  busy = 0;
  for (int i = 0; i < kTries; ++i) busy += undo(FIRST) == EBUSY;
  expect_number("a thread in the new code that makes indirect calls is seen", busy, kTries);
  leave(child);
  expect("undo when it has left", undo(FIRST), 0);
}

// NMI handlers call the functions while their jumps are written, and taken away.
void test_nmi(void) {
  enum { kRounds = 30 };
  struct request request;
  wrong = 0;
  for (int i = 0; i < kRounds; ++i) {
    begin(&request, FIRST, "splice_update_hooks");
    add(&request, "target_value", "h_value", 5);
    add_hop(&request, "h_short");
    add_hook(&request, "h_send_nmis", SPLICE_HOOK_CHECK_APPLY, 1);
    add_hook(&request, "h_send_nmis", SPLICE_HOOK_CHECK_UNDO, 1);
    wrong += apply(&request) != 0;
    wrong += value_of("value") != 4 || value_of("short") != 3;
    wrong += undo(FIRST) != 0;
    wrong += value_of("value") != 1 || value_of("short") != 1;
  }
  report(!wrong, "switched to and fro while NMI handlers call it: %d wrong", wrong);
  long calls = value_of("nmi_calls");
  report(calls >= 2 * kRounds, "calls in NMI handlers: %ld", calls);
  expect_number("wrong answers in NMI handlers", value_of("nmi_wrong"), 0);
}

void test_hammer(void) {
  test_thunk();
  enum { kRounds = 20 };
  must_write(TARGET "hammer", "1");
  for (int i = 0; i < kRounds; ++i) {
    apply_patiently(make_short);
    undo_patiently(FIRST);
  }
  report(!wrong, "a short function, switched to and fro under its caller's feet: %d wrong", wrong);
  for (int by = 0; by < 2; ++by) {
    at_ftrace = by;
    apply_patiently(make_flagged);
    for (int i = 0; i < kRounds; ++i) {
      apply_patiently(make_over_flagged);
      undo_patiently(SECOND);
    }
    undo_patiently(FIRST);
  }
  at_ftrace = true;
  for (int i = 0; i < kRounds / 4; ++i) {
    apply_patiently(make_flagged);
    undo_patiently(FIRST);
  }
  must_write(TARGET "hammer", "0");
  report(!wrong, "an update upon another's code under its caller's feet: %d wrong", wrong);
  expect_number("calls of the earlier code after the switch", value_of("violations"), 0);
  expect_number("answers that no version gives", value_of("wrong"), 0);
}
