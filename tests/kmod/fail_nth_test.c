// SPDX-License-Identifier: GPL-2.0-or-later
//
// Every allocation, and every copy to and from user memory, of an APPLY and of an UNDO is made to
// fail, one after another. Where it fails the call must fail too, or do without; a failed APPLY has
// left nothing, and a failed UNDO has left the update as it was.
//
// The kernel does that for one thread by a number in /proc/thread-self/fail-nth: the n-th chance from
// now on fails, and 0 is read when it has (Documentation/fault-injection/fault-injection.rst). No
// distribution's kernel has it: CONFIG_FAULT_INJECTION, CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC,
// CONFIG_FAULT_INJECTION_USERCOPY, CONFIG_FAULT_INJECTION_DEBUG_FS.
#include "ioctl_test.h"

#define FAIL_NTH "/proc/thread-self/fail-nth"

static const char* const kinds[] = {"failslab", "fail_page_alloc", "fail_usercopy"};

// Also allocations that may sleep, and without a stack in the log for each.
static bool set_up(void) {
  static const char* const settings[][2] = {{"ignore-gfp-wait", "N"}, {"ignore-gfp-highmem", "N"},
                                            {"min-order", "0"},       {"cache-filter", "N"},
                                            {"verbose", "0"},         {"task-filter", "N"}};
  char path[128];
  bool any = false;
  if (access(FAIL_NTH, W_OK)) return false;
  for (unsigned i = 0; i < 3; ++i) {
    for (unsigned j = 0; j < sizeof(settings) / sizeof(settings[0]); ++j) {
      snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", kinds[i], settings[j][0]);
      any |= !write_file(path, settings[j][1]);  // each kind has some of them
    }
  }
  return any;
}

static void arm(unsigned n) {
  char text[16];
  snprintf(text, sizeof(text), "%u", n);
  must_write(FAIL_NTH, text);
}

// Has it failed since? Nothing fails any more.
static bool disarm(void) {
  bool fired = !atoi(read_file(FAIL_NTH));
  arm(0);
  return fired;
}

static struct request request;

// Everything that takes memory of its own: a jump, a hop, ftrace, watched code, hooks, a value.
static void make(void) {
  begin(&request, FIRST, "splice_update_hooks");
  strcpy(request.modules[1], "splice_update_values");
  request.apply.nr_modules = 2;
  add(&request, "target_value", "h_value", 5);
  add_hop(&request, "h_short");
  add_at_ftrace(&request, "target_gated", "h_value");
  watch(&request, "target_sleep");
  add_hook(&request, "h_pre_apply_1", SPLICE_HOOK_PRE_APPLY, 1);
  add_hook(&request, "h_fail_apply_1", SPLICE_HOOK_FAIL_APPLY, 1);
  struct splice_value* value = &request.values[request.apply.nr_values++];
  memset(value, 0, sizeof(*value));
  value->record = find_variable("v_table").address;
  strcpy(value->name, "v_table");
}

static unsigned wrong;

static void expect_state(const char* what, unsigned n, bool applied) {
  bool folder = read_file("/sys/kernel/splice/" FIRST "/state") != NULL;
  bool right = folder == applied && value_of("value") == (applied ? 4 : 1) &&
               value_of("short") == (applied ? 3 : 1) && value_of("gated") == (applied ? 4 : 1) &&
               value_of("table") == (applied ? 7 : 1);
  if (!right && ++wrong < 10) report(false, "%s, failure %u: not as it must be", what, n);
}

static bool may_be(int error) {
  return error == ENOMEM || error == EFAULT || error == EADDRNOTAVAIL;
}

void test_fail_nth(void) {
  enum { kMost = 3000 };
  if (!set_up()) {
    printf("       fail_nth: not in this kernel\n");
    return;
  }
  unsigned applies = 0, undos = 0;
  int error;
  bool fired = true;
  for (unsigned n = 1; fired && n < kMost; ++n) {
    make();
    arm(n);
    error = apply(&request);
    fired = disarm();
    applies += fired && error;
    if (error && !may_be(error)) report(false, "apply, failure %u: %s", n, strerrorname_np(error));
    expect_state("apply", n, !error);
    if (!error && undo(FIRST)) report(false, "undo after failure %u", n);
  }
  report(!fired && applies, "APPLY has failed in %u ways", applies);
  fired = true;
  for (unsigned n = 1; fired && n < kMost; ++n) {
    make();
    if (!read_file("/sys/kernel/splice/" FIRST "/state") && apply(&request))
      report(false, "apply before failure %u of undo", n);
    arm(n);
    error = undo(FIRST);
    fired = disarm();
    undos += fired && error;
    if (error && !may_be(error)) report(false, "undo, failure %u: %s", n, strerrorname_np(error));
    expect_state("undo", n, error != 0);
  }
  report(!fired && undos, "UNDO has failed in %u ways", undos);
  report(!wrong, "all or nothing, whatever failed: %u wrong", wrong);
  expect_number("references of the target", references("splice_target"), 0);
}
