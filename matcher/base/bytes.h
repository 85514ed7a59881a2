// SPDX-License-Identifier: GPL-2.0-or-later
//
// Bytes that somebody else wrote: a view of them, a checked way to read a value, their text in hex.
//
//     load<Elf64_Ehdr>(bytes, 0)         the header, or nothing if the bytes end before it does
//     hex(bytes)                         "e8 00 00 00 00"
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <type_traits>

namespace splicer {

using Bytes = std::span<const std::uint8_t>;

// The value at `offset`, in the byte order of this machine; nothing if it does not fit.
template <typename T>
requires std::is_trivially_copyable_v<T> std::optional<T> load(Bytes bytes, std::uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

inline std::string hex(Bytes bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 3);
  for (const std::uint8_t byte : bytes) {
    if (!text.empty()) text += ' ';
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace splicer
