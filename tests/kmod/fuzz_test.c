// SPDX-License-Identifier: GPL-2.0-or-later
//
// Hostile callers: requests that are random, and valid ones that are spoilt in places (fuzz.h).
//
// In each round a child process has four threads that send requests for a while, one that changes and
// takes away the memory which the core module reads from them, and one that reads all of
// /sys/kernel/splice and calls the functions of the target. In some rounds the threads share a
// descriptor, in some each opens the device itself, time after time, and in some the process is
// killed in the middle of what it does. Afterwards the parent undoes, the last one first, whatever is
// applied, and asks:
//  - could all be undone, is nothing left in /sys/kernel/splice, and nobody at a function by ftrace?
//  - is every byte of text of the modules, and of the kernel around what was replaced, as before?
//  - do the functions, the table and the setting answer as before?
//  - are all modules let go of?
// What a call is answered is looked at too, where it cannot depend on other threads.
//
// With one seed the threads make the same requests; what the kernel makes of them depends on how the
// threads take turns.
#include "fuzz.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

enum {
  kThreads = 4,
  kArena = 1 << 16,
  kShortRounds = 6,
  kFewRequests = 150,
  kRoundMs = 1200,
  kErrnos = 134
};

unsigned fuzz_minutes;
unsigned long fuzz_seed = 1;

static const char* const names[] = {"splice_target", "splice_update_a", "splice_update_b",
                                    "splice_update_hooks", "splice_update_values"};

// What the child has found out; shared with it.
static struct findings {
  atomic_uint requests, applied, undone, wrong;
  atomic_uint answers[kErrnos];
} * found;

#define MUST(condition, ...)                                       \
  do {                                                             \
    if (!(condition) && atomic_fetch_add(&found->wrong, 1) < 20) { \
      printf("FAILED fuzz, seed %lu: ", fuzz_seed);                \
      printf(__VA_ARGS__);                                         \
      printf("\n");                                                \
      fflush(stdout);                                              \
    }                                                              \
  } while (0)

static uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// ---- memory that goes away while it is read ----

enum vandalism { NOTHING, UNMAPPED, FORBIDDEN, READ_ONLY, CHANGED };

struct worker {
  struct random random;
  struct request* arena;
  bool own_descriptor;
  _Atomic enum vandalism order;  // for the vandal, who sets it back
  uint8_t* victim;
};

static struct worker workers[kThreads];
static atomic_bool round_ends;

static void vandalise(struct worker* worker, struct random* random) {
  for (unsigned wait = below(random, 2000); wait-- > 0;) atomic_signal_fence(memory_order_seq_cst);
  void* page = (void*)((uintptr_t)worker->victim & ~4095UL);
  switch (worker->order) {
    case UNMAPPED:
      munmap(page, 4096);
      break;
    case FORBIDDEN:
      mprotect(page, 4096, PROT_NONE);
      break;
    case READ_ONLY:
      mprotect(page, 4096, PROT_READ);
      break;
    case CHANGED:
      for (unsigned i = 0; i < 64; ++i) *(volatile uint8_t*)worker->victim ^= 1 << below(random, 8);
      break;
    case NOTHING:
      return;
  }
  worker->order = NOTHING;
}

static void* run_vandal(void* data) {
  struct random random = {(uintptr_t)data};
  while (!round_ends) {
    for (unsigned i = 0; i < kThreads; ++i) vandalise(&workers[i], &random);
    usleep(20);
  }
  for (unsigned i = 0; i < kThreads; ++i) vandalise(&workers[i], &random);
  return NULL;
}

static void order_vandal(struct worker* worker) {
  enum vandalism kind = UNMAPPED + below(&worker->random, 4);
  worker->victim = kind == CHANGED
                       ? may_change(&worker->random, worker->arena)
                       : (uint8_t*)worker->arena + below(&worker->random, sizeof(*worker->arena));
  worker->order = kind;
}

// Waits for the vandal, and makes the memory whole.
static void mend(struct worker* worker) {
  while (worker->order != NOTHING && !round_ends) sched_yield();
  if (round_ends) return;
  if (mmap(worker->arena, kArena, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
           -1, 0) == MAP_FAILED) {
    stop("mmap");
  }
}

// ---- threads that ask ----

static int ask(int file, unsigned long command, void* argument) {
  int error = ioctl(file, command, argument) ? errno : 0;
  atomic_fetch_add(&found->requests, 1);
  atomic_fetch_add(&found->answers[error < kErrnos ? error : 0], 1);
  return error;
}

