// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/reachable_declarations.h"

#include <clang/Basic/LangOptions.h>
#include <clang/Lex/Lexer.h>

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>

namespace splicer {

namespace {

using Tokens = std::vector<std::string_view>;

bool is_name(std::string_view token) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !token.empty() && letter(token[0]);
}

bool is_one_of(std::string_view token, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), token) != words.end();
}

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

// Without attributes, assembler names and the like, which stand anywhere and have parentheses.
Tokens without_attributes(const Tokens& tokens) {
  Tokens plain;
  for (std::size_t i = 0; i < tokens.size();) {
    if (is_one_of(tokens[i], {"__attribute__", "__attribute", "asm", "__asm__", "__asm", "_Alignas",
                              "__declspec"}) &&
        i + 1 < tokens.size() && tokens[i + 1] == "(") {
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

bool has_attribute(const Tokens& tokens, std::initializer_list<std::string_view> words) {
  return std::any_of(tokens.begin(), tokens.end(),
                     [&](std::string_view token) { return is_one_of(token, words); });
}

// Names that the body of a type makes known outside it: enumerators, tags of types in it.
void names_in_body(const Tokens& tokens, std::size_t open, std::size_t end,
                   std::vector<std::string>& names) {
  const bool of_enum =
      open > 0 && (tokens[open - 1] == "enum" || (open > 1 && tokens[open - 2] == "enum"));
  for (std::size_t i = open + 1; i + 1 < end; ++i) {
    if (of_enum && is_name(tokens[i]) && is_one_of(tokens[i - 1], {"{", ","}))
      names.emplace_back(tokens[i]);
    if (begins_type(tokens[i])) {
      std::size_t at = i + 1;
      const bool tagged = at < end && is_name(tokens[at]);
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

class Reader {
 public:
  Declaration read(const Tokens& all, bool in_main) {
    Declaration declaration;
    for (const std::string_view token : all) {
      std::string word = without_count(token);
      declaration.text += word;
      declaration.text += ' ';
      if (is_name(token) && mentioned_.insert(word).second)
        declaration.mentions.push_back(std::move(word));
    }
    mentioned_.clear();
    const Tokens tokens = without_attributes(all);
    classify(declaration, tokens, all, in_main);
    return declaration;
  }

 private:
  static void classify(Declaration& declaration, const Tokens& tokens, const Tokens& all,
                       bool in_main) {
    // Only attributes and assembly, "; ;", or a check at compile time.
    if (tokens.empty() || (tokens.size() == 1 && tokens[0] == ";")) {
      declaration.root = has_attribute(all, {"asm", "__asm__", "__asm"});
      return;
    }
    if (tokens[0] == "_Static_assert") return;

    bool is_static = false;
    bool is_extern = false;
    bool is_inline = false;
    bool has_value = false;
    std::size_t head_end = tokens.size();  // where a function's body or a value begins
    std::optional<std::size_t> parameters;
    bool understood = true;
    std::size_t declarators = 0;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const std::string_view token = tokens[i];
      if (token == "static") is_static = true;
      if (token == "extern") is_extern = true;
      if (is_one_of(token, {"inline", "__inline", "__inline__"})) is_inline = true;
      if (begins_type(token)) {
        std::size_t at = i + 1;
        const bool tagged = at < tokens.size() && is_name(tokens[at]);
        if (tagged) ++at;
        const bool body = at < tokens.size() && tokens[at] == "{";
        // A tag is declared by a body, and by "struct s;".
        if (tagged && (body || (i == 0 && at < tokens.size() && tokens[at] == ";")))
          declaration.names.emplace_back(tokens[at - 1]);
        if (body) {
          const std::size_t after = after_group(tokens, at);
          names_in_body(tokens, at, after, declaration.names);
          at = after;
        }
        i = at - 1;
        continue;
      }
      if (is_one_of(token, {"typeof", "__typeof__", "__typeof"}) && i + 1 < tokens.size()) {
        i = after_group(tokens, i + 1) - 1;
        continue;
      }
      if (token == "(") {
        // The name stands before its parameters; "int (*f)(void)" is another matter.
        const std::size_t after = after_group(tokens, i);
        const bool plain = i > 0 && is_name(tokens[i - 1]) && i + 1 < tokens.size() &&
                           tokens[i + 1] != "*" && !(after < tokens.size() && tokens[after] == "(");
        if (parameters || !plain) {
          understood = false;
        } else {
          parameters = i;
          declaration.names.emplace_back(tokens[i - 1]);
        }
        ++declarators;
        i = after - 1;
        continue;
      }
      if (token == "[") {
        if (i > 0 && is_name(tokens[i - 1])) {
          declaration.names.emplace_back(tokens[i - 1]);
          ++declarators;
        }
        i = after_group(tokens, i) - 1;
        continue;
      }
      if (token == "=") {
        has_value = true;
        head_end = i;
      }
      if (is_one_of(token, {"=", ",", ";", ":"}) && i > 0 && is_name(tokens[i - 1])) {
        declaration.names.emplace_back(tokens[i - 1]);
        ++declarators;
      }
      if (token == "=") {  // the value: up to a comma or the end
        while (i + 1 < tokens.size() && !is_one_of(tokens[i + 1], {",", ";"}))
          i = is_one_of(tokens[i + 1], {"(", "[", "{"}) ? after_group(tokens, i + 1) - 1 : i + 1;
      }
      if (token == "{") {  // a function's body
        head_end = std::min(head_end, i);
        i = after_group(tokens, i) - 1;
      }
    }
    const bool body = head_end < tokens.size() && tokens[head_end] == "{";
    // What could not be taken apart may be meant by any identifier in it.
    if (!understood || (body && !parameters)) {
      declaration.names = declaration.mentions;
    }
    // What leaves nothing in the object by itself: types, prototypes, other objects' variables, and
    // static code that nobody uses. What the source itself says is always a root.
    const bool is_prototype = !body && !has_value && parameters && understood;
    const bool is_type = tokens[0] == "typedef" || declarators == 0;
    const bool elsewhere = is_extern && ((!body && !has_value) || is_inline);
    const bool kept = has_attribute(all, {"used", "__used__", "section", "__section__", "alias",
                                          "__alias__", "constructor", "__constructor__"});
    declaration.root =
        in_main || (kept && !elsewhere) || !(is_prototype || is_type || elsewhere || is_static);
  }

  std::unordered_set<std::string> mentioned_;
};

// A line of the preprocessor's own: `# 12 "include/linux/x.h" 1`, or a #pragma.
struct Mark {
  std::size_t offset = 0;
  bool in_main = false;
  std::string pragma;
};

// Finds them all, and blanks them out.
std::vector<Mark> take_marks(std::string& text, std::string_view main_file) {
  std::vector<Mark> marks;
  bool in_main = true;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (text[begin] == '#') {
      const std::string_view line = std::string_view(text).substr(begin, end - begin);
      Mark mark{begin, in_main, {}};
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

std::vector<Declaration> read_declarations(std::string_view given, std::string_view main_file) {
  std::string text(given);  // the lexer wants a zero behind it
  const std::vector<Mark> marks = take_marks(text, main_file);
  clang::LangOptions options;
  options.C99 = true;
  options.C11 = true;
  options.GNUMode = true;
  options.GNUKeywords = true;
  clang::Lexer lexer(clang::SourceLocation(), options, text.data(), text.data(),
                     text.data() + text.size());
  std::vector<Declaration> declarations;
  Reader reader;
  Tokens tokens;
  std::size_t mark = 0;
  bool in_main = true;
  bool main_part = false;  // some token of this declaration is the source's own
  int depth = 0;
  const auto finish = [&] {
    if (!tokens.empty()) declarations.push_back(reader.read(tokens, main_part));
    tokens.clear();
    main_part = false;
  };
  // Is it a function's body that closes? Then no semicolon follows.
  const auto is_function = [&] {
    const Tokens plain = without_attributes(tokens);
    int level = 0;
    for (std::size_t i = 0; i < plain.size(); ++i) {
      if (level == 0 && plain[i] == "=") return false;
      if (level == 0 && plain[i] == "{") return i > 0 && plain[i - 1] == ")";
      if (is_one_of(plain[i], {"(", "[", "{"})) {
        i = after_group(plain, i) - 1;
      }
    }
    return false;
  };
  clang::Token token;
  for (bool end = false; !end;) {
    end = lexer.LexFromRawLexer(token);
    if (token.is(clang::tok::eof)) break;
    const auto at = static_cast<std::size_t>(token.getLocation().getRawEncoding());
    for (; mark < marks.size() && marks[mark].offset <= at; ++mark) {
      in_main = marks[mark].in_main;
      if (marks[mark].pragma.empty()) continue;
      Declaration pragma;  // it holds from here on, for all that follows
      pragma.text = marks[mark].pragma;
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
    if (word == ";" || (word == "}" && is_function())) finish();
  }
  finish();
  return declarations;
}

std::vector<std::string> reachable(const std::vector<Declaration>& declarations) {
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
