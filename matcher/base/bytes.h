// SPDX-License-Identifier: GPL-2.0-or-later
//
// Bytes that somebody else wrote: a view of them, a checked way to read a value, their text in hex.
//
//     load<Elf64_Ehdr>(bytes, 0)         the header, or nothing if the bytes end before it does
//     string_at(names, section.sh_name)  ".text", or nothing if it does not end in the table
//     hex(bytes)                         "e8 00 00 00 00"
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <type_traits>

namespace splicer {

using Bytes = std::span<const std::uint8_t>;

// Is [offset, offset + size) inside [0, limit)? No sum can overflow.
inline bool inside(std::uint64_t offset, std::uint64_t size, std::uint64_t limit) {
  return offset <= limit && size <= limit - offset;
}

// The value at `offset`, in the byte order of this machine; nothing if it does not fit.
template <typename T>
requires std::is_trivially_copyable_v<T> std::optional<T> load(Bytes bytes, std::uint64_t offset) {
  if (!inside(offset, sizeof(T), bytes.size())) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

// The NUL-terminated string at `offset`; nothing if it has no end in `table` or is longer than
// `longest`: a small file in which all names are one long string would otherwise fill the memory.
// The kernel's own names end at KSYM_NAME_LEN (512).
inline std::optional<std::string> string_at(Bytes table, std::uint64_t offset,
                                            std::size_t longest = 4096) {
  if (offset >= table.size()) return std::nullopt;
  const Bytes text = table.subspan(offset, std::min(table.size() - offset, longest + 1));
  const auto end = std::find(text.begin(), text.end(), std::uint8_t{0});
  if (end == text.end()) return std::nullopt;
  return std::string(text.begin(), end);
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