static void ask_for_anything(struct worker* worker, int file) {
  static const unsigned long known[] = {SPLICE_IOC_INFO, SPLICE_IOC_PIN, SPLICE_IOC_APPLY,
                                        SPLICE_IOC_UNDO};
  struct random* random = &worker->random;
  unsigned long command = known[below(random, COUNT(known))];
  void* argument = (void*)fuzz_address(random, (uintptr_t)worker->arena);
  if (one_in(random, 2)) {
    command ^= 1UL << below(random, 32);
    MUST(ask(file, command, argument) == ENOTTY, "the unknown call %lx was answered", command);
    return;
  }
  // What an APPLY reads there says nothing of use: the arena is empty, other memory is not mapped.
  memset(worker->arena, (int)draw(random), sizeof(worker->arena->apply));
  int error = ask(file, command, argument);
  MUST(error || command == SPLICE_IOC_INFO, "call %lx of nonsense was obeyed", command);
}

static void ask_to_apply(struct worker* worker, int file) {
  struct request* request = worker->arena;
  bool spoilt = one_in(&worker->random, 3);
  fuzz_apply(&worker->random, request);
  struct splice_apply asked = request->apply;
  if (spoilt) order_vandal(worker);
  int error = ask(file, SPLICE_IOC_APPLY, &request->apply);
  if (spoilt) {
    mend(worker);
  } else {
    const struct splice_apply* got = &request->apply;
    MUST(asked.abi_version == SPLICE_ABI_VERSION || error == EPROTO, "another ABI: %d", error);
    MUST(!(asked.flags & ~SPLICE_APPLY_KEEPS) || error, "an unknown flag");
    MUST(error != EINVAL || got->reason[0], "EINVAL without a reason");
    MUST(strnlen(got->reason, sizeof(got->reason)) < sizeof(got->reason), "a reason has no end");
    MUST(got->nr_busy <= asked.max_busy && got->nr_busy <= SPLICE_MAX_BUSY, "%u busy",
         got->nr_busy);
    MUST(error != EFAULT || !got->nr_busy, "EFAULT, and busy");
    MUST(asked.nr_functions <= SPLICE_MAX_FUNCTIONS || error, "%u functions", asked.nr_functions);
  }
  if (!error) atomic_fetch_add(&found->applied, 1);
}

static void ask_to_undo(struct worker* worker, int file) {
  struct splice_undo undo;
  fuzz_undo(&worker->random, worker->arena, &undo);
  if (!ask(file, SPLICE_IOC_UNDO, &undo)) atomic_fetch_add(&found->undone, 1);
}

static void ask_once(struct worker* worker, int file) {
  struct splice_info info;
  struct splice_pin pin;
  switch (below(&worker->random, 16)) {
    case 0:
      ask_for_anything(worker, file);
      break;
    case 1:
      MUST(!ask(file, SPLICE_IOC_INFO, &info) && info.abi_version == SPLICE_ABI_VERSION &&
               info.updates <= FUZZ_IDS,
           "INFO: %u updates", info.updates);
      break;
    case 2:
      fuzz_pin(&worker->random, &pin);
      ask(file, SPLICE_IOC_PIN, &pin);
      break;
    case 3:
    case 4:
    case 5:
      ask_to_undo(worker, file);
      break;
    default:
      ask_to_apply(worker, file);
  }
}

static void* run_worker(void* data) {
  struct worker* worker = data;
  while (!round_ends) {
    int file = device;
    if (worker->own_descriptor) {
      file = open(SPLICE_DEVICE, O_RDWR | O_CLOEXEC);
      MUST(file >= 0 || errno == EBUSY, "open: %s", strerror(errno));
      if (file < 0) continue;
    } else {
      int second = one_in(&worker->random, 8) ? open(SPLICE_DEVICE, O_RDWR) : -1;
      MUST(second < 0, "the device was opened twice");
    }
    for (unsigned n = 1 + below(&worker->random, 8); n-- > 0 && !round_ends;)
      ask_once(worker, file);
    if (worker->own_descriptor) close(file);
  }
  return NULL;
}

// ---- who looks on ----

static ssize_t read_small(const char* path, char* text, size_t room) {
  int file = open(path, O_RDONLY);
  ssize_t size = file < 0 ? -1 : read(file, text, room - 1);
  if (file >= 0) close(file);
  text[size < 0 ? 0 : size] = 0;
  return size;
}

