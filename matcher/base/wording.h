// SPDX-License-Identifier: GPL-2.0-or-later
//
// Numbers as people read them.
//
//     counted(1, "function")      "1 function"
//     counted(2, "function")      "2 functions"
//     microseconds(21437)         "21.4"
//     local_time(1795446000)      "2026-11-23T15:00:00+0000"
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace splicer {

// For nouns whose plural has an "s".
std::string counted(std::size_t count, std::string_view noun);
// Nanoseconds as microseconds with one decimal.
std::string microseconds(std::uint64_t nanoseconds);
// Local time as ISO 8601 has it.
std::string local_time(std::uint64_t seconds_since_epoch);

}  // namespace splicer
