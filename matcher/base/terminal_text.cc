// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/base/terminal_text.h"

#include <fmt/core.h>

#include <cstddef>
#include <cstdint>

namespace splicer {

namespace {

struct Character {
  char32_t code = 0;
  std::size_t size = 0;  // bytes; 0: the first byte begins no character
};

// The first character of `text`, if it is well-formed UTF-8 (Unicode 15, table 3-7).
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {};
  char32_t code = lead & (0x7f >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = code << 6 | (byte(i) & 0x3f);
  }
  const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  return overlong || surrogate || code > 0x10ffff ? Character{} : Character{code, size};
}

bool is_control(char32_t code) {
  const bool bidirectional = code == 0x61c || code == 0x200e || code == 0x200f ||
                             (code >= 0x202a && code <= 0x202e) ||
                             (code >= 0x2066 && code <= 0x2069);
  const bool separator = code == 0x2028 || code == 0x2029;  // of lines and paragraphs
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || bidirectional || separator;
}

// Calls replaced(code) for each control character that is not in `kept`, and for each byte that
// belongs to no character; 0xfffd (the replacement character) stands for the latter.
template <typename Replaced>
std::string with_controls_replaced(std::string_view text, std::string_view kept,
                                   const Replaced& replaced) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character first = first_character(text);
    const std::size_t size = first.size == 0 ? 1 : first.size;
    if (first.size == 0) {
      out += replaced(char32_t{0xfffd});
    } else if (is_control(first.code) && kept.find(text[0]) == std::string_view::npos) {
      out += replaced(first.code);
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size);
  }
  return out;
}

char question_mark(char32_t /*code*/) { return '?'; }

}  // namespace

std::string terminal_text(std::string_view text) {
  return with_controls_replaced(text, "\n\t", question_mark);
}

std::string terminal_line(std::string_view text) {
  return with_controls_replaced(text, "", question_mark);
}

std::string json_text(std::string_view document) {
  return with_controls_replaced(document, "\n", [](char32_t code) {
    return fmt::format("\\u{:04x}", static_cast<std::uint32_t>(code));
  });
}

}  // namespace splicer
