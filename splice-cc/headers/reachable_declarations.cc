// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/reachable_declarations.h"

#include <clang/Basic/LangOptions.h>
#include <clang/Lex/Lexer.h>

#include <algorithm>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "splice-cc/headers/c_scanner.h"

namespace splicer {

namespace {

using Tokens = std::vector<std::string_view>;

bool begins_type(std::string_view token) { return is_one_of(token, {"struct", "union", "enum"}); }

// Counted names: __UNIQUE_ID_x123 has the value of __COUNTER__ at its end, which changes when
// anything before it uses another one, and says nothing.
std::string without_count(std::string_view token) {
  if (token.find("__UNIQUE_ID_") == std::string_view::npos) return std::string(token);
  while (!token.empty() && token.back() >= '0' && token.back() <= '9') token.remove_suffix(1);
  return std::string(token);
}

// The index after the parenthesis that closes the one at `open`.
std::size_t after_group(const Tokens& tokens, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < tokens.size(); ++i) {
    if (is_one_of(tokens[i], {"(", "[", "{"})) ++depth;
    if (is_one_of(tokens[i], {")", "]", "}"}) && --depth == 0) return i + 1;
  }
  return tokens.size();
}

bool begins_attribute(const Tokens& tokens, std::size_t i) {
  return is_one_of(tokens[i], {"__attribute__", "__attribute"}) && i + 1 < tokens.size() &&
         tokens[i + 1] == "(";
}

// Without attributes, assembler names and the like, which stand anywhere and have parentheses.
Tokens without_attributes(const Tokens& tokens) {
  Tokens plain;
  for (std::size_t i = 0; i < tokens.size();) {
    if (begins_attribute(tokens, i) ||
        (is_one_of(tokens[i], {"asm", "__asm__", "__asm", "_Alignas", "__declspec"}) &&
         i + 1 < tokens.size() && tokens[i + 1] == "(")) {
      i = after_group(tokens, i + 1);
    } else if (is_one_of(tokens[i], {"__extension__", "_Noreturn", "volatile", "const", "__const",
                                     "__restrict", "restrict"})) {
      ++i;
    } else {
      plain.push_back(tokens[i++]);
    }
  }
  return plain;
}

// Does an attribute make it an object's own, though nothing mentions it? The words of attributes
// count in __attribute__((...)); as the whole argument of some other macro outside braces, which
// may hand it to one; and under the names that include/linux/compiler_attributes.h and btf.h give them.
// Not as a member: "return x->used;".
bool is_kept(const Tokens& tokens) {
  const auto keeps = [](std::string_view word) {
    return is_one_of(
        word, {"used", "__used__", "retain", "__retain__", "section", "__section__", "alias",
               "__alias__", "constructor", "__constructor__", "destructor", "__destructor__"});
  };
  int braces = 0;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] == "{") ++braces;
    if (tokens[i] == "}") --braces;
    if (is_one_of(tokens[i], {"__used", "__section", "__alias", "__retain", "__bpf_kfunc"}))
      return true;
    if (begins_attribute(tokens, i)) {
      const std::size_t after = after_group(tokens, i + 1);
      for (; i < after; ++i)
        if (keeps(tokens[i])) return true;
      --i;
    } else if (braces == 0 && keeps(tokens[i]) && i > 0 && i + 1 < tokens.size() &&
               is_one_of(tokens[i - 1], {"(", ","}) && is_one_of(tokens[i + 1], {")", ",", "("})) {
      return true;
    }
  }
  return false;
}

bool has_assembly(const Tokens& tokens) {
  return std::ranges::any_of(tokens, [](std::string_view token) {
    return is_one_of(token, {"asm", "__asm__", "__asm"});
  });
}

// Names that the body of a type makes known outside it: enumerators, tags of types in it.
void names_in_body(const Tokens& tokens, std::size_t open, std::size_t end,
                   std::vector<std::string>& names) {
  const bool of_enum =
      open > 0 && (tokens[open - 1] == "enum" || (open > 1 && tokens[open - 2] == "enum"));
  for (std::size_t i = open + 1; i + 1 < end; ++i) {
    if (of_enum && is_identifier(tokens[i]) && is_one_of(tokens[i - 1], {"{", ","}))
      names.emplace_back(tokens[i]);
    if (begins_type(tokens[i])) {
      std::size_t at = i + 1;
      const bool tagged = at < end && is_identifier(tokens[at]);
      if (tagged) ++at;
      if (at < end && tokens[at] == "{") {
        // Without a body it is only mentioned: "struct net_device *dev;".
        if (tagged) names.emplace_back(tokens[at - 1]);
        const std::size_t after = after_group(tokens, at);
        names_in_body(tokens, at, after, names);
        i = after - 1;
      }
    }
  }
}

