// SPDX-License-Identifier: GPL-2.0-or-later
//
// Ctrl-C at the wrong moment must not leave half of an update in the kernel, and Ctrl-Z must not
// leave the device held by a command that sleeps.
//
//     HeldSignals held;                      // from here they wait
//     if (held.interrupted()) return fail(...)        // asked where giving up is clean
//     if (held.wait_for(interval)) return fail(...)   // sleeps; a signal ends the sleep at once
//     held.hold_to_the_end();                // the kernel has switched: what is left is to say so
//
// What asks to end (SIGINT, SIGTERM, SIGHUP, SIGQUIT) is taken from the queue, so the command ends
// with the status that its manual page names, and one that comes after the switch changes nothing:
// what was asked for is done and is reported. SIGTSTP and SIGPIPE are let go unheeded; output that
// cannot be written is an error of its own.
//
// Invariant: while a HeldSignals lives, and by what came while it lived, none of these ends or stops
// the process.
#pragma once

#include <chrono>
#include <csignal>
#include <initializer_list>

namespace splicer {

class HeldSignals {
 public:
  HeldSignals() {
    sigemptyset(&ending_);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&ending_, number);
    held_ = ending_;
    for (const int number : {SIGTSTP, SIGPIPE}) sigaddset(&held_, number);
    sigprocmask(SIG_BLOCK, &held_, &before_);
  }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;
  ~HeldSignals() {
    if (to_the_end_) return;
    while (take(held_, std::chrono::milliseconds(0))) {
    }
    sigprocmask(SIG_SETMASK, &before_, nullptr);
  }

  // Has one arrived that asks to end?
  bool interrupted() { return wait_for(std::chrono::milliseconds(0)); }
  // Sleeps for so long, or until one arrives that asks to end; has one arrived, now or before?
  bool wait_for(std::chrono::milliseconds time) {
    interrupted_ = interrupted_ || take(ending_, time);
    return interrupted_;
  }

  // They wait for as long as the process lives, which is about to end: a success is reported as one.
  void hold_to_the_end() { to_the_end_ = true; }

 private:
  static bool take(const sigset_t& which, std::chrono::milliseconds time) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
    const timespec limit{seconds.count(), std::chrono::nanoseconds(time - seconds).count()};
    // -1 with EAGAIN when the time is over; another signal of this process ends the wait early,
    // which only makes a try come sooner.
    return sigtimedwait(&which, nullptr, &limit) > 0;
  }

  sigset_t ending_{};
  sigset_t held_{};
  sigset_t before_{};
  bool interrupted_ = false;
  bool to_the_end_ = false;
};

}  // namespace splicer
