// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/header_pieces.h"

#include <algorithm>
#include <array>
#include <utility>

#include "splice-cc/headers/reachable_declarations.h"

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
  constexpr std::string_view kBlanks = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

std::string_view first_word(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && is_part_of_word(text[end])) ++end;
  return text.substr(0, end);
}

void add_words(std::string_view text, std::set<std::string, std::less<>>& words) {
  each_word(text, [&](std::string_view word) { words.emplace(word); });
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string_view last_word(std::string_view text) {
  std::size_t begin = text.size();
  while (begin > 0 && is_part_of_word(text[begin - 1])) --begin;
  return text.substr(begin);
}
std::string_view without_last_word(std::string_view text) {
  text = trimmed(text);
  return trimmed(text.substr(0, text.size() - last_word(text).size()));
}

// Attributes under the names that the kernel gives them, as the compiler sees them.
std::string told(std::string_view text) {
  std::string told;
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view word = first_word(text.substr(i));
    if (is_one_of(word, {"__aligned", "__assume_aligned", "__alias"})) {
      told += "__attribute__";
    } else if (is_one_of(word, {"__packed", "__read_mostly", "__ro_after_init", "__must_check",
                                "__maybe_unused", "__always_unused", "__cacheline_aligned",
                                "____cacheline_aligned", "____cacheline_aligned_in_smp",
                                "__randomize_layout", "__no_randomize_layout", "__percpu"})) {
      told += "__attribute__(())";
    } else if (word == "__used") {
      told += "__attribute__((__used__))";
    } else if (word == "static_assert") {
      told += "_Static_assert";
    } else {
      told += word.empty() ? text.substr(i, 1) : word;
    }
    i += std::max(word.size(), std::size_t{1});
  }
  return told;
}

// Does the parenthesis behind `text` hold what an attribute says, not parameters?
//     struct __aligned(8) {      int x __section(".data");
bool opens_attribute(std::string_view text) {
  text = trimmed(text);
  return is_one_of(last_word(text), {"__attribute__", "__attribute", "__aligned", "__section"}) ||
         is_one_of(last_word(without_last_word(text)), {"struct", "union", "enum"});
}

// "struct", "struct tag": what follows is no function's body.
bool ends_with_tag(std::string_view text) {
  text = trimmed(text);
  for (int words = 0; words < 2; ++words, text = without_last_word(text))
    if (is_one_of(last_word(text), {"struct", "union", "enum"})) return true;
  return false;
}

// Is there a list of enumerators in it with one that a macro makes? "enum { EACH(NAME) }"
bool has_made_enumerators(std::string_view text) {
  for (std::size_t at = text.find("enum"); at != std::string_view::npos;
       at = text.find("enum", at + 1)) {
    const std::size_t open = text.find_first_of("{(;,=*", at);
    if (open == std::string_view::npos || text[open] != '{') continue;
    int depth = 0;
    for (std::size_t i = open; i < text.size() && text[i] != '}'; ++i) {
      if (depth == 0 && (text[i] == '{' || text[i] == ',')) {
        const std::string_view name = trimmed(text.substr(i + 1));
        const std::string_view behind = trimmed(name.substr(first_word(name).size()));
        if (!behind.starts_with(',') && !behind.starts_with('=') && !behind.starts_with('}'))
          return true;
      }
      if (text[i] == '(') ++depth;
      if (text[i] == ')') --depth;
    }
  }
  return false;
}

// A macro that is called where a declaration stands, "DEFINE_FOO(x)" or "static DEFINE_FOO(x);".
bool is_call(std::string_view text) {
  std::string_view word = first_word(text);
  std::string_view rest = text;
  while (is_one_of(word, {"static", "extern", "typedef", "const", "inline", "__inline",
                          "__inline__", "__always_inline", "noinline", "notrace"})) {
    rest = trimmed(rest.substr(word.size()));
    word = first_word(rest);
  }
  const std::string_view group = trimmed(rest.substr(word.size()));
  if (word.empty() || is_keyword(word) || !group.starts_with('(')) return false;
  if (rest.size() == text.size()) return true;
  // Else it may be an attribute: "static inline __printf(1, 2) int f(...);"
  int depth = 0;
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (group[i] == '(') ++depth;
    if (group[i] == ')' && --depth == 0) return first_word(trimmed(group.substr(i + 1))).empty();
  }
  return true;
}

