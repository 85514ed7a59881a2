// SPDX-License-Identifier: GPL-2.0-or-later
//
// How often to try while the kernel is busy, or for how long: --retries, --wait and --retry-interval, which
// splice-apply, splice-undo, splice-install and splice-remove share, and the loop that obeys them.
//
//     add_attempts_options(command);  ...  auto attempts = attempts_option(command);
//     auto pause = try_while_busy(*attempts, signals, [&] { return device.undo(...); }, busy);
//
// A switch needs every thread out of the code at one moment. Most code is busy for microseconds, so
// trying again is the whole strategy; a thread that sleeps there for long is named to the user.
//
// Invariant: only an Error with ExitCode::busy is tried again, at most `retries` times or until `wait` is
// over, and nothing is tried after a signal that asks to end.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>

#include "matcher/base/console.h"
#include "matcher/base/result.h"
#include "runtime/live/interruption.h"

namespace splicer {

class Command;

// How often to try again, and how long to wait in between.
struct Attempts {
  unsigned retries = 5;
  std::chrono::milliseconds interval{500};
  bool usual = false;                                  // nobody has said how many
  std::optional<std::chrono::milliseconds> wait = {};  // for so long, and not so many times
};

// The tries of one loop, counted from when it is made.
class Patience {
 public:
  explicit Patience(const Attempts& attempts);

  // Was that the last try?
  bool is_over() const;
  // Counts a try, and says how long to wait before it: not beyond the end, so that the last one comes then.
  std::chrono::milliseconds next();
  // "3 left", "12 s left"
  std::string left() const;

 private:
  using Clock = std::chrono::steady_clock;

  const Attempts attempts_;
  const Clock::time_point end_;
  unsigned left_;
};

// "30s", "2m", "24h", which is the most; or nothing.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

void add_attempts_options(Command& command);

// Errors: ExitCode::usage, "usage".
Result<Attempts> attempts_option(const Command& command);

// A signal asked the command to end, and nothing was changed: "interrupted".
Failure interrupted();

// Calls `attempt`, which gives a Result, until that is something else than an Error with
// ExitCode::busy, at most 1 + retries times or until `wait` is over. Before each wait `busy` gets the error
// and Patience::left(). Errors: "interrupted", which means that no attempt succeeded.
template <typename Attempt>
std::invoke_result_t<Attempt> try_while_busy(
    const Attempts& attempts, HeldSignals& signals, const Attempt& attempt,
    const std::function<void(const Error&, const std::string& left)>& busy) {
  for (Patience patience(attempts); !signals.interrupted();) {
    auto result = attempt();
    if (result || result.error().exit != ExitCode::busy || patience.is_over()) return result;
    busy(result.error(), patience.left());
    if (signals.wait_for(patience.next())) break;
  }
  return interrupted();
}

// match() again while it finds code that differs: the kernel may be in the middle of rewriting it.
// __static_call_update() writes the key first and each site some time later, text_poke_bp() an int3 before all
// else; between two looks it gets on. What somebody has altered differs in all of them. go_on() may end it.
template <typename Match, typename GoOn>
Result<void> match_in_motion(const Match& match, const GoOn& go_on, unsigned looks = 4,
                             std::chrono::milliseconds interval = std::chrono::milliseconds(100)) {
  while (true) {
    auto matched = match();
    if (matched || --looks == 0) return matched;
    const std::string& code = matched.error().code;
    if (code != "run-pre-mismatch" && code != "kernel-changed") return matched;
    std::this_thread::sleep_for(interval);
    if (auto more = go_on(); !more) return more;
  }
}

// What `busy` has to say: who is in the way, with -v where.
void show_busy(const Console& console, const Error& error, const std::string& left);

}  // namespace splicer