static void look_at_updates(void) {
  static const char* const files[] = {"state",   "pause_ns",  "applied_at", "sequence",
                                      "modules", "functions", "values"};
  char path[320], text[8192];
  DIR* folder = opendir("/sys/kernel/splice");
  for (struct dirent* entry; folder && (entry = readdir(folder));) {
    if (entry->d_name[0] == '.') continue;
    for (unsigned i = 0; i < COUNT(files); ++i) {
      snprintf(path, sizeof(path), "/sys/kernel/splice/%s/%s", entry->d_name, files[i]);
      ssize_t size = read_small(path, text, sizeof(text));
      MUST(size < 0 || memchr(text, 0, sizeof(text)) == text + size, "%s holds a NUL", path);
    }
  }
  if (folder) closedir(folder);
}

static void* run_reader(void* data) {
  static const char* const functions[] = {"value",     "plain", "short", "nopped",
                                          "many_nops", "gated", "nap",   "table"};
  (void)data;
  char path[128], text[64];
  while (!round_ends) {
    usleep(2000);
    look_at_updates();
    for (unsigned i = 0; i < COUNT(functions); ++i) {
      snprintf(path, sizeof(path), TARGET "%s", functions[i]);
      ssize_t size = read_small(path, text, sizeof(text));
      long value = atol(text);
      bool table = !strcmp(functions[i], "table");
      MUST(size > 0 && value >= 1 && value <= (table ? 9 : 4), "%s answers %s", functions[i], text);
    }
  }
  return NULL;
}

// ---- a round ----

static void run_child(unsigned long seed, bool own_descriptors) {
  pthread_t threads[kThreads + 2];
  for (unsigned i = 0; i < kThreads; ++i) {
    workers[i].random.state = seed * 1000003 + i;
    workers[i].own_descriptor = own_descriptors;
    // Far from all else, and from each other: a spoilt pointer, into which the core module writes, must not
    // lead to what is somebody else's.
    workers[i].arena = mmap((void*)(1UL << (36 + i)), kArena, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (workers[i].arena == MAP_FAILED) stop("mmap");
  }
  int error = pthread_create(&threads[kThreads], NULL, run_vandal, (void*)(uintptr_t)seed) |
              pthread_create(&threads[kThreads + 1], NULL, run_reader, NULL);
  for (unsigned i = 0; i < kThreads; ++i)
    error |= pthread_create(&threads[i], NULL, run_worker, &workers[i]);
  if (error) stop("threads");
  usleep(kRoundMs * 1000);
  round_ends = true;
  for (unsigned i = 0; i < COUNT(threads); ++i) pthread_join(threads[i], NULL);
}

static void open_patiently(void) {
  for (unsigned i = 0; i < 3000; ++i) {
    device = open(SPLICE_DEVICE, O_RDWR | O_CLOEXEC);
    if (device >= 0) return;
    usleep(10000);
  }
  stop(SPLICE_DEVICE);
}

static void run_round(struct random* random, unsigned number) {
  static const char* const refusals[] = {"", "pre_apply_1", "check_apply_2", "pre_undo_2",
                                         "check_undo_1"};
  unsigned long seed = draw(random);
  must_write(HOOKS "refuse", refusals[one_in(random, 2) ? 0 : below(random, COUNT(refusals))]);
  must_write(HOOKS "record", "\n");
  bool own_descriptors = number % 3 == 1, killed = number % 3 == 2;
  if (!own_descriptors) open_patiently();
  fflush(stdout);
  pid_t child = fork();
  if (!child) {
    run_child(seed, own_descriptors);
    _exit(0);
  }
  if (!own_descriptors) close(device);
  if (killed) {
    usleep(kRoundMs * 500 + below(random, kRoundMs * 500));
    kill(child, SIGKILL);
  }
  int status;
  if (waitpid(child, &status, 0) != child) stop("waitpid");
  MUST(killed || !status, "the child ended with status %x", status);
}

// ---- is all as before? ----

struct stretch {
  uint64_t start;
  size_t size;
  uint8_t* bytes;
};
static struct stretch stretches[COUNT(names) + 1];
static int references_before[COUNT(names)];
static char* enabled_before;

static void remember(void) {
  for (unsigned i = 0; i < COUNT(stretches); ++i) {
    struct text_bounds bounds;
    if (i < COUNT(names)) {
      bounds = text_of(names[i]);
      references_before[i] = references(names[i]);
    } else {
      bounds.start = find_symbol("cmdline_proc_show").address & ~4095UL;
      bounds.end = bounds.start + 8192;
    }
    stretches[i].start = bounds.start;
    stretches[i].size = bounds.end - bounds.start;
    stretches[i].bytes = malloc(stretches[i].size);
    read_text(bounds.start, stretches[i].bytes, stretches[i].size);
  }
  const char* enabled = read_file(TRACING "enabled_functions");
  enabled_before = strdup(enabled ? enabled : "");
}

// The update of the highest sequence, or false if there is none.
static bool last_update(char* id, char* state) {
  char path[320], text[64];
  long last = -1;
  DIR* folder = opendir("/sys/kernel/splice");
  for (struct dirent* entry; folder && (entry = readdir(folder));) {
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof(path), "/sys/kernel/splice/%s/sequence", entry->d_name);
    if (read_small(path, text, sizeof(text)) <= 0 || atol(text) <= last) continue;
    last = atol(text);
    snprintf(id, SPLICE_ID_LEN, "%.31s", entry->d_name);
    snprintf(path, sizeof(path), "/sys/kernel/splice/%s/state", entry->d_name);
    read_small(path, state, 32);
  }
  if (folder) closedir(folder);
  return last >= 0;
}

