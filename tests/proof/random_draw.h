// SPDX-License-Identifier: GPL-2.0-or-later
//
// Random numbers of the proofs: the same for the same seed, on every machine.
//
//     RandomDraw draw(seed);
//     draw.below(3)          0, 1 or 2
//
// The distributions of the standard library differ from one to another; the rest of a division does not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>

namespace splicer {

class RandomDraw {
 public:
  explicit RandomDraw(std::uint64_t seed) : numbers_(seed) {}
  // `limit` is not 0.
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(numbers_() % limit); }

 private:
  std::mt19937_64 numbers_;
};

}  // namespace splicer
