// SPDX-License-Identifier: GPL-2.0-or-later
//
//     pause_test [THREADS]
//
// Puts 1,000 threads to sleep, or as many as the argument says, each in one of four system calls,
// and prints how long the machine is stopped for each kind of stop: see pause_module/pause.c.
// Splice's own is what APPLY reports.
//
// Each kind is measured five times and the median printed, as a timer's interrupt may fall into a
// stop. With 1,000 threads or more, fails if Splice's pause is more than a fifth of a scan of every
// stack; with fewer, what each stop costs in any case decides.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../kmod/splice_abi.h"

#define THREADS 1000
#define FUNCTIONS 10
#define ROUNDS 5
#define FOLDER "/sys/kernel/debug/splice_pause/"

// As in pause_functions.h.
struct pause_record {
  uint64_t old_entry;
  uint64_t new_code;
  uint32_t old_size;
  uint32_t new_size;
  uint8_t code[256];
};

static int pipe_ends[2];

static void die(const char* what) {
  fprintf(stderr, "error: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void* sleep_somewhere(void* argument) {
  struct pollfd wanted = {.fd = pipe_ends[0], .events = POLLIN};
  struct epoll_event event;
  char byte;
  switch ((intptr_t)argument % 4) {
    case 0:
      pause();
      break;
    case 1:
      poll(&wanted, 1, -1);
      break;
    case 2:
      epoll_wait(epoll_create1(0), &event, 1, -1);
      break;
    default:
      (void)!read(pipe_ends[0], &byte, 1);
  }
  return NULL;
}

static void start_threads(int threads) {
  pthread_attr_t attributes;
  pthread_t thread;
  if (pipe(pipe_ends)) die("pipe");
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 << 10);
  for (intptr_t i = 0; i < threads; ++i) {
    errno = pthread_create(&thread, &attributes, sleep_somewhere, (void*)i);
    if (errno) die("pthread_create");
  }
  sleep(1);
}

static uint64_t read_pause(const char* name) {
  char path[128], text[32] = "";
  snprintf(path, sizeof(path), FOLDER "%s", name);
  int file = open(path, O_RDONLY);
  if (file < 0 || read(file, text, sizeof(text) - 1) <= 0) die(path);
  close(file);
  return strtoull(text, NULL, 10);
}

static uint64_t splice_pause(const char* unused) {
  static struct pause_record records[FUNCTIONS];
  struct splice_function functions[FUNCTIONS];
  char modules[1][SPLICE_NAME_LEN] = {"splice_pause_new"};
  struct splice_apply apply = {.abi_version = SPLICE_ABI_VERSION,
                               .nr_functions = FUNCTIONS,
                               .functions = (uintptr_t)functions,
                               .modules = (uintptr_t)modules,
                               .nr_modules = 1,
                               .id = "0123456789abcdef"};
  struct splice_undo undo = {.abi_version = SPLICE_ABI_VERSION, .id = "0123456789abcdef"};
  (void)unused;
  int file = open(FOLDER "functions", O_RDONLY);
  if (file < 0 || read(file, records, sizeof(records)) != sizeof(records)) die(FOLDER "functions");
  close(file);
  memset(functions, 0, sizeof(functions));
  for (int i = 0; i < FUNCTIONS; ++i) {
    functions[i].old_entry = functions[i].old_code = records[i].old_entry;
    functions[i].new_code = records[i].new_code;
    functions[i].old_size = records[i].old_size;
    functions[i].new_size = records[i].new_size;
    functions[i].site = records[i].old_entry + 5;
    functions[i].expected = (uintptr_t)records[i].code;
    snprintf(functions[i].name, sizeof(functions[i].name), "pause_old_%d", i);
  }
  file = open(SPLICE_DEVICE, O_RDWR);
  if (file < 0) die(SPLICE_DEVICE);
  if (ioctl(file, SPLICE_IOC_APPLY, &apply)) die("apply");
  if (ioctl(file, SPLICE_IOC_UNDO, &undo)) die("undo");
  close(file);
  return apply.pause_ns;
}

static int compare(const void* left, const void* right) {
  const uint64_t a = *(const uint64_t*)left, b = *(const uint64_t*)right;
  return a < b ? -1 : a > b;
}

static uint64_t median(const char* title, const char* name, uint64_t (*measure)(const char*)) {
  uint64_t values[ROUNDS];
  for (int i = 0; i < ROUNDS; ++i) values[i] = measure(name);
  qsort(values, ROUNDS, sizeof(values[0]), compare);
  printf("%-58s %10llu  (%llu .. %llu)\n", title, (unsigned long long)values[ROUNDS / 2],
         (unsigned long long)values[0], (unsigned long long)values[ROUNDS - 1]);
  fflush(stdout);
  return values[ROUNDS / 2];
}

int main(int count, char** arguments) {
  const int threads = count > 1 ? atoi(arguments[1]) : THREADS;
  start_threads(threads);
  printf("guest instructions, %d functions, %d sleeping threads: median of %d\n", FUNCTIONS,
         threads, ROUNDS);
  median("empty stop_machine", "empty", read_pause);
  median("writes the jumps", "write", read_pause);
  uint64_t words = median("reads every stack by words (as Ksplice), writes", "words", read_pause);
  uint64_t unwound = median("unwinds every stack, writes", "unwind", read_pause);
  uint64_t ours = median("Splice: compares, checks what ran, writes", NULL, splice_pause);
  double ratio = (double)ours / (double)(words < unwound ? words : unwound);
  printf("Splice / the cheaper full scan: %.3f (at most 0.200 with %d threads)\n", ratio, THREADS);
  return threads >= THREADS && ratio > 0.2;
}
