// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/header_pieces.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "splice-cc/headers/c_scanner.h"
#include "splice-cc/headers/include_graph.h"
#include "splice-cc/headers/reachable_declarations.h"

namespace splicer {

namespace {

void add_words(std::string_view text, std::set<std::string, std::less<>>& words) {
  each_word(text, [&](std::string_view word) { words.emplace(word); });
}

std::string_view without_last_word(std::string_view text) {
  text = trimmed(text);
  return trimmed(text.substr(0, text.size() - last_word(text).size()));
}

// Attributes under the names that the kernel gives them in include/linux/compiler_attributes.h,
// compiler_types.h and init.h, as the compiler sees them.
std::string with_attributes(std::string_view text) {
  static const std::unordered_set<std::string_view> with_arguments = {
      "__aligned", "__assume_aligned", "__acquires", "__releases",      "__must_hold", "__printf",
      "__scanf",   "__alloc_size",     "__cleanup",  "__cond_acquires", "__counted_by"};
  static const std::unordered_set<std::string_view> alone = {"__packed",
                                                             "__read_mostly",
                                                             "__ro_after_init",
                                                             "__must_check",
                                                             "__maybe_unused",
                                                             "__always_unused",
                                                             "__cacheline_aligned",
                                                             "____cacheline_aligned",
                                                             "____cacheline_aligned_in_smp",
                                                             "__randomize_layout",
                                                             "__no_randomize_layout",
                                                             "__percpu",
                                                             "__user",
                                                             "__iomem",
                                                             "__rcu",
                                                             "__kernel",
                                                             "__force",
                                                             "__nocast",
                                                             "__private",
                                                             "__init",
                                                             "__initdata",
                                                             "__initconst",
                                                             "__exit",
                                                             "__meminit",
                                                             "__cold",
                                                             "__pure",
                                                             "__attribute_const__",
                                                             "__malloc",
                                                             "__weak",
                                                             "__noreturn",
                                                             "__deprecated",
                                                             "__visible",
                                                             "__nonstring",
                                                             "__init_or_module"};
  std::string plain;
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view word = first_word(text.substr(i));
    if (with_arguments.contains(word)) {
      plain += "__attribute__";
    } else if (is_one_of(word, {"__alias", "__section"})) {
      plain += "__attribute__((__section__)) __attribute__";  // its argument says which
    } else if (alone.contains(word)) {
      plain += "__attribute__(())";
    } else if (word == "__used") {
      plain += "__attribute__((__used__))";
    } else if (word == "static_assert") {
      plain += "_Static_assert";
    } else {
      plain += word.empty() ? text.substr(i, 1) : word;
    }
    i += std::max(word.size(), std::size_t{1});
  }
  return plain;
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

// A macro that is called in place of a declaration, "DEFINE_FOO(x)" or "static DEFINE_FOO(x);".
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

// Without the attributes at its end: "union u { int a; } __attribute__((packed))".
std::string_view without_last_attributes(std::string_view text) {
  for (text = trimmed(text); text.ends_with(')'); text = trimmed(text)) {
    std::size_t open = text.size();
    for (int depth = 0; open > 0;) {
      --open;
      if (text[open] == ')') ++depth;
      if (text[open] == '(' && --depth == 0) break;
    }
    const std::string_view before = text.substr(0, open);
    if (last_word(trimmed(before)) != "__attribute__") return text;
    text = without_last_word(before);
  }
  return text;
}

// Does the text, one declaration, declare types and nothing else?
//     struct s;      enum { A, B };      typedef struct { int a; } s_t __aligned(8);
bool is_type(std::string_view text) {
  text = trimmed(text);
  if (first_word(text) == "typedef") return true;
  if (!is_one_of(first_word(text), {"struct", "union", "enum"}) || !text.ends_with(';'))
    return false;
  text.remove_suffix(1);
  text = without_last_attributes(text);
  const std::size_t open = text.find('{');
  // "struct s", or "struct s *f(void)".
  if (open == std::string_view::npos)
    return without_last_word(text) == first_word(text) && !last_word(text).empty();
  if (text.find_first_of("(=") < open) return false;
  return text.ends_with('}');
}

// What `head`, a declaration without all that is in parentheses and the like, may name besides its
// last word: in "extern int limit __read_mostly", any but the type.
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

// Cuts a header, line by line. The state is what was seen of the piece that is open:
//
//     text so far                          Ending            Head
//     static inline int f(void)            after_braces      declarator
//     struct page {                        after_semicolon   declarator
//     int limit = { 1 }                    undecided         value
//     int limit = 1,                       undecided         next_declarator
class HeaderCutter {
 public:
  std::optional<std::vector<HeaderPiece>> cut(std::string_view given) {
    const std::string text = without_comments(given);
    for (std::size_t begin = 0; begin < text.size() && understood_;) {
      const std::size_t end = std::min(text.find('\n', begin), text.size());
      const std::string_view line = std::string_view(text).substr(begin, end - begin);
      if (const std::string_view bare = trimmed(line); bare.starts_with('#')) {
        read_directive(trimmed(bare.substr(1)));
      } else {
        read_code(line);
      }
      begin = end + 1;
    }
    finish();
    if (!understood_ || depth_ != 0 || !conditions_.empty()) return std::nullopt;
    return std::move(pieces_);
  }

 private:
  // What ends the piece, as far as its parentheses and braces tell.
  enum class Ending {
    undecided,
    after_braces,     // parentheses came first: a function or a macro's call, whose body ends it
    after_semicolon,  // braces came first: a structure's, or a value's
  };
  // Which part of a declaration the head is in.
  enum class Head { declarator, value, next_declarator };

