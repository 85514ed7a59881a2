// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/base/parallel.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace splicer {
namespace {

TEST(Parallel, Example) {
  const std::vector<std::string> units = {"a", "bb", "ccc"};
  std::vector<std::size_t> results(units.size());
  const auto read = [](const std::string& unit) { return unit.size(); };
  const unsigned jobs = 2;
  // [example matcher/base/parallel.h]
  for_each_in_threads(units.size(), jobs, [&](std::size_t i) { results[i] = read(units[i]); });
  // [end]
  EXPECT_EQ(results, (std::vector<std::size_t>{1, 2, 3}));
}

TEST(Parallel, EachIndexOnce) {
  for (const unsigned threads : {0u, 1u, 3u, 100u}) {
    std::vector<std::atomic<int>> calls(50);
    for_each_in_threads(calls.size(), threads, [&](std::size_t i) { ++calls[i]; });
    for (const std::atomic<int>& one : calls) EXPECT_EQ(one, 1) << threads;
  }
  for_each_in_threads(0, 4, [](std::size_t) { FAIL(); });
}

}  // namespace
}  // namespace splicer
