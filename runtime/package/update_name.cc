// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/package/update_name.h"

#include <fmt/core.h>

#include <algorithm>

namespace splicer {

namespace {

constexpr std::size_t kMaxSlug = 44;  // leaves room for "-and-N-more"

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_hexadecimal(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// "tun: check the caller.patch" -> "tun-check-the-caller", cut between words.
std::string slug(std::string_view title) {
  for (const std::string_view ending : {".patch", ".diff", ".txt", ".mbox"})
    if (title.ends_with(ending)) title.remove_suffix(ending.size());
  std::string text;
  for (const char c : title) {
    if (is_letter_or_digit(c) || c == '_') {
      text += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    } else if (!text.empty() && text.back() != '-') {
      text += '-';
    }
  }
  if (text.size() > kMaxSlug) {
    const std::size_t word = text.rfind('-', kMaxSlug);
    text.resize(word == std::string::npos ? kMaxSlug : word);
  }
  text.erase(text.find_last_not_of("-_") + 1);
  text.erase(0, std::min(text.size(), text.find_first_not_of("-_")));
  return text;
}

}  // namespace

bool is_update_name(std::string_view text) {
  return !text.empty() && text.size() <= kMaxUpdateName && is_letter_or_digit(text.front()) &&
         std::ranges::all_of(text,
                             [](char c) {
                               return is_letter_or_digit(c) || c == '.' || c == '_' || c == '+' ||
                                      c == '-';
                             }) &&
         !is_hexadecimal(text) && !text.ends_with(".tar");
}

std::string default_name(const std::vector<std::string>& titles,
                         const std::vector<std::string>& fixes) {
  if (fixes.size() == 1 && is_update_name(fixes.front())) return fixes.front();
  std::string name = titles.empty() ? std::string() : slug(titles.front());
  if (is_hexadecimal(name)) name = name.empty() ? "fix" : "fix-" + name;
  if (titles.size() > 1) name += fmt::format("-and-{}-more", titles.size() - 1);
  return name;
}

}  // namespace splicer
