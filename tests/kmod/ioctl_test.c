// SPDX-License-Identifier: GPL-2.0-or-later
//
// All checks of the interface of /dev/splice, in turn; or those that are named:
//
//     ioctl_test [CHECK...]        ioctl_test hammer traffic
//     ioctl_test fuzz --minutes 10 --seed 7
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
    CHECK(values),    CHECK(redirect),       CHECK(fuzz),
    CHECK(fail_nth),  CHECK(await),
};

// Takes --minutes and --seed away; what remains is names of checks.
static int take_options(int count, char** words) {
  int left = 0;
  for (int i = 0; i < count; ++i) {
    if (i + 1 < count && !strcmp(words[i], "--minutes"))
      fuzz_minutes = (unsigned)strtoul(words[++i], NULL, 10);
    else if (i + 1 < count && !strcmp(words[i], "--seed"))
      fuzz_seed = strtoul(words[++i], NULL, 10);
    else
      words[left++] = words[i];
  }
  return left;
}

int main(int count, char** names) {
  count = take_options(count, names);
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
