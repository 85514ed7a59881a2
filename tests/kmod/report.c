// SPDX-License-Identifier: GPL-2.0-or-later
//
// A line a check, and the files that checks look at.
#include <stdarg.h>

#include "ioctl_test.h"

int failures, checks;

void report(bool passed, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  printf("%s ", passed ? "ok    " : "FAILED");
  vprintf(format, arguments);
  printf("\n");
  fflush(stdout);
  va_end(arguments);
  ++checks;
  failures += !passed;
}

void stop(const char* what) {
  printf("FAILED %s: %s\n", what, strerror(errno));
  exit(1);
}

static const char* error_name(int error) { return error ? strerrorname_np(error) : "0"; }

void expect(const char* what, int got, int wanted) {
  if (got == wanted)
    report(true, "%s: %s", what, error_name(got));
  else
    report(false, "%s: %s, expected %s", what, error_name(got), error_name(wanted));
}

void expect_number(const char* what, long got, long wanted) {
  if (got == wanted)
    report(true, "%s: %ld", what, got);
  else
    report(false, "%s: %ld, expected %ld", what, got, wanted);
}

char* read_file(const char* path) {
  static char buffer[1 << 16];
  int file = open(path, O_RDONLY);
  if (file < 0) return NULL;
  size_t size = 0;
  ssize_t got;
  while (size < sizeof(buffer) - 1 &&
         (got = read(file, buffer + size, sizeof(buffer) - 1 - size)) > 0) {
    size += (size_t)got;
  }
  close(file);
  buffer[size] = 0;
  return buffer;
}

int write_file(const char* path, const char* text) {
  int file = open(path, O_WRONLY | O_TRUNC);
  if (file < 0) return errno;
  int error = write(file, text, strlen(text)) < 0 ? errno : 0;
  close(file);
  return error;
}

void must_write(const char* path, const char* text) {
  errno = write_file(path, text);
  if (errno) stop(path);
}

long value_of(const char* name) {
  char path[256];
  snprintf(path, sizeof(path), TARGET "%s", name);
  char* text = read_file(path);
  return text ? atol(text) : -1;
}
