// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the files of the fuzz check share. fuzz_test.c drives: rounds of threads that send requests,
// and after each round the question whether the machine is as it was. fuzz_request.c makes them:
//
//     struct random random = {seed};
//     fuzz_apply(&random, arena);                  // an APPLY, valid or spoilt in some places
//     ioctl(device, SPLICE_IOC_APPLY, &arena->apply);
//
// Invariant: a request that fuzz_apply() or fuzz_undo() makes is harmless if it succeeds, even while
// the bytes that may_change() names become others: it leads functions of `target` to functions that
// take no argument, return a number and wait for nothing.
#pragma once

#include "ioctl_test.h"

// splitmix64: the same requests for the same seed.
struct random {
  uint64_t state;
};

static inline uint64_t draw(struct random* random) {
  uint64_t x = random->state += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}
static inline unsigned below(struct random* random, unsigned end) {
  return (unsigned)(draw(random) % end);
}
static inline bool one_in(struct random* random, unsigned n) { return !below(random, n); }

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define FUZZ_IDS 5  // few: what exists already, and what has just gone, is asked for again
void fuzz_prepare(struct random* random);
const char* fuzz_id(unsigned number);
void fuzz_apply(struct random* random, struct request* request);
void fuzz_undo(struct random* random, struct request* request, struct splice_undo* undo);
void fuzz_pin(struct random* random, struct splice_pin* pin);
uint8_t* may_change(struct random* random, struct request* request);
uint64_t fuzz_address(struct random* random, uint64_t right);