// What `head`, a declaration less all that stands in parentheses and the like, may name besides
// its last word: in "extern int limit __read_mostly", any but the type.
void add_names(std::string_view head, std::set<std::string, std::less<>>& names) {
  bool typed = false;
  bool tag = false;
  each_word(head, [&](std::string_view word) {
    if (is_one_of(word, {"struct", "union", "enum"})) {
      typed = tag = true;
    } else if (is_one_of(word, {"char", "double", "float", "int", "long", "short", "signed",
                                "unsigned", "void", "_Bool", "typeof", "__typeof__"})) {
      typed = true;
    } else if (tag) {
      tag = false;
    } else if (!is_keyword(word)) {
      if (typed) names.emplace(word);
      typed = true;
    }
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
      add_words(context(), piece.mentions);
      if (word == "define") add_words(rest.substr(first_word(rest).size()), piece.mentions);
      pieces_.push_back(std::move(piece));
    } else if (word != "error" && word != "warning" && !word.empty()) {
      Piece piece;  // an #include or a #pragma: of what follows nothing is known
      piece.text = context() + std::string(line);
      piece.anonymous = true;
      add_words(context(), piece.mentions);
      if (!rest.starts_with('<') && !rest.starts_with('"')) add_words(rest, piece.mentions);
      pieces_.push_back(std::move(piece));
    }
    // Where it stands in a piece may be what changes.
    if (!open_.empty()) whole_ += "#" + std::string(line) + "\n";
  }

  void code(std::string_view line) {
    char quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const char c = line[i];
      if (open_.empty() && (c == ' ' || c == '\t' || c == '\r')) continue;
      if (open_.empty()) whole_ = context();
      add(c);
      if (quote != 0) {
        if (c == '\\' && i + 1 < line.size()) {
          add(line[++i]);
        } else if (c == quote) {
          quote = 0;
        }
        continue;
      }
      if (c == '"' || c == '\'') quote = c;
      if (c == '(' && depth_ == 0 && !braces_ && !opens_attribute(head_)) group_ = true;
      if (c == '{' && depth_ == 0 && ends_with_tag(head_)) group_ = false;
      if (depth_ == 0 && c == '=') valued_ = true;
      if (depth_ == 0 && c == ',') valued_ = false;
      if (depth_ == 0 && !valued_) head_ += c;
      if (c == '{' || c == '(' || c == '[') ++depth_;
      if (c == '}' || c == ')' || c == ']') --depth_;
      if (depth_ < 0) understood_ = false;
      if (c == '{') braces_ = true;
      // A function's body ends its piece; behind a structure's a semicolon follows.
      if (depth_ == 0 && (c == ';' || (c == '}' && group_ && !assigned_))) finish();
      if (c == '=' && depth_ == 0) assigned_ = true;
    }
    if (!open_.empty()) {
      add('\n');
      head_ += ' ';
    }
  }
  void add(char c) {
    open_ += c;
    whole_ += c;
  }

  std::string context() const {
    std::string text;
    for (const Condition& condition : conditions_) text += "#" + condition.text + "\n";
    return text;
  }

  void finish() {
    const std::string text = std::exchange(open_, {});
    Piece piece;
    piece.text = std::exchange(whole_, {});
    const std::string head = std::exchange(head_, {});
    const bool function = group_;
    group_ = braces_ = assigned_ = valued_ = false;
    if (trimmed(text).empty()) return;
    add_words(piece.text, piece.mentions);
    const std::string plain = told(text);
    bool silent = true;  // a check at compile time, or nothing
    for (const Declaration& one : read_declarations("# 1 \"header\"\n" + plain, "")) {
      piece.names.insert(one.names.begin(), one.names.end());
      piece.anonymous = piece.anonymous || one.root;
      silent = silent && (one.text.starts_with("_Static_assert ") || one.text == "; ");
    }
    if (!function) add_names(told(head), piece.names);
    std::erase_if(piece.names, is_keyword);
    // What no name tells cannot be looked for.
    if (is_call(plain) || has_made_enumerators(plain) || (piece.names.empty() && !silent))
      piece.anonymous = true;
    pieces_.push_back(std::move(piece));
  }

  std::vector<Piece> pieces_;
  std::vector<Condition> conditions_;
  std::string open_;   // the piece so far, without directives
  std::string whole_;  // with them, and the conditions where it began
  std::string head_;   // what of it stands in no parentheses, nor behind a "="
  int depth_ = 0;
  bool group_ = false;  // it had parentheses before any brace: a function, or a macro
  bool braces_ = false;
  bool assigned_ = false;  // a value, not a body
  bool valued_ = false;    // the same, up to the next comma
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
