// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/live/attempts.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "matcher/base/command_line.h"

namespace splicer {

namespace {

// A day of retries, an hour between two; it also refuses what -1 becomes as an unsigned number.
constexpr unsigned kMaxRetries = 86400;
constexpr unsigned kMaxInterval = 3600 * 1000;
constexpr std::chrono::hours kMaxWait{24};
// With --wait, where no number of tries is the limit: each stops the machine.
constexpr std::chrono::milliseconds kLeastInterval{10};

// --wait and --retries say the same thing in two ways. Errors: "usage".
Result<std::optional<std::chrono::milliseconds>> wait_option(const Command& command) {
  if (!command.has("wait")) return std::nullopt;
  if (!command.values()["retries"].defaulted())
    return fail(ExitCode::usage, "usage", "--wait says how long to try, and --retries how often")
        .hint("give one of them");
  const auto text = command.values()["wait"].as<std::string>();
  const auto wait = parse_duration(text);
  if (wait) return wait;
  return fail(ExitCode::usage, "usage", fmt::format("'{}' is no duration of at most 24h", text))
      .hint("give a number and s, m or h: --wait 30s");
}

}  // namespace

Patience::Patience(const Attempts& attempts)
    : attempts_(attempts),
      end_(Clock::now() + attempts.wait.value_or(std::chrono::milliseconds(0))),
      left_(attempts.retries) {}

bool Patience::is_over() const { return attempts_.wait ? Clock::now() >= end_ : left_ == 0; }

std::chrono::milliseconds Patience::next() {
  if (!attempts_.wait) {
    --left_;
    return attempts_.interval;
  }
  const auto rest = std::chrono::ceil<std::chrono::milliseconds>(end_ - Clock::now());
  return std::clamp(rest, std::chrono::milliseconds(0),
                    std::max(attempts_.interval, kLeastInterval));
}

std::string Patience::left() const {
  if (!attempts_.wait) return fmt::format("{} left", left_);
  const auto rest = std::chrono::ceil<std::chrono::seconds>(end_ - Clock::now());
  return fmt::format("{} s left", std::max<std::int64_t>(rest.count(), 0));
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  unsigned number = 0;
  const char* const end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || unit + 1 != end) return std::nullopt;
  std::chrono::seconds seconds(number);
  if (*unit == 'm')
    seconds *= 60;
  else if (*unit == 'h')
    seconds *= 3600;
  else if (*unit != 's')
    return std::nullopt;
  if (seconds > kMaxWait) return std::nullopt;
  return seconds;
}

void add_attempts_options(Command& command) {
  namespace po = boost::program_options;
  const Attempts usual;
  command.options().add_options()(
      "retries", po::value<unsigned>()->default_value(usual.retries)->value_name("N"),
      "retries while threads are in the affected code")(
      "retry-interval",
      po::value<unsigned>()
          ->default_value(static_cast<unsigned>(usual.interval.count()))
          ->value_name("MS"),
      "milliseconds between two attempts")("wait", po::value<std::string>()->value_name("DURATION"),
                                           "how long to try, in place of --retries: 30s, 2m");
}

Result<Attempts> attempts_option(const Command& command) {
  const auto retries = command.values()["retries"].as<unsigned>();
  const auto interval = command.values()["retry-interval"].as<unsigned>();
  if (retries > kMaxRetries || interval > kMaxInterval) {
    return fail(ExitCode::usage, "usage",
                fmt::format("--retries is at most {}, --retry-interval {}", kMaxRetries,
                            kMaxInterval))
        .hint("give numbers from 0 up to these");
  }
  const auto wait = wait_option(command);
  if (!wait) return propagate(wait);
  return Attempts{retries, std::chrono::milliseconds(interval),
                  command.values()["retries"].defaulted(), *wait};
}

Failure interrupted() {
  return fail(ExitCode::error, "interrupted",
              "a signal interrupted the command; nothing was changed")
      .hint("run the command again");
}

void show_busy(const Console& console, const Error& error, const std::string& left) {
  console.stage("{}{}{}: trying again, {}", error.function, error.function.empty() ? "" : ": ",
                error.message, left);
  std::string_view detail = error.detail;
  if (detail.ends_with('\n')) detail.remove_suffix(1);
  if (!detail.empty()) console.detail("{}", detail);
}

}  // namespace splicer
