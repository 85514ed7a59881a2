// SPDX-License-Identifier: GPL-2.0-or-later
//
// Threads that are in the way.
#include "ioctl_test.h"

// Reads a file of the target's, which blocks; comes back when the child is inside `function`.
pid_t enter(const char* name, const char* function) {
  must_write(TARGET "release", "0");
  pid_t child = fork();
  if (!child) {
    value_of(name);
    _exit(0);
  }
  char stack_path[64], state_path[64];
  snprintf(stack_path, sizeof(stack_path), "/proc/%d/stack", child);
  snprintf(state_path, sizeof(state_path), "/proc/%d/stat", child);
  // A thread that runs is not asked for its stack: the kernel warns if a return probe is on it. For
  // such a thread, some time has to do.
  for (int i = 0; i < 500; ++i) {
    usleep(10000);
    if (!function && i > 20) return child;
    if (function && strstr(read_file(state_path), ") S ") &&
        strstr(read_file(stack_path), function)) {
      return child;
    }
  }
  printf("FAILED no thread in %s\n", function ? function : name);
  exit(1);
}

void leave(pid_t child) {
  int status;
  must_write(TARGET "release", "1");
  if (waitpid(child, &status, 0) != child) stop("waitpid");
}

void expect_busy_in(unsigned index, const char* what, struct request* request, pid_t child,
                    int conservative) {
  expect(what, apply(request), EBUSY);
  const struct splice_function* function = &request->functions[index];
  const struct splice_busy* busy = request->busy;
  bool right = request->apply.nr_busy == 1 && busy->pid == child && busy->function == index &&
               busy->depth > 0 && !strcmp(busy->comm, "ioctl_test") &&
               (conservative < 0 || busy->conservative == (unsigned)conservative);
  bool inside = false;
  for (unsigned i = 0; i < busy->depth; ++i) {
    inside |= busy->stack[i] > function->old_code &&
              busy->stack[i] <= function->old_code + function->old_size;
  }
  report(right && inside, "%s: %u threads, pid %d (%d), comm %s, function %u, depth %u%s", what,
         request->apply.nr_busy, busy->pid, child, busy->comm, busy->function, busy->depth,
         busy->conservative ? ", conservative" : "");
}

void expect_busy(const char* what, struct request* request, pid_t child, int conservative) {
  expect_busy_in(0, what, request, child, conservative);
}
