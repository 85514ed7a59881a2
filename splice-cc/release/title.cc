// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/release/title.h"

#include <algorithm>

#include "splice-cc/headers/c_scanner.h"

namespace splicer {

namespace {

char plain(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  return c == '-' ? '_' : c;
}

std::string plain_text(std::string_view text) {
  std::string all(text);
  std::ranges::transform(all, all.begin(), plain);
  return all;
}

// "net/sched" and "(corsair-psu)": their words.
void add_words(std::string_view text, std::vector<std::string>& words) {
  std::string word;
  const auto end = [&] {
    if (!word.empty()) words.push_back(std::move(word));
    word.clear();
  };
  for (const char c : plain_text(text))
    if (is_word_character(c))
      word += c;
    else
      end();
  end();
}

// Where the summary begins: behind the last word that ends in a colon, before any word that does not.
std::size_t summary_begin(std::string_view title) {
  std::size_t begin = 0;
  for (;;) {
    const std::size_t colon = title.find(": ", begin);
    if (colon == std::string_view::npos) return begin;
    const std::string_view part = title.substr(begin, colon - begin);
    // "bpf, sockmap" and "fs/smb/client" are subsystems; "fix a leak in foo" is a summary.
    const auto blanks = std::ranges::count(part, ' ');
    const auto commas = std::ranges::count(part, ',');
    if (blanks > commas) return begin;
    begin = colon + 2;
  }
}

void add_once(std::vector<std::string>& list, std::string_view name) {
  if (std::ranges::find(list, name) == list.end()) list.emplace_back(name);
}

}  // namespace

TitleNames names_in_title(std::string_view title) {
  TitleNames names;
  std::size_t begin = summary_begin(title);
  add_words(title.substr(0, begin), names.subsystem);
  std::string_view summary = title.substr(begin);
  if (begin != 0 && summary.starts_with('('))
    if (const std::size_t close = summary.find(')'); close != std::string_view::npos) {
      add_words(summary.substr(0, close), names.subsystem);
      summary.remove_prefix(close);
    }
  for (std::size_t at = 0; at < summary.size();) {
    const std::string_view word = first_word(summary.substr(at));
    if (word.empty()) {
      ++at;
      continue;
    }
    const std::string_view behind = summary.substr(at + word.size());
    at += word.size();
    if (!is_identifier(word) || is_keyword(word)) continue;
    if (behind.starts_with("()"))
      add_once(names.functions, word);
    else if (word.find('_') != std::string_view::npos &&
             word.find_first_not_of('_') != std::string_view::npos)
      add_once(names.words, word);
  }
  return names;
}

bool is_in_subsystem(const std::string& path, const std::vector<std::string>& words) {
  if (words.empty()) return false;
  const std::string all = plain_text(path);
  const std::size_t slash = all.rfind('/');
  const std::size_t name = slash == std::string::npos ? 0 : slash + 1;
  const std::string_view stem = std::string_view(all).substr(name, all.rfind('.') - name);
  const auto means = [&](const std::string& word) {
    if (("/" + all.substr(0, name)).find("/" + word + "/") != std::string::npos) return true;
    return stem.starts_with(word) && (stem.size() == word.size() || stem[word.size()] == '_');
  };
  return std::ranges::all_of(words, means);
}

}  // namespace splicer
