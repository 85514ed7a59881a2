// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/live/attempts.h"

#include <fmt/core.h>

#include <string_view>

#include "matcher/base/command_line.h"

namespace splicer {

namespace {

// A day of retries, an hour between two; it also refuses what -1 becomes as an unsigned number.
constexpr unsigned kMaxRetries = 86400;
constexpr unsigned kMaxInterval = 3600 * 1000;

}  // namespace

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
      "milliseconds between two attempts");
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
  return Attempts{retries, std::chrono::milliseconds(interval),
                  command.values()["retries"].defaulted()};
}

Failure interrupted() {
  return fail(ExitCode::error, "interrupted",
              "a signal interrupted the command; nothing was changed")
      .hint("run the command again");
}

void show_busy(const Console& console, const Error& error, unsigned left) {
  console.stage("{}{}{}: trying again, {} left", error.function, error.function.empty() ? "" : ": ",
                error.message, left);
  std::string_view detail = error.detail;
  if (detail.ends_with('\n')) detail.remove_suffix(1);
  if (!detail.empty()) console.detail("{}", detail);
}

}  // namespace splicer
