// SPDX-License-Identifier: GPL-2.0-or-later
//
// C text that is not preprocessed, as tokens that are good enough to find words and directives in:
// what is a word, what is in a comment, where a literal and a directive end.
//
//     #define get(x) \             each_directive: "define", then all that follows in the text
//       x##_get() /* no word */    each_word: define get x x _get
//
// Clang's lexer is not used here: it wants complete tokens and knows no line that ends inside a
// literal, while an apostrophe in "#error don't" or in assembly is nothing unusual in a header.
//
// Invariant: the texts of the tokens, one after the other, are the text that was scanned; a word of
// the text that the compiler sees outside a comment is in a `word` or in a `literal`.
// Cost: each function reads its text once. All may be called by several threads.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace splicer {

inline bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Empty unless `text` begins with one.
inline std::string_view first_word(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && is_word_character(text[end])) ++end;
  return text.substr(0, end);
}

enum class CTokenKind {
  word,          // an identifier or a number
  literal,       // a string or a character, at most up to the end of its line
  comment,       // up to its end, or to the end of the text
  continuation,  // a backslash and the end of the line
  line_end,
  blank,  // one or more
  other,  // one character
};

struct CToken {
  CTokenKind kind;
  std::string_view text;
};

class CScanner {
 public:
  explicit CScanner(std::string_view text) : text_(text) {}
  // Nothing at the end of the text.
  std::optional<CToken> next() {
    if (text_.empty()) return std::nullopt;
    CToken token{CTokenKind::word, first_word(text_)};
    if (token.text.empty()) token = next_but_word();
    text_.remove_prefix(token.text.size());
    return token;
  }
  // Passes over what is neither a word nor may begin a literal or a comment.
  void skip_plain() {
    std::size_t end = 0;
    while (end < text_.size() && !is_word_character(text_[end]) && text_[end] != '"' &&
           text_[end] != '\'' && text_[end] != '/')
      ++end;
    text_.remove_prefix(end);
  }

 private:
  CToken next_but_word() const;
  std::string_view text_;  // what is left
};

// Comments become a blank, or nothing at the end of a line, and continued lines become one.
std::string without_comments(std::string_view text);

// `behind` is what follows a directive's name in the text: the part of it that is the directive's.
std::string_view rest_of_directive(std::string_view behind);

std::string_view trimmed(std::string_view text);
// Empty unless `text` ends with one.
std::string_view last_word(std::string_view text);
bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words);
bool is_identifier(std::string_view word);
// Words of the language: never the name of anything a header declares.
bool is_keyword(std::string_view word);

// Calls `visit(word)` for each identifier or number of a C text, those in literals included (they
// may be assembly), those in comments not.
template <typename Visit>
void each_word(std::string_view text, Visit visit) {
  const auto in_literal = [&visit](std::string_view literal) {
    for (std::size_t i = 0; i < literal.size();) {
      const std::string_view word = first_word(literal.substr(i));
      // '_' and the like: no assembly has such a name, and macros do put names together of it.
      if (word.find_first_not_of('_') != std::string_view::npos) visit(word);
      i += word.empty() ? (literal[i] == '\\' ? 2 : 1) : word.size();
    }
  };
  CScanner scanner(text);
  for (;;) {
    scanner.skip_plain();
    const auto token = scanner.next();
    if (!token) return;
    if (token->kind == CTokenKind::word) visit(token->text);
    if (token->kind == CTokenKind::literal) in_literal(token->text);
  }
}

// Calls `visit(name, behind)` for each directive: its name and all the text behind that. A '#' in a
// comment that begins a line counts as well: it is found by looking back on its line only, which is
// several times faster than to scan all the text before it.
template <typename Visit>
void each_directive(std::string_view text, Visit visit) {
  constexpr std::string_view kBlanks = " \t";
  for (std::size_t at = text.find('#'); at != std::string_view::npos; at = text.find('#', at + 1)) {
    const std::size_t before = at == 0 ? at : text.find_last_not_of(kBlanks, at - 1) + 1;
    const std::string_view line = text.substr(0, before);
    if (!line.empty() && !line.ends_with('\n') && !line.ends_with("*/")) continue;
    const std::size_t begin = std::min(text.find_first_not_of(kBlanks, at + 1), text.size());
    const std::string_view name = first_word(text.substr(begin));
    visit(name, text.substr(begin + name.size()));
  }
}

}  // namespace splicer
