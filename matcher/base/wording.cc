// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/base/wording.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <limits>

namespace splicer {

namespace {

std::string time_text(std::uint64_t seconds_since_epoch,
                      std::tm* (*break_down)(const std::time_t*, std::tm*), const char* format) {
  std::tm broken{};
  std::array<char, 64> text{};
  const auto seconds = static_cast<std::time_t>(std::min<std::uint64_t>(
      seconds_since_epoch, std::numeric_limits<std::int32_t>::max() * std::uint64_t{1000}));
  if (break_down(&seconds, &broken) == nullptr ||
      std::strftime(text.data(), text.size(), format, &broken) == 0)
    return std::to_string(seconds_since_epoch);
  return text.data();
}

}  // namespace

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string functions_and_values(std::size_t functions, std::size_t values) {
  if (values == 0) return counted(functions, "function");
  const std::string of_values = counted(values, "value");
  return functions == 0 ? of_values : counted(functions, "function") + " and " + of_values;
}

std::string microseconds(std::uint64_t nanoseconds) {
  return fmt::format("{}.{}", nanoseconds / 1000, nanoseconds % 1000 / 100);
}

std::string local_time(std::uint64_t seconds_since_epoch) {
  return time_text(seconds_since_epoch, localtime_r, "%Y-%m-%dT%H:%M:%S%z");
}

std::string utc_time(std::uint64_t seconds_since_epoch) {
  return time_text(seconds_since_epoch, gmtime_r, "%Y-%m-%dT%H:%M:%SZ");
}

}  // namespace splicer
