// SPDX-License-Identifier: GPL-2.0-or-later
//
// A header as it is written, cut into pieces that can be told apart by name: declarations, and
// macros.
//
//     #define LIMIT 4                                {names: LIMIT}
//     #ifdef CONFIG_NET
//     static inline int f(void) { return LIMIT; }    {names: f, under: #ifdef CONFIG_NET}
//     #endif
//
// Nothing is preprocessed, so a piece may be any text at all. What cannot be understood says so:
// a macro that is called outside functions may declare anything, and it, a piece that makes code by
// itself, or a directive that changes all that follows, has no name (`anonymous`).
//
// Invariant: equal pieces under equal conditions mean the same, unless a name that they mention
// means something else. A text whose braces depend on conditions is not cut at all.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace splicer {

struct Piece {
  std::string text;                          // with the conditions that it stands under
  std::set<std::string, std::less<>> names;  // what may be meant by it
  std::set<std::string, std::less<>> mentions;
  bool anonymous = false;
};

// Nothing if it cannot be cut.
std::optional<std::vector<Piece>> cut_header(std::string_view text);

inline bool is_part_of_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Calls `visit(word)` for each identifier or number of a C text, those in strings included (they
// may be assembly), those in comments not.
template <typename Visit>
void each_word(std::string_view text, Visit visit) {
  char quote = 0;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (is_part_of_word(c)) {
      const std::size_t begin = i;
      while (i < text.size() && is_part_of_word(text[i])) ++i;
      const std::string_view word = text.substr(begin, i - begin);
      // '_' and the like: no assembly has such a name, and macros do put names together of it.
      if (quote == 0 || word.find_first_not_of('_') != std::string_view::npos) visit(word);
    } else if (quote != 0) {
      if (c == '\\') {  // a string goes on behind the end of a line, too
        i += 2;
        continue;
      }
      if (c == quote || c == '\n') quote = 0;
      ++i;
    } else if (c == '"' || c == '\'') {
      quote = c;
      ++i;
    } else if (c == '/' && i + 1 < text.size() && text[i + 1] == '*') {
      const std::size_t end = text.find("*/", i + 2);
      i = end == std::string_view::npos ? text.size() : end + 2;
    } else if (c == '/' && i + 1 < text.size() && text[i + 1] == '/') {
      i = std::min(text.find('\n', i), text.size());
    } else {
      ++i;
    }
  }
}

// Words of the language: never the name of anything a header declares.
bool is_keyword(std::string_view word);

}  // namespace splicer
