// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/live/transition.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <thread>

#include "matcher/base/file.h"
#include "matcher/base/wording.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxStack = 64U << 10;
constexpr std::size_t kShownFunctions = 3;
constexpr milliseconds kPoll{50};
// A minute: the kernel wakes sleepers after 15 s.
constexpr unsigned kUsualIntervals = 120;

milliseconds most_time(const Attempts& attempts) {
  if (attempts.wait) return *attempts.wait;
  return attempts.interval * (attempts.usual ? kUsualIntervals : attempts.retries + 1);
}

constexpr milliseconds kBetweenWords{10000};

// "[<0>] vfs_read+0x12/0x340", innermost first (proc_pid_stack() in fs/proc/base.c).
std::string innermost(const std::string& stack) {
  std::string functions;
  std::size_t shown = 0;
  for (const std::string& line : split_lines(stack)) {
    const std::size_t begin = line.find("] ");
    if (begin == std::string::npos || shown == kShownFunctions) break;
    const std::string name = line.substr(begin + 2, line.find('+', begin) - begin - 2);
    functions += (shown++ == 0 ? "" : " < ") + name;
  }
  return functions;
}

template <typename Visit>
void for_each_thread(const std::string& proc, Visit visit) {
  for (const auto& process : list_directory(proc).entries) {
    const std::string name = process.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    for (const auto& thread : list_directory(process.path() / "task").entries)
      if (!visit(thread.path())) return;
  }
}

std::string described(const Straggler& one) {
  return fmt::format("thread {} ({}){}{}", one.thread, one.name,
                     one.functions.empty() ? "" : " in ", one.functions);
}

std::string listed(const std::vector<Straggler>& threads) {
  std::string text;
  for (const Straggler& one : threads) text += described(one) + "\n";
  return text;
}

// Waits until no transition is under way, or for so long. Returns whether it is over.
bool wait_until_still(const std::string& name, milliseconds most, const std::string& sys) {
  for (const auto end = Clock::now() + most; Clock::now() < end; std::this_thread::sleep_for(kPoll))
    if (!livepatch_state(name, sys).moving) return true;
  return !livepatch_state(name, sys).moving;
}

Result<void> write_enabled(const std::string& name, const char* value, const std::string& sys) {
  const std::string path = fmt::format("{}/{}/enabled", sys, name);
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file && write(file.get(), value, 1) == 1) return {};
  const int number = errno;
  return fail(number == EBUSY ? ExitCode::busy : ExitCode::error, "livepatch-refused",
              fmt::format("the kernel does not switch live patch {}: {}", name,
                          std::strerror(number)))
      .at_file(path)
      .hint(number == EBUSY ? "wait until the transition of another live patch has ended"
                            : "read the end of the kernel's log (dmesg)");
}

// A transition turned round comes to where it began.
Result<void> turn_back(const std::string& name, Direction direction, const TransitionTerms& terms) {
  auto turned = write_enabled(name, direction == Direction::in ? "0" : "1", terms.sys);
  if (!turned && livepatch_state(name, terms.sys).moving) return turned;
  if (wait_until_still(name, terms.way_back, terms.sys)) return {};
  return fail(ExitCode::busy, "transition-stuck",
              fmt::format("live patch {} is in transition, and no way ends: old and new code run "
                          "side by side",
                          name))
      .detail(listed(
          stragglers(direction == Direction::in ? Direction::out : Direction::in, terms.proc)))
      .hint("end the threads that are named, or reboot; splice-view says when it is over");
}

}  // namespace

std::vector<Straggler> stragglers(Direction direction, const std::string& proc) {
  // KLP_UNPATCHED and KLP_PATCHED (include/linux/livepatch.h), of a thread that has still to move.
  const char* const before = direction == Direction::in ? "0" : "1";
  std::vector<Straggler> found;
  for_each_thread(proc, [&](const fs::path& thread) {
    if (read_attribute(thread / "patch_state") != before) return true;
    Straggler one;
    const std::string number = thread.filename();
    std::from_chars(number.data(), number.data() + number.size(), one.thread);
    one.name = read_attribute(thread / "comm");
    one.functions = innermost(read_contents(thread / "stack", kMaxStack).text());
    found.push_back(std::move(one));
    return true;
  });
  return found;
}

Result<void> disable_livepatch(const std::string& name, const std::string& sys) {
  return write_enabled(name, "0", sys);
}

Result<milliseconds> wait_for_transition(const std::string& name, Direction direction,
                                         const Attempts& attempts, HeldSignals& signals,
                                         const Console& console, const TransitionTerms& terms) {
  const auto begun = Clock::now();
  const milliseconds most = most_time(attempts);
  auto word_at = begun + terms.quiet;
  while (livepatch_state(name, terms.sys).moving) {
    const bool ended = signals.wait_for(kPoll);
    const auto now = Clock::now();
    if (ended || now - begun > most) {
      const auto threads = stragglers(direction, terms.proc);
      if (auto back = turn_back(name, direction, terms); !back) return propagate(back);
      // It may have ended just before it was to be turned round.
      if (livepatch_state(name, terms.sys).enabled == (direction == Direction::in)) break;
      if (ended) return interrupted();
      return fail(ExitCode::busy, "kernel-busy",
                  fmt::format("after {} s {} had not left the code that is switched, and all was "
                              "turned back",
                              std::chrono::duration_cast<std::chrono::seconds>(now - begun).count(),
                              counted(threads.size(), "thread")))
          .detail(listed(threads))
          .hint("end what is named, or give it more time: --wait 5m");
    }
    if (now < word_at) continue;
    word_at = now + kBetweenWords;
    const auto threads = stragglers(direction, terms.proc);
    if (threads.empty()) continue;
    console.stage("{} still to go over: {}", counted(threads.size(), "thread"),
                  described(threads[0]));
  }
  return std::chrono::duration_cast<milliseconds>(Clock::now() - begun);
}

bool is_on_a_stack(const std::string& module, const std::string& proc) {
  bool found = false;
  for_each_thread(proc, [&](const fs::path& thread) {
    found = read_contents(thread / "stack", kMaxStack).text().find("[" + module + "]") !=
            std::string::npos;
    return !found;
  });
  return found;
}

}  // namespace splicer
