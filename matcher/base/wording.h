// SPDX-License-Identifier: GPL-2.0-or-later
//
// Numbers as people read them.
//
//     counted(1, "function")      "1 function"
//     counted(2, "function")      "2 functions"
//     functions_and_values(2, 1)  "2 functions and 1 value"
//     microseconds(21437)         "21.4"
//     local_time(1795446000)      "2026-11-23T15:00:00+0000"
//     utc_time(1795446000)        "2026-11-23T15:00:00Z"
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace splicer {

// For nouns whose plural has an "s".
std::string counted(std::size_t count, std::string_view noun);
// What an update switches; of what there is none it says nothing, unless there is neither.
std::string functions_and_values(std::size_t functions, std::size_t values);
// Nanoseconds as microseconds with one decimal.
std::string microseconds(std::uint64_t nanoseconds);
// Local time as ISO 8601 has it.
std::string local_time(std::uint64_t seconds_since_epoch);
// The time everywhere, likewise.
std::string utc_time(std::uint64_t seconds_since_epoch);

}  // namespace splicer
