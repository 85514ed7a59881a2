// SPDX-License-Identifier: GPL-2.0-or-later
//
// All checks of the interface of /dev/splice, in turn; or those that are named:
//
//     ioctl_test [CHECK...]        ioctl_test hammer traffic
//     ioctl_test kept              by itself: its modules cannot be unloaded any more
//     ioctl_test call              no check: what tests/bench/call prints
//
// See ioctl_test.h.
#include "ioctl_test.h"

#define CHECK(name) \
  { #name, test_##name }

static const struct {
  const char* name;
  void (*run)(void);
} all[] = {
    CHECK(pin),       CHECK(arguments),      CHECK(stale),
    CHECK(hop_place), CHECK(apply_and_undo), CHECK(stack_of_two),
    CHECK(padding),   CHECK(busy),           CHECK(watched_arguments),
    CHECK(watched),   CHECK(exiting),        CHECK(tracers),
    CHECK(probes),    CHECK(hook_arguments), CHECK(hooks),
    CHECK(answers),   CHECK(traffic),        CHECK(hammer),
    CHECK(nmi),       CHECK(live_patch),     CHECK(value_arguments),
    CHECK(values),    CHECK(redirect),
};

int main(int count, char** names) {
  read_symbols();
  test_permission();  // opens the device
  for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); ++i) {
    int wanted = count == 1;
    for (int j = 1; j < count; ++j) wanted |= !strcmp(names[j], all[i].name);
    if (wanted) all[i].run();
  }
  if (count == 2 && !strcmp(names[1], "kept")) test_kept();
  if (count == 2 && !strcmp(names[1], "call")) measure_call();
  close(device);
  printf("%d checks, %d failed\n", checks, failures);
  return failures != 0;
}
