// SPDX-License-Identifier: GPL-2.0-or-later
//
// A machine that is busy with what updates of the kernel's hot functions are in the way of: children
// that come and go, programs that begin, threads, pages that are touched for the first time and written
// to after a fork, files, signals, and bytes that go round by TCP. Each kind is a process of its own,
// which rests six times as long as its turn took: an emulated machine may have a tenth of a processor, and
// whoever else is on it must get on.
//
//     load SECONDS        until then, or until it is killed: it leaves nothing behind
//
// Ends with status 1 if one of them was told something wrong by the kernel.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void must(bool condition, const char* what) {
  if (condition) return;
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  _exit(1);
}

static void wait_for(pid_t child, int expected) {
  int status;
  must(child > 0, "fork");
  must(waitpid(child, &status, 0) == child, "waitpid");
  must(status == expected, "a child's status");
}

static void forks(void) {
  pid_t children[4];
  for (int i = 0; i < 4; ++i) {
    children[i] = fork();
    if (!children[i]) _exit(i);
  }
  for (int i = 0; i < 4; ++i) wait_for(children[i], i << 8);
}

static void programs(void) {
  pid_t child = fork();
  if (!child) {
    execl("/proc/self/exe", "load", (char*)NULL);
    _exit(127);
  }
  wait_for(child, 2 << 8);
}

static void* nothing(void* value) { return value; }

static void threads(void) {
  static int values[4];
  pthread_t some[4];
  void* result;
  for (int i = 0; i < 4; ++i)
    must(!pthread_create(&some[i], NULL, nothing, &values[i]), "a thread");
  for (int i = 0; i < 4; ++i)
    must(!pthread_join(some[i], &result) && result == &values[i], "a thread's result");
}

static void pages(void) {
  enum { kSize = 1 << 20 };
  char* memory = mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  must(memory != MAP_FAILED, "mmap");
  for (int i = 0; i < kSize; i += 4096) memory[i] = (char)(i >> 12);
  pid_t child = fork();
  if (!child) {
    for (int i = 0; i < kSize; i += 8192) memory[i] = 0;
    _exit(0);
  }
  wait_for(child, 0);
  for (int i = 0; i < kSize; i += 4096) must(memory[i] == (char)(i >> 12), "a page after a fork");
  must(!mprotect(memory, kSize / 2, PROT_READ) && !munmap(memory, kSize), "munmap");
}

static void files(void) {
  char text[4096], name[64];
  struct stat status;
  snprintf(name, sizeof(name), "/tmp/load.%d", getpid());
  int file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
  memset(text, 'x', sizeof(text));
  for (int i = 0; i < 8; ++i) must(write(file, text, sizeof(text)) == sizeof(text), "write");
  must(!fstat(file, &status) && status.st_size == 8 * sizeof(text), "a file's size");
  must(pread(file, text, sizeof(text), 4096) == sizeof(text) && text[9] == 'x', "what was read");
  must(!close(file) && !unlink(name) && stat(name, &status), "unlink");
}

static volatile sig_atomic_t caught;
static void catch (int number) { caught += number == SIGUSR1; }

static void signals(void) {
  int before = caught;
  signal(SIGUSR1, catch);
  for (int i = 0; i < 8; ++i) must(!kill(getpid(), SIGUSR1), "kill");
  must(caught == before + 8, "signals");
}

static void sockets(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof(address);
  char text[8192], back[8192];
  int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
  must(!bind(listener, (struct sockaddr*)&address, size) && !listen(listener, 4) &&
           !getsockname(listener, (struct sockaddr*)&address, &size) &&
           !connect(client, (struct sockaddr*)&address, size),
       "connect");
  int server = accept(listener, NULL, NULL);
  for (int i = 0; i < 4; ++i) {
    memset(text, 'a' + i, sizeof(text));
    must(send(client, text, sizeof(text), 0) == sizeof(text), "send");
    struct pollfd ready = {.fd = server, .events = POLLIN};
    must(poll(&ready, 1, 60000) == 1, "poll");
    must(recv(server, back, sizeof(back), MSG_WAITALL) == sizeof(back) &&
             !memcmp(text, back, sizeof(back)),
         "what came by TCP");
  }
  close(client);
  close(server);
  close(listener);
}

static int64_t now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

int main(int count, char** words) {
  static void (*const kinds[])(void) = {forks, programs, threads, pages, files, signals, sockets};
  enum { kKinds = sizeof(kinds) / sizeof(kinds[0]) };
  if (count < 2) return 2;  // what programs() expects
  time_t end = time(NULL) + atol(words[1]);
  int failed = 0, status;
  for (int i = 0; i < kKinds; ++i) {
    if (fork()) continue;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (time(NULL) < end) {
      int64_t began = now_us();
      kinds[i]();
      usleep((useconds_t)(6 * (now_us() - began) + 5000));
    }
    _exit(0);
  }
  while (wait(&status) > 0) failed |= status;
  return failed != 0;
}
