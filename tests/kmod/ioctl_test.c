// SPDX-License-Identifier: GPL-2.0-or-later
//
// All checks of the interface of /dev/splice, in turn. See ioctl_test.h.
#include "ioctl_test.h"

int main(void) {
  read_symbols();
  test_permission();
  test_pin();
  test_arguments();
  test_stale();
  test_hop_place();
  test_apply_and_undo();
  test_stack_of_two();
  test_busy();
  test_watched_arguments();
  test_watched();
  test_tracers();
  test_probes();
  test_hook_arguments();
  test_hooks();
  test_answers();
  test_traffic();
  test_hammer();
  close(device);
  printf("%d checks, %d failed\n", checks, failures);
  return failures != 0;
}
