// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/package/cve.h"

#include <algorithm>
#include <tuple>

namespace splicer {

namespace {

constexpr std::string_view kPrefix = "CVE-";
constexpr std::size_t kYear = 4;
constexpr std::size_t kLeastDigits = 4;
constexpr std::size_t kMostDigits = 19;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }
bool is_word(char c) { return is_digit(c) || (upper(c) >= 'A' && upper(c) <= 'Z') || c == '_'; }

// How long the digits at `at` are, to the end of the text at most.
std::size_t digits(std::string_view text, std::size_t at) {
  std::size_t count = 0;
  while (at + count < text.size() && is_digit(text[at + count])) ++count;
  return count;
}

// The length of the id that begins at `at`, in whatever case; 0 if there is none.
std::size_t id_length(std::string_view text, std::size_t at) {
  if (text.size() - at < kPrefix.size()) return 0;
  for (std::size_t i = 0; i < kPrefix.size(); ++i)
    if (upper(text[at + i]) != kPrefix[i]) return 0;
  const std::size_t year = at + kPrefix.size();
  const std::size_t number = year + kYear + 1;
  if (digits(text, year) != kYear || number > text.size() || text[number - 1] != '-') return 0;
  const std::size_t count = digits(text, number);
  if (count < kLeastDigits || count > kMostDigits) return 0;
  const std::size_t end = number + count;
  return end < text.size() && is_word(text[end]) ? 0 : end - at;
}

}  // namespace

bool is_cve_id(std::string_view text) {
  return text.starts_with(kPrefix) && id_length(text, 0) == text.size();
}

std::vector<std::string> cve_ids_in(std::string_view text) {
  std::vector<std::string> ids;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (upper(text[at]) != kPrefix[0] || (at != 0 && is_word(text[at - 1]))) continue;
    const std::size_t length = id_length(text, at);
    if (length == 0) continue;
    std::string id(text.substr(at, length));
    std::ranges::transform(id, id.begin(), upper);
    ids.push_back(std::move(id));
    at += length - 1;
  }
  sort_cve_ids(ids);
  return ids;
}

void sort_cve_ids(std::vector<std::string>& ids) {
  // A longer number is a larger one, unless it begins with zeros, which none does.
  const auto key = [](const std::string& id) {
    return std::tuple(std::string_view(id).substr(0, kPrefix.size() + kYear), id.size(),
                      std::string_view(id));
  };
  std::ranges::sort(ids, std::ranges::less(), key);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

}  // namespace splicer