// Takes a declaration without attributes apart, from its first token to its last: what it may be
// referred to by, and whether it leaves anything in an object by itself.
class DeclarationShape {
 public:
  DeclarationShape(const Tokens& tokens, std::vector<std::string>& names)
      : tokens_(tokens), names_(names) {
    for (; at_ < tokens_.size(); ++at_) read_token();
  }

  // False: any identifier in it may be one of its names.
  bool is_understood() const { return understood_ && (end_ != End::body || parameters_); }
  bool is_elsewhere() const {
    return specifiers_.contains("extern") && (end_ == End::head || specifiers_.contains("inline"));
  }
  // Types, prototypes, other objects' variables, and static code that nobody uses.
  bool leaves_nothing() const {
    const bool prototype = end_ == End::head && parameters_ && understood_;
    const bool type = tokens_[0] == "typedef" || declarators_ == 0;
    return prototype || type || is_elsewhere() || specifiers_.contains("static");
  }

 private:
  enum class End { head, value, body };

  std::string_view token(std::size_t at) const { return at < tokens_.size() ? tokens_[at] : ""; }

  void read_token() {
    const std::string_view here = tokens_[at_];
    if (is_one_of(here, {"static", "extern"})) specifiers_.insert(here);
    if (is_one_of(here, {"inline", "__inline", "__inline__"})) specifiers_.insert("inline");
    if (begins_type(here)) {
      read_type();
    } else if (is_one_of(here, {"typeof", "__typeof__", "__typeof"}) && at_ + 1 < tokens_.size()) {
      at_ = after_group(tokens_, at_ + 1) - 1;
    } else if (here == "(") {
      read_parameters();
    } else if (here == "[") {
      add_declarator();
      at_ = after_group(tokens_, at_) - 1;
    } else if (is_one_of(here, {"=", ",", ";", ":"})) {
      add_declarator();
      if (here == "=") skip_value();
    } else if (here == "{") {
      if (end_ == End::head) end_ = End::body;
      at_ = after_group(tokens_, at_) - 1;
    }
  }

  void add_declarator() {
    if (at_ == 0 || !is_identifier(tokens_[at_ - 1])) return;
    names_.emplace_back(tokens_[at_ - 1]);
    ++declarators_;
  }

  void read_type() {
    std::size_t after = at_ + 1;
    const bool tagged = is_identifier(token(after));
    if (tagged) ++after;
    const bool body = token(after) == "{";
    // A tag is declared by a body, and by "struct s;", which has no declarator.
    const bool lone = tagged && at_ == 0 && token(after) == ";";
    if (tagged && (body || lone)) names_.emplace_back(tokens_[after - 1]);
    if (lone) ++after;
    if (body) {
      const std::size_t open = after;
      after = after_group(tokens_, open);
      names_in_body(tokens_, open, after, names_);
    }
    at_ = after - 1;
  }

  // The name is before its parameters; "int (*f)(void)" is another matter.
  void read_parameters() {
    const std::size_t after = after_group(tokens_, at_);
    const bool plain = at_ > 0 && is_identifier(tokens_[at_ - 1]) && at_ + 1 < tokens_.size() &&
                       token(at_ + 1) != "*" && token(after) != "(";
    if (parameters_ || !plain) {
      understood_ = false;
    } else {
      parameters_ = true;
      names_.emplace_back(tokens_[at_ - 1]);
    }
    ++declarators_;
    at_ = after - 1;
  }

  // Up to a comma or the end.
  void skip_value() {
    end_ = End::value;
    while (at_ + 1 < tokens_.size() && !is_one_of(tokens_[at_ + 1], {",", ";"}))
      at_ = is_one_of(tokens_[at_ + 1], {"(", "[", "{"}) ? after_group(tokens_, at_ + 1) - 1
                                                         : at_ + 1;
  }

  const Tokens& tokens_;
  std::vector<std::string>& names_;
  std::size_t at_ = 0;
  std::set<std::string_view> specifiers_;
  End end_ = End::head;  // what follows the head, the last of it
  std::size_t declarators_ = 0;
  bool parameters_ = false;
  bool understood_ = true;
};

// `in_main`: some token of it is in the source itself, whose declarations are roots.
TextDeclaration read_declaration(const Tokens& all, bool in_main) {
  TextDeclaration declaration;
  std::unordered_set<std::string> mentioned;
  for (const std::string_view token : all) {
    std::string word = without_count(token);
    declaration.text += word;
    declaration.text += ' ';
    if (is_identifier(token) && mentioned.insert(word).second)
      declaration.mentions.push_back(std::move(word));
  }
  const Tokens tokens = without_attributes(all);
  if (tokens.empty() || (tokens.size() == 1 && tokens[0] == ";")) {
    declaration.root = has_assembly(all);  // only attributes and assembly, or "; ;"
  } else if (tokens[0] != "_Static_assert") {
    const DeclarationShape shape(tokens, declaration.names);
    if (!shape.is_understood()) declaration.names = declaration.mentions;
    declaration.root =
        in_main || (is_kept(all) && !shape.is_elsewhere()) || !shape.leaves_nothing();
  }
  return declaration;
}

