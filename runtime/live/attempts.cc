// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/live/attempts.h"

#include <fmt/core.h>

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
      "try again so often while threads are in the code")(
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
        .hint("give a number that is not negative");
  }
  return Attempts{retries, std::chrono::milliseconds(interval)};
}

}  // namespace splicer
