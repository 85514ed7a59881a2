// SPDX-License-Identifier: GPL-2.0-or-later
//
// One loop over several threads.
//
//     for_each_in_threads(units.size(), jobs, [&](std::size_t i) { results[i] = read(units[i]); });
//
// Each index is given to one thread, in order, as threads become free. So what `work` writes for
// its own index needs no lock, and the outcome does not depend on who did what.
#pragma once

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace splicer {

// Calls work(i) for each i below `count`, in at most `threads` threads, of which the caller's is one.
// Returns when all calls have. `work` must not throw.
template <typename Work>
void for_each_in_threads(std::size_t count, unsigned threads, const Work& work) {
  std::atomic<std::size_t> next{0};
  const auto run = [&] {
    for (std::size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::jthread> others;
  for (unsigned i = 1; i < threads && i < count; i++) others.emplace_back(run);
  run();
}

}  // namespace splicer