  struct Condition {
    std::string text;
    int depth = 0;  // of braces where it begins
  };

  void read_directive(std::string_view line) {
    const std::string_view word = first_word(line);
    const std::string_view rest = trimmed(line.substr(word.size()));
    if (is_one_of(word, {"if", "ifdef", "ifndef", "else", "elif", "endif"})) {
      read_condition(word, line);
    } else if (word == "define" || word == "undef") {
      const std::string_view name = first_word(rest);
      HeaderPiece& piece = add_directive(line);
      piece.kind = PieceKind::macro;
      piece.names.emplace(name);
      // A keyword that gets another meaning is mentioned everywhere.
      piece.anonymous = is_keyword(name);
      if (word == "define") add_words(rest.substr(name.size()), piece.mentions);
    } else if (word != "error" && word != "warning" && !word.empty()) {
      HeaderPiece& piece = add_directive(line);
      piece.kind = word.starts_with("include") ? PieceKind::include : PieceKind::directive;
      piece.anonymous = true;  // an #include or a #pragma: of what follows nothing is known
      if (!rest.starts_with('<') && !rest.starts_with('"')) add_words(rest, piece.mentions);
      if (const auto files = include_lines("#" + std::string(line)); !files.empty())
        piece.include = files.front();
    }
    // Its place in a piece may be what changes.
    if (!open_.empty()) whole_ += "#" + std::string(line) + "\n";
  }

  void read_condition(std::string_view word, std::string_view line) {
    if (word.starts_with("if")) {
      conditions_.push_back({std::string(line), depth_});
    } else if (conditions_.empty() || conditions_.back().depth != depth_) {
      understood_ = false;
    } else if (word == "endif") {
      conditions_.pop_back();
    } else {
      conditions_.back().text += "\n" + std::string(line);
    }
  }

  HeaderPiece& add_directive(std::string_view line) {
    HeaderPiece& piece = pieces_.emplace_back();
    piece.text = context() + std::string(line);
    add_words(context(), piece.mentions);
    return piece;
  }

  void read_code(std::string_view line) {
    CScanner scanner(line);
    while (const auto token = scanner.next()) {
      if (open_.empty() && token->kind == CTokenKind::blank) continue;
      if (open_.empty()) whole_ = context();
      add(token->text);
      if (token->kind == CTokenKind::other) {
        read_punctuator(token->text[0]);
      } else if (depth_ == 0 && head_part_ != Head::value) {
        head_ += token->text;
      }
    }
    if (!open_.empty()) {
      add("\n");
      head_ += ' ';
    }
  }

  void read_punctuator(char c) {
    if (depth_ == 0) {
      if (c == '(' && ending_ == Ending::undecided && !opens_attribute(head_))
        ending_ = Ending::after_braces;
      if (c == '{' && ends_with_tag(head_)) ending_ = Ending::after_semicolon;
      if (c == '=') head_part_ = Head::value;
      if (c == ',' && head_part_ == Head::value) head_part_ = Head::next_declarator;
      if (head_part_ != Head::value) head_ += c;
    }
    if (c == '{' && ending_ == Ending::undecided) ending_ = Ending::after_semicolon;
    if (c == '{' || c == '(' || c == '[') ++depth_;
    if (c == '}' || c == ')' || c == ']') --depth_;
    if (depth_ < 0) understood_ = false;
    // The braces of a value are not a body.
    const bool body = c == '}' && ending_ == Ending::after_braces && head_part_ == Head::declarator;
    if (depth_ == 0 && (c == ';' || body)) finish();
  }

  void add(std::string_view text) {
    open_ += text;
    whole_ += text;
  }

  std::string context() const {
    std::string text;
    for (const Condition& condition : conditions_) text += "#" + condition.text + "\n";
    return text;
  }

  void finish() {
    const std::string text = std::exchange(open_, {});
    HeaderPiece piece;
    piece.text = std::exchange(whole_, {});
    const std::string head = std::exchange(head_, {});
    const Ending ending = std::exchange(ending_, Ending::undecided);
    head_part_ = Head::declarator;
    if (trimmed(text).empty()) return;
    add_words(piece.text, piece.mentions);
    const std::string plain = with_attributes(text);
    bool silent = true;  // a check at compile time, or nothing
    for (const TextDeclaration& one : read_declarations("# 1 \"header\"\n" + plain, "")) {
      piece.names.insert(one.names.begin(), one.names.end());
      piece.makes_code = piece.makes_code || one.root;
      silent = silent && (one.text.starts_with("_Static_assert ") || one.text == "; ");
    }
    if (ending != Ending::after_braces) add_names(with_attributes(head), piece.names);
    std::erase_if(piece.names, is_keyword);
    if (is_type(plain)) piece.kind = PieceKind::type;
    // What has no name cannot be looked for.
    piece.anonymous = piece.makes_code || is_call(plain) || has_made_enumerators(plain) ||
                      (piece.names.empty() && !silent);
    pieces_.push_back(std::move(piece));
  }

  std::vector<HeaderPiece> pieces_;
  std::vector<Condition> conditions_;
  std::string open_;   // the piece so far, without directives
  std::string whole_;  // with them, and the conditions where it began
  std::string head_;   // what of it is in no parentheses and in no value
  Head head_part_ = Head::declarator;
  Ending ending_ = Ending::undecided;
  int depth_ = 0;
  bool understood_ = true;
};

}  // namespace

std::optional<std::vector<HeaderPiece>> cut_header(std::string_view text) {
  return HeaderCutter().cut(text);
}

}  // namespace splicer
