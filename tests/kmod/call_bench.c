// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a call of a replaced function costs more: see tests/bench/call, which counts instructions of the
// guest as nanoseconds.
#include "ioctl_test.h"

enum { kRounds = 5, kCalls = 100000 };

static int by_size(const void* left, const void* right) {
  long a = *(const long*)left, b = *(const long*)right;
  return (a > b) - (a < b);
}

// Instructions of one call and the loop around it: the median of some rounds.
static double measure(const char* what, double unpatched) {
  long rounds[kRounds];
  for (int i = 0; i < kRounds; ++i) rounds[i] = value_of("calls");
  qsort(rounds, kRounds, sizeof(rounds[0]), by_size);
  double each = (double)rounds[kRounds / 2] / kCalls;
  printf("%-40s %8.1f", what, each);
  if (unpatched > 0) printf("  (+%.1f)", each - unpatched);
  printf("\n");
  return each;
}

static void must(const char* what, int error) {
  errno = error;
  if (error) stop(what);
}

void measure_call(void) {
  struct request request;
  printf("guest instructions for a call of a small function, and the loop around it: median of %d\n",
         kRounds);
  double unpatched = measure("unpatched", 0);
  one(&request, "target_value", "a_value", 5);
  must("apply", apply(&request));
  double jump = measure("Splice, by a jump", unpatched) - unpatched;
  must("undo", undo(FIRST));
  begin(&request, FIRST, "splice_update_a");
  add_at_ftrace(&request, "target_value", "a_value");
  must("apply", apply(&request));
  double redirect = measure("Splice, led on by ftrace", unpatched) - unpatched;
  must("undo", undo(FIRST));
  live_patch_on();
  double live_patch = measure("the kernel's live patch", unpatched) - unpatched;
  live_patch_off();
  printf("extra cost, beside the live patch's: by a jump %.3f, by ftrace %.3f\n", jump / live_patch,
         redirect / live_patch);
}
