// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the files of ioctl_test share: it talks to /dev/splice as splice-apply does, and as nobody
// should. Runs in the virtual machine, after `run` has loaded splice.ko and the modules of target/,
// and prints a line a check.
//
//     struct request request;
//     one(&request, "target_value", "a_value", 5);     // a whole APPLY; spoil it at will
//     expect("apply", apply(&request), 0);
//
// Addresses come from /proc/kallsyms, code from /proc/kcore, both read anew for every call. What
// the patched functions do is seen through the files of /sys/kernel/debug/splice_target.
//
// Invariant: the exit status is 0 only if every check held.
#pragma once

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../kmod/splice_abi.h"

#define TARGET "/sys/kernel/debug/splice_target/"
#define TRACING "/sys/kernel/tracing/"
#define HOOKS "/sys/module/splice_update_hooks/parameters/"
#define FIRST "aaaaaaaaaaaaaaaa"
#define SECOND "bbbbbbbbbbbbbbbb"

// ---- report.c ----

extern int failures, checks;
void report(bool passed, const char* format, ...);
void stop(const char* what);
void expect(const char* what, int got, int wanted);  // errnos
void expect_number(const char* what, long got, long wanted);

char* read_file(const char* path);  // in one buffer; NULL if it cannot be opened
int write_file(const char* path, const char* text);
void must_write(const char* path, const char* text);
long value_of(const char* name);  // what a file of the target's says

// ---- running_kernel.c ----

struct symbol {
  uint64_t address;
  uint32_t size;  // up to the next symbol
};

struct text_bounds {
  uint64_t start, end;
};

void read_symbols(void);
bool is_symbol(uint64_t address);
const char* any_function(uint64_t n, struct symbol* symbol);
struct text_bounds text_of(const char* module);
struct text_bounds all_of(const char* module);
struct symbol find_symbol(const char* name);  // a function
struct symbol find_variable(const char* name);
void read_text(uint64_t address, void* buffer, size_t size);

// ---- request.c ----

struct request {
  struct splice_apply apply;
  struct splice_function functions[16];
  char modules[4][SPLICE_NAME_LEN];
  uint8_t expected[16][1024];
  uint8_t expected_hop[16][5];
  struct splice_busy busy[16];
  struct splice_hook hooks[32];
  struct splice_value values[8];
};

extern int device;
extern struct splice_undo last_undo;

void open_device(void);
int pin(const char* name);
int references(const char* module);
void begin(struct request* request, const char* id, const char* module);
unsigned landing(uint64_t entry);
struct splice_function* add(struct request* request, const char* old_name, const char* new_name,
                            unsigned site);
struct splice_function* add_hop(struct request* request, const char* new_name);
struct splice_function* add_short(struct request* request, const char* old_name, unsigned size,
                                  const char* new_name);
struct splice_function* add_at_ftrace(struct request* request, const char* old_name,
                                      const char* new_name);
struct splice_function* watch(struct request* request, const char* name);
void one(struct request* request, const char* old_name, const char* new_name, unsigned site);
void make_all(struct request* request);
void make_watched(struct request* request);
void read_expected(struct request* request, unsigned i);
int apply(struct request* request);
int undo(const char* id);
int undo_busy(const char* id, struct splice_busy* busy, unsigned max_busy);
void expect_values(const char* when, int value, int plain, int small, bool spliced);

// ---- threads.c ----

pid_t enter(const char* name, const char* function);
void leave(pid_t child);
void expect_busy(const char* what, struct request* request, pid_t child, int conservative);
void expect_busy_in(unsigned index, const char* what, struct request* request, pid_t child,
                    int conservative);

// ---- the checks: one file of *_test.c for each kind ----

void test_permission(void);
void test_pin(void);
void test_await(void);
void test_arguments(void);
void test_stale(void);
void test_hop_place(void);
void test_watched_arguments(void);
void test_apply_and_undo(void);
void test_stack_of_two(void);
void test_padding(void);
void test_traffic(void);
void test_busy(void);
void test_watched(void);
void test_exiting(void);
void test_tracers(void);
void test_probes(void);
void test_hook_arguments(void);
struct splice_hook* add_hook(struct request* request, const char* name, unsigned kind,
                             unsigned group);
void test_hooks(void);
void test_answers(void);
void test_hammer(void);
void test_nmi(void);
void live_patch_on(void);
void live_patch_off(void);
void test_live_patch(void);
void test_redirect(void);
void measure_call(void);
void test_value_arguments(void);
void test_values(void);
extern unsigned fuzz_minutes;  // 0: for a moment
extern unsigned long fuzz_seed;
void test_fuzz(void);
void test_fail_nth(void);
void test_kept(void);
