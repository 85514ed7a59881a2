// SPDX-License-Identifier: GPL-2.0-or-later
//
// Switches the functions of mix/ to and fro, by /dev/splice itself. Reads a number a line: that many
// rounds of applying the first update, the second upon it, and undoing both; then answers with a line
//
//     switched S busy B wrong W
//
// 0 is another question: one of the functions is replaced alone, which makes a mix of every call. If the
// target sees none then, it sees none ever.
//
// A process that stays, as it takes seconds to read the symbols. The device is open only between a
// line and its answer.
#include "../../kmod/ioctl_test.h"

static struct request request;
static unsigned switched, busy, wrong;

static void add_again(const char* old_name, const char* before, const char* now,
                      struct splice_function* (*how)(const char* old_name, const char* now)) {
  struct splice_function* function = how(old_name, now);
  if (!before) return;
  struct symbol symbol = find_symbol(before);
  function->old_code = symbol.address;
  function->old_size = symbol.size;
  read_expected(&request, request.apply.nr_functions - 1);
}

static struct splice_function* by_jump(const char* old_name, const char* now) {
  return add(&request, old_name, now, 5);
}
static struct splice_function* by_hop(const char* old_name, const char* now) {
  return add_short(&request, old_name, 4, now);
}
static struct splice_function* by_ftrace(const char* old_name, const char* now) {
  return add_at_ftrace(&request, old_name, now);
}

static void make_first(void) {
  begin(&request, FIRST, "mix_update");
  add_again("mix_caller", NULL, "update_caller", by_jump);
  add_again("mix_callee", NULL, "update_callee", by_jump);
  add_again("mix_short", NULL, "update_short", by_hop);
  add_again("mix_gated", NULL, "update_gated", by_ftrace);
}

static void make_second(void) {
  begin(&request, SECOND, "mix_again");
  add_again("mix_caller", "update_caller", "again_caller", by_jump);
  add_again("mix_callee", "update_callee", "again_callee", by_jump);
  add_again("mix_short", "update_short", "again_short", by_hop);
  add_again("mix_gated", "update_gated", "again_gated", by_ftrace);
}

static void make_alone(void) {
  begin(&request, FIRST, "mix_update");
  add_again("mix_callee", NULL, "update_callee", by_jump);
}

// Until nobody is in the way. What a tracer does to the bytes meanwhile is read anew: ESTALE.
static bool apply_patiently(void (*make)(void)) {
  for (unsigned tries = 0; tries < 300; ++tries) {
    make();
    int error = apply(&request);
    switched += !error;
    if (!error) return true;
    busy += error == EBUSY;
    if (error != EBUSY && error != ESTALE) {
      printf("apply: %s, %s\n", strerrorname_np(error), request.apply.reason);
      break;
    }
    usleep(2000);
  }
  ++wrong;
  return false;
}

static void undo_patiently(const char* id) {
  for (unsigned tries = 0; tries < 300; ++tries) {
    int error = undo(id);
    switched += !error;
    if (!error) return;
    busy += error == EBUSY;
    if (error != EBUSY) {
      printf("undo: %s, %s\n", strerrorname_np(error), last_undo.reason);
      break;
    }
    usleep(2000);
  }
  ++wrong;
}

int main(void) {
  char line[32];
  read_symbols();
  while (fgets(line, sizeof(line), stdin)) {
    switched = busy = wrong = 0;
    device = open(SPLICE_DEVICE, O_RDWR | O_CLOEXEC);
    wrong += device < 0;
    int rounds = atoi(line);
    if (device >= 0 && !rounds && apply_patiently(make_alone)) {
      usleep(200000);
      undo_patiently(FIRST);
    }
    for (; device >= 0 && rounds-- > 0;) {
      if (!apply_patiently(make_first)) continue;
      if (apply_patiently(make_second)) undo_patiently(SECOND);
      undo_patiently(FIRST);
    }
    if (device >= 0) close(device);
    printf("switched %u busy %u wrong %u\n", switched, busy, wrong);
    fflush(stdout);
  }
  return 0;
}