static void undo_all(void) {
  char id[SPLICE_ID_LEN], state[32] = "";
  must_write(HOOKS "refuse", "none");
  for (unsigned tries = 0; last_update(id, state); ++tries) {
    int error = strcmp(state, "applied\n") ? EBUSY : undo(id);
    MUST(!error || error == EBUSY, "undo of %s (%s): %s", id, state, strerror(error));
    MUST(strcmp(state, "kept\n"), "%s keeps its memory", id);
    if (tries == 300) {
      MUST(false, "%s is %s, and does not go", id, state);
      return;
    }
    if (error) usleep(100000);
  }
}

static void compare_all(void) {
  static const struct {
    const char* name;
    long value;
  } answers[] = {{"value", 1}, {"plain", 1}, {"short", 1}, {"nopped", 1},    {"many_nops", 1},
                 {"gated", 1}, {"nap", 1},   {"table", 1}, {"setting", 1000}};
  for (unsigned i = 0; i < COUNT(answers); ++i)
    MUST(value_of(answers[i].name) == answers[i].value, "%s is %ld", answers[i].name,
         value_of(answers[i].name));
  MUST(strcmp(read_file("/proc/cmdline"), "spliced\n"), "/proc/cmdline is spliced");
  for (unsigned i = 0; i < COUNT(stretches); ++i) {
    uint8_t* bytes = malloc(stretches[i].size);
    read_text(stretches[i].start, bytes, stretches[i].size);
    for (size_t at = 0; at < stretches[i].size; ++at) {
      if (bytes[at] == stretches[i].bytes[at]) continue;
      MUST(false, "text differs at %lx: %02x is %02x", stretches[i].start + at,
           stretches[i].bytes[at], bytes[at]);
      break;
    }
    free(bytes);
  }
  const char* enabled = read_file(TRACING "enabled_functions");
  MUST(!enabled || !strcmp(enabled, enabled_before), "ftrace has: %s", enabled);
}

// What the calls were answered, in all: without these answers the rounds have shown nothing.
static void check_answers(unsigned rounds) {
  static const int wanted[] = {0, EINVAL, EFAULT, ESTALE};
  printf("       answers:");
  for (unsigned i = 0; i < kErrnos; ++i)
    if (found->answers[i]) printf(" %s %u", i ? strerrorname_np((int)i) : "0", found->answers[i]);
  printf("\n");
  for (unsigned i = 0; i < COUNT(wanted); ++i)
    MUST(found->answers[wanted[i]], "no call was answered %s", strerrorname_np(wanted[i]));
  report(!found->wrong, "fuzz: %u rounds, %u requests, %u applied, %u undone, seed %lu, wrong: %u",
         rounds, found->requests, found->applied, found->undone, fuzz_seed, found->wrong);
}

void test_fuzz(void) {
  struct random random = {fuzz_seed};
  unsigned rounds = 0;
  found = mmap(NULL, sizeof(*found), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (found == MAP_FAILED) stop("mmap");
  printf("       seed %lu\n", fuzz_seed);
  close(device);
  fuzz_prepare(&random);
  remember();
  uint64_t end = now_ms() + fuzz_minutes * 60000ULL;
  while (
      !found->wrong &&
      (fuzz_minutes ? now_ms() < end : rounds < kShortRounds || found->requests < kFewRequests)) {
    run_round(&random, rounds++);
    open_patiently();
    undo_all();
    compare_all();
    struct splice_info info = {.updates = ~0U};
    MUST(!ioctl(device, SPLICE_IOC_INFO, &info) && !info.updates, "%u are applied", info.updates);
    close(device);
    for (unsigned i = 0; i < COUNT(names); ++i)
      MUST(references(names[i]) == references_before[i], "%s has %d references", names[i],
           references(names[i]));
  }
  check_answers(rounds);
  open_device();
}
