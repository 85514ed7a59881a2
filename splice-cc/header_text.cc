// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/header_text.h"

#include <algorithm>
#include <array>
#include <utility>

#include "splice-cc/reachable.h"

namespace splicer {

namespace {

// Comments become blanks, and lines that go on with a backslash become one.
std::string plain_text(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    if (rest.starts_with("\\\n")) {
      plain += ' ';
      ++i;
    } else if (quote != 0) {
      plain += text[i];
      if (text[i] == '\\' && rest.size() > 1) {
        plain += text[++i];
      } else if (text[i] == quote || text[i] == '\n') {
        quote = 0;
      }
    } else if (rest.starts_with("/*")) {
      const std::size_t end = std::min(text.find("*/", i + 2), text.size() - 1);
      plain += ' ';
      i = end + 1;
    } else if (rest.starts_with("//")) {
      i = std::min(text.find('\n', i), text.size()) - 1;
    } else {
      if (text[i] == '"' || text[i] == '\'') quote = text[i];
      plain += text[i];
    }
  }
  return plain;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view first_word(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() &&
         (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_'))
    ++end;
  return text.substr(0, end);
}

void add_mentions(Piece& piece, std::string_view text) {
  each_word(text, [&](std::string_view word) {
    if (!is_keyword(word)) piece.mentions.emplace(word);
  });
}

class Cutter {
 public:
  std::optional<std::vector<Piece>> cut(std::string_view given) {
    const std::string text = plain_text(given);
    for (std::size_t begin = 0; begin < text.size() && understood_;) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      const std::string_view line = std::string_view(text).substr(begin, end - begin);
      if (const std::string_view bare = trimmed(line); bare.starts_with('#')) {
        directive(trimmed(bare.substr(1)));
      } else {
        code(line);
      }
      begin = end + 1;
    }
    finish();
    if (!understood_ || depth_ != 0 || !conditions_.empty()) return std::nullopt;
    return std::move(pieces_);
  }

 private:
  struct Condition {
    std::string text;
    int depth = 0;  // of braces where it begins
  };

  void directive(std::string_view line) {
    const std::string_view word = first_word(line);
    const std::string_view rest = trimmed(line.substr(word.size()));
    if (word == "if" || word == "ifdef" || word == "ifndef") {
      conditions_.push_back({std::string(line), depth_});
    } else if (word == "else" || word == "elif" || word == "endif") {
      if (conditions_.empty() || conditions_.back().depth != depth_) {
        understood_ = false;
      } else if (word == "endif") {
        conditions_.pop_back();
      } else {
        conditions_.back().text += "\n" + std::string(line);
      }
    } else if (word == "define" || word == "undef") {
      Piece piece;
      piece.text = context() + std::string(line);
      piece.names.emplace(first_word(rest));
      // A keyword that gets another meaning is mentioned everywhere.
      piece.anonymous = is_keyword(first_word(rest));
      if (word == "define") add_mentions(piece, rest.substr(first_word(rest).size()));
      pieces_.push_back(std::move(piece));
      return;
    } else if (word != "error" && word != "warning" && !word.empty()) {
      Piece piece;  // an #include or a #pragma: of what follows nothing is known
      piece.text = context() + std::string(line);
      piece.anonymous = true;
      pieces_.push_back(std::move(piece));
    }
    if (!open_.empty()) inside_ += "#" + std::string(line) + "\n";
  }

  void code(std::string_view line) {
    char quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const char c = line[i];
      if (open_.empty() && (c == ' ' || c == '\t' || c == '\r')) continue;
      if (open_.empty()) began_ = context();
      open_ += c;
      if (quote != 0) {
        if (c == '\\' && i + 1 < line.size()) {
          open_ += line[++i];
        } else if (c == quote) {
          quote = 0;
        }
        continue;
      }
      if (c == '"' || c == '\'') quote = c;
      if (c == '{' || c == '(' || c == '[') ++depth_;
      if (c == '}' || c == ')' || c == ']') --depth_;
      if (depth_ < 0) understood_ = false;
      if (c == '(' && depth_ == 1 && !braces_) group_ = true;
      if (c == '{') braces_ = true;
      // A function's body ends its piece; behind a structure's a semicolon follows.
      if (depth_ == 0 && (c == ';' || (c == '}' && group_ && !assigned_))) finish();
      if (c == '=' && depth_ == 0) assigned_ = true;
    }
    if (!open_.empty()) open_ += '\n';
  }

  std::string context() const {
    std::string text;
    for (const Condition& condition : conditions_) text += "#" + condition.text + "\n";
    return text;
  }

  void finish() {
    const std::string text = std::exchange(open_, {});
    const std::string inside = std::exchange(inside_, {});
    group_ = braces_ = assigned_ = false;
    if (trimmed(text).empty()) return;
    Piece piece;
    // The parts that stand under conditions of their own are told by these.
    piece.text = began_ + text + inside;
    add_mentions(piece, text);
    add_mentions(piece, inside);
    for (const Declaration& one : read_declarations("# 1 \"header\"\n" + text, "")) {
      for (const std::string& name : one.names)
        if (!is_keyword(name)) piece.names.insert(name);
      piece.anonymous = piece.anonymous || one.root;
    }
    const std::string_view word = first_word(text);
    const std::string_view behind = trimmed(std::string_view(text).substr(word.size()));
    if (!word.empty() && behind.starts_with('(')) piece.stems = piece.names = piece.mentions;
    pieces_.push_back(std::move(piece));
  }

  std::vector<Piece> pieces_;
  std::vector<Condition> conditions_;
  std::string open_;    // the piece so far
  std::string inside_;  // directives in it
  std::string began_;   // the conditions where it began
  int depth_ = 0;
  bool group_ = false;  // it had parentheses before any brace: a function, or a macro
  bool braces_ = false;
  bool assigned_ = false;  // a value, not a body
  bool understood_ = true;
};

}  // namespace

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

std::optional<std::vector<Piece>> cut_header(std::string_view text) { return Cutter().cut(text); }

}  // namespace splicer