// Is it a function's body that its last brace closes? Then no semicolon follows.
bool ends_with_body(const Tokens& tokens) {
  const Tokens plain = without_attributes(tokens);
  for (std::size_t i = 0; i < plain.size(); ++i) {
    if (plain[i] == "=") return false;
    if (plain[i] == "{") return i > 0 && plain[i - 1] == ")";
    if (is_one_of(plain[i], {"(", "["})) i = after_group(plain, i) - 1;
  }
  return false;
}

// A line of the preprocessor's own: `# 12 "include/linux/x.h" 1`, or a #pragma.
struct LineMark {
  std::size_t offset = 0;
  bool in_main = false;
  std::string pragma;
};

// Finds them all, and blanks them out.
std::vector<LineMark> take_marks(std::string& text, std::string_view main_file) {
  std::vector<LineMark> marks;
  bool in_main = true;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (text[begin] == '#') {
      const std::string_view line = std::string_view(text).substr(begin, end - begin);
      LineMark mark{begin, in_main, {}};
      if (line.starts_with("# ")) {
        const std::size_t open = line.find('"');
        const std::size_t close = line.rfind('"');
        mark.in_main = open < close && line.substr(open + 1, close - open - 1) == main_file;
      } else {
        mark.pragma = line;
      }
      in_main = mark.in_main;
      marks.push_back(std::move(mark));
      std::fill(text.begin() + static_cast<std::ptrdiff_t>(begin),
                text.begin() + static_cast<std::ptrdiff_t>(end), ' ');
    }
    begin = end + 1;
  }
  return marks;
}

}  // namespace

std::vector<TextDeclaration> read_declarations(std::string_view given, std::string_view main_file) {
  std::string text(given);  // the lexer wants a zero behind it
  const std::vector<LineMark> marks = take_marks(text, main_file);
  clang::LangOptions options;
  options.C99 = true;
  options.C11 = true;
  options.GNUMode = true;
  options.GNUKeywords = true;
  clang::Lexer lexer(clang::SourceLocation(), options, text.data(), text.data(),
                     text.data() + text.size());
  std::vector<TextDeclaration> declarations;
  Tokens tokens;
  auto mark = marks.begin();
  bool in_main = true;
  bool main_part = false;  // some token of this declaration is the source's own
  int depth = 0;
  const auto finish = [&] {
    if (!tokens.empty()) declarations.push_back(read_declaration(tokens, main_part));
    tokens.clear();
    main_part = false;
  };
  clang::Token token;
  for (bool end = false; !end;) {
    end = lexer.LexFromRawLexer(token);
    if (token.is(clang::tok::eof)) break;
    const auto at = static_cast<std::size_t>(token.getLocation().getRawEncoding());
    for (; mark != marks.end() && mark->offset <= at; ++mark) {
      in_main = mark->in_main;
      if (mark->pragma.empty()) continue;
      TextDeclaration pragma;  // it holds from here on, for all that follows
      pragma.text = mark->pragma;
      pragma.root = true;
      declarations.push_back(std::move(pragma));
    }
    const std::string_view word = std::string_view(text).substr(at, token.getLength());
    tokens.push_back(word);
    main_part = main_part || in_main;
    if (is_one_of(word, {"(", "[", "{"})) ++depth;
    if (is_one_of(word, {")", "]", "}"})) --depth;
    if (depth > 0) continue;
    depth = 0;
    if (word == ";" || (word == "}" && ends_with_body(tokens))) finish();
  }
  finish();
  return declarations;
}

std::vector<std::string> reachable(const std::vector<TextDeclaration>& declarations) {
  std::unordered_map<std::string_view, std::vector<std::size_t>> by_name;
  for (std::size_t i = 0; i < declarations.size(); ++i)
    for (const std::string& name : declarations[i].names) by_name[name].push_back(i);
  std::vector<bool> reached(declarations.size());
  std::vector<std::size_t> todo;
  for (std::size_t i = 0; i < declarations.size(); ++i) {
    if (!declarations[i].root) continue;
    reached[i] = true;
    todo.push_back(i);
  }
  while (!todo.empty()) {
    const std::size_t here = todo.back();
    todo.pop_back();
    for (const std::string& name : declarations[here].mentions) {
      const auto found = by_name.find(name);
      if (found == by_name.end()) continue;
      for (const std::size_t next : found->second) {
        if (reached[next]) continue;
        reached[next] = true;
        todo.push_back(next);
      }
      by_name.erase(found);  // all of that name are reached now
    }
  }
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < declarations.size(); ++i)
    if (reached[i]) texts.push_back(declarations[i].text);
  return texts;
}

}  // namespace splicer
