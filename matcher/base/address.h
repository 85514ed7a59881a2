// SPDX-License-Identifier: GPL-2.0-or-later
//
// Positions: numbers that say where something is, each of the space that it counts in.
//
// Splice juggles three kinds of them in the same breath, all of 64 bits: a relocation is at an
// offset of its section, the section is at an offset of its file, and the bytes that answer to it
// are at an address of the running kernel. Exchanging two of them compiles, runs, and fails far
// away. So each has a type of its own, and none becomes another by itself:
//
//     RunAddress base(0xffffffff81000000);
//     base + 16                       a RunAddress: positions move by bytes
//     other - base                    a number of bytes: positions of one space have a distance
//     base + relocation.offset        a RunAddress: `base` is where that section begins
//     relocation.offset < section.size    an offset counts bytes from a beginning
//     base + other, base == relocation.offset, base = 16    do not compile
//
// Arithmetic wraps like that of std::uint64_t: relocations of the kernel's upper two gigabytes
// count on it.
//
// Invariant: a number enters a space, or leaves it, only where the source says so: by an explicit
// construction or by value().
#pragma once

#include <fmt/core.h>

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace splicer {

struct RunSpace;
struct SectionSpace;
struct FileSpace;

template <typename Space>
class Position {
 public:
  constexpr Position() = default;
  constexpr explicit Position(std::uint64_t value) : value_(value) {}

  constexpr std::uint64_t value() const { return value_; }

  constexpr Position& operator+=(std::uint64_t bytes) {
    value_ += bytes;
    return *this;
  }
  constexpr Position& operator-=(std::uint64_t bytes) {
    value_ -= bytes;
    return *this;
  }
  friend constexpr Position operator+(Position position, std::uint64_t bytes) {
    return position += bytes;
  }
  friend constexpr Position operator-(Position position, std::uint64_t bytes) {
    return position -= bytes;
  }
  // Bytes from `from` to `to`.
  friend constexpr std::uint64_t operator-(Position to, Position from) {
    return to.value_ - from.value_;
  }
  friend constexpr auto operator<=>(Position, Position) = default;
  friend constexpr bool operator==(Position, Position) = default;
  // Beside a number of bytes, such as the size of a section.
  constexpr auto operator<=>(std::uint64_t bytes) const requires(!std::same_as<Space, RunSpace>) {
    return value_ <=> bytes;
  }
  constexpr bool operator==(std::uint64_t bytes) const requires(!std::same_as<Space, RunSpace>) {
    return value_ == bytes;
  }

 private:
  std::uint64_t value_ = 0;
};

// A virtual address in a kernel: the one that runs, or the one that an image on disk becomes.
using RunAddress = Position<RunSpace>;
// Bytes from the beginning of a section of a relocatable object.
using SectionOffset = Position<SectionSpace>;
// Bytes from the beginning of a file.
using FileOffset = Position<FileSpace>;

// Where in a kernel a section's byte is, and where the section begins of which a byte is there.
constexpr RunAddress operator+(RunAddress section, SectionOffset offset) {
  return section + offset.value();
}
constexpr RunAddress operator-(RunAddress place, SectionOffset offset) {
  return place - offset.value();
}

}  // namespace splicer

template <typename Space>
struct std::hash<splicer::Position<Space>> {
  std::size_t operator()(splicer::Position<Space> position) const noexcept {
    return std::hash<std::uint64_t>{}(position.value());
  }
};

// In hex: "0xffffffff81000000".
template <typename Space>
struct fmt::formatter<splicer::Position<Space>> {
  constexpr auto parse(fmt::format_parse_context& context) { return context.begin(); }
  template <typename Context>
  auto format(splicer::Position<Space> position, Context& context) const {
    return fmt::format_to(context.out(), "{:#x}", position.value());
  }
};
