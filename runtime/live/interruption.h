// SPDX-License-Identifier: GPL-2.0-or-later
//
// Ctrl-C at the wrong moment must not leave half of an update in the kernel.
//
//     const HeldSignals held;               // from here SIGINT, SIGTERM, SIGHUP wait
//     if (held.pending()) return fail(...)   // asked at the places where giving up is clean
//
// Invariant: while a HeldSignals lives these signals end nothing; when it dies they do what they
// always do, so a command that was interrupted still ends by the signal, after it has cleaned up.
#pragma once

#include <csignal>
#include <initializer_list>

namespace splicer {

class HeldSignals {
 public:
  HeldSignals() {
    sigemptyset(&held_);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) sigaddset(&held_, number);
    sigprocmask(SIG_BLOCK, &held_, &before_);
  }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;
  ~HeldSignals() { sigprocmask(SIG_SETMASK, &before_, nullptr); }

  // Did one of them arrive that asks to end? (A closed pipe does not.)
  bool pending() const {
    sigset_t waiting;
    sigemptyset(&waiting);
    if (sigpending(&waiting) != 0) return false;
    return sigismember(&waiting, SIGINT) == 1 || sigismember(&waiting, SIGTERM) == 1 ||
           sigismember(&waiting, SIGHUP) == 1;
  }

 private:
  sigset_t held_{};
  sigset_t before_{};
};

}  // namespace splicer
