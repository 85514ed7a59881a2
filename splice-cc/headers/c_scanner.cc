// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/c_scanner.h"

#include <algorithm>
#include <array>

namespace splicer {

namespace {

constexpr std::string_view kContinuation = "\\\n";

// The length of the literal that begins with text[0]. The end of a line ends it, too.
std::size_t literal_length(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\n') return i;
    if (text[i] == text[0]) return i + 1;
    if (text[i] == '\\') ++i;
  }
  return text.size();
}

// "//" and all that follows, lines included that are continued.
std::size_t line_comment_length(std::string_view text) {
  std::size_t end = text.find('\n');
  while (end != std::string_view::npos && text[end - 1] == '\\') end = text.find('\n', end + 1);
  return std::min(end, text.size());
}

std::size_t block_comment_length(std::string_view text) {
  const std::size_t end = text.find("*/", 2);
  return end == std::string_view::npos ? text.size() : end + 2;
}

}  // namespace

CToken CScanner::next_but_word() const {
  const char c = text_[0];
  CTokenKind kind = CTokenKind::other;
  std::size_t length = 1;
  if (c == ' ' || c == '\t' || c == '\r') {
    kind = CTokenKind::blank;
    length = std::min(text_.find_first_not_of(" \t\r"), text_.size());
  } else if (c == '\n') {
    kind = CTokenKind::line_end;
  } else if (c == '"' || c == '\'') {
    kind = CTokenKind::literal;
    length = literal_length(text_);
  } else if (text_.starts_with("/*")) {
    kind = CTokenKind::comment;
    length = block_comment_length(text_);
  } else if (text_.starts_with("//")) {
    kind = CTokenKind::comment;
    length = line_comment_length(text_);
  } else if (text_.starts_with(kContinuation)) {
    kind = CTokenKind::continuation;
    length = kContinuation.size();
  }
  return {kind, text_.substr(0, length)};
}

std::string without_comments(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  CScanner scanner(text);
  while (const auto token = scanner.next()) {
    switch (token->kind) {
      case CTokenKind::comment:
        if (token->text.starts_with("/*")) plain += ' ';
        break;
      case CTokenKind::continuation:
        plain += ' ';
        break;
      case CTokenKind::literal:
        for (std::size_t i = 0; i < token->text.size(); ++i) {
          const std::string_view rest = token->text.substr(i);
          plain += rest.starts_with(kContinuation) ? ' ' : rest[0];
          if (rest[0] != '\\' || rest.size() == 1) continue;
          ++i;
          if (rest[1] != '\n') plain += rest[1];
        }
        break;
      default:
        plain += token->text;
    }
  }
  return plain;
}

std::string_view rest_of_directive(std::string_view behind) {
  CScanner scanner(behind);
  while (const auto token = scanner.next())
    if (token->kind == CTokenKind::line_end)
      return behind.substr(0, static_cast<std::size_t>(token->text.data() - behind.data()));
  return behind;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

std::string_view last_word(std::string_view text) {
  std::size_t begin = text.size();
  while (begin > 0 && is_word_character(text[begin - 1])) --begin;
  return text.substr(begin);
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_identifier(std::string_view word) {
  return !word.empty() && is_word_character(word[0]) && (word[0] < '0' || word[0] > '9');
}

bool is_keyword(std::string_view word) {
  static constexpr std::array kWords = {
      "asm",          "auto",         "break",         "case",
      "char",         "const",        "continue",      "default",
      "do",           "double",       "else",          "enum",
      "extern",       "float",        "for",           "goto",
      "if",           "inline",       "int",           "long",
      "register",     "restrict",     "return",        "short",
      "signed",       "sizeof",       "static",        "struct",
      "switch",       "typedef",      "typeof",        "union",
      "unsigned",     "void",         "volatile",      "while",
      "_Bool",        "__asm__",      "__attribute__", "__inline",
      "__inline__",   "__volatile__", "__typeof__",    "_Static_assert",
      "__extension__"};
  return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
}

}  // namespace splicer
