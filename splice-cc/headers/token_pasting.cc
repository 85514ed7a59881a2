// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/token_pasting.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "splice-cc/headers/c_scanner.h"

namespace splicer {

namespace {

bool is_word(std::string_view token) { return !token.empty() && is_word_character(token[0]); }

// Words, "##", and single characters; literals and comments left out.
std::vector<std::string_view> tokens_of(std::string_view text) {
  std::vector<std::string_view> tokens;
  CScanner scanner(text);
  while (const auto token = scanner.next()) {
    if (token->kind == CTokenKind::word) {
      tokens.push_back(token->text);
    } else if (token->kind == CTokenKind::other && token->text != "\\") {
      const bool second = token->text == "#" && !tokens.empty() && tokens.back() == "#" &&
                          tokens.back().data() + 1 == token->text.data();
      if (second) {
        tokens.back() = {tokens.back().data(), 2};
      } else {
        tokens.push_back(token->text);
      }
    }
  }
  return tokens;
}

// The parameters of a macro, and where its body begins.
std::size_t read_parameters(const std::vector<std::string_view>& tokens, bool has_parameters,
                            std::vector<std::string>& parameters) {
  std::size_t at = 1;
  if (!has_parameters) return at;
  for (++at; at < tokens.size() && tokens[at] != ")"; ++at)
    if (is_word(tokens[at])) parameters.emplace_back(tokens[at]);
  // "...", and "args..." under either name.
  const bool open = at >= 2 && tokens[at - 1] == ".";
  if (open && (parameters.empty() || !is_word(tokens[at - 4])))
    parameters.emplace_back("__VA_ARGS__");
  return at + 1;
}

}  // namespace

void TokenPasting::add_operand(const std::string& name, const std::vector<std::string>& parameters,
                               std::string_view word) {
  if (!is_word(word)) return;
  const auto found = std::find(parameters.begin(), parameters.end(), word);
  if (found == parameters.end()) {
    parts_.emplace(word);
  } else {
    pasted_[name].insert(static_cast<std::size_t>(found - parameters.begin()));
  }
}

void TokenPasting::learn_chains(const std::string& name, const std::vector<std::string>& parameters,
                                const std::vector<std::string_view>& body,
                                const TokenPasting& known) {
  if (std::any_of(body.begin(), body.end(),
                  [&](std::string_view word) { return known.is_chaining(word); }))
    chaining_.insert(name);
  for (std::size_t i = 1; i + 1 < body.size(); ++i) {
    if (body[i] != "##") continue;
    Chain chain;
    const auto add = [&](std::string_view word) {
      const bool any = std::find(parameters.begin(), parameters.end(), word) != parameters.end();
      chain.emplace_back(any ? "" : word);
    };
    for (add(body[i - 1]); i + 1 < body.size() && body[i] == "##"; i += 2) add(body[i + 1]);
    if (chain.size() > 2 && std::count(chain.begin(), chain.end(), "") > 1) {
      chains_.insert(std::move(chain));
      chaining_.insert(name);
    }
  }
}

bool TokenPasting::may_be_any(const std::vector<std::string>& parameters,
                              const std::vector<std::string_view>& body, std::size_t i) const {
  if (i + 1 == body.size() || body[i + 1] != "(") return false;
  const auto is_parameter = [&](std::string_view word) {
    return std::find(parameters.begin(), parameters.end(), word) != parameters.end();
  };
  if (i < 2 || body[i - 1] != "##") return is_parameter(body[i]);
  const std::string_view begin = is_parameter(body[i - 2]) ? "" : body[i - 2];
  const std::string_view end = is_parameter(body[i]) ? "" : body[i];
  return std::any_of(pasted_.begin(), pasted_.end(), [&](const auto& macro) {
    // With more parts before it, the beginning may be any.
    return ((i >= 4 && body[i - 3] == "##") || macro.first.starts_with(begin)) &&
           macro.first.ends_with(end);
  });
}

void TokenPasting::learn_calls(const std::string& name, const std::vector<std::string>& parameters,
                               const std::vector<std::string_view>& body,
                               const TokenPasting& known) {
  static const std::set<std::size_t> kFirst = {0};  // and whatever is beyond it
  for (std::size_t i = 0; i < body.size(); ++i) {
    if (!is_word(body[i])) continue;
    const auto called = known.pasted_.find(body[i]);
    const bool any = known.may_be_any(parameters, body, i);
    if (!any && called == known.pasted_.end()) continue;
    const std::set<std::size_t>& indexes = any ? kFirst : called->second;
    if (i + 1 == body.size() || body[i + 1] != "(") {
      // Another name for it, or it is handed on.
      pasted_[name].insert(indexes.begin(), indexes.end());
      continue;
    }
    int depth = 0;
    std::size_t argument = 0;
    for (std::size_t at = i + 1; at < body.size(); ++at) {
      if (body[at] == "(") ++depth;
      if (body[at] == ")" && --depth == 0) break;
      if (body[at] == "," && depth == 1) ++argument;
      // Whatever is beyond the last parameter belongs to "...".
      if (indexes.contains(argument) || argument > *indexes.rbegin())
        add_operand(name, parameters, body[at]);
    }
  }
}

void TokenPasting::learn(std::string_view text, const TokenPasting& known) {
  each_directive(text, [&](std::string_view directive, std::string_view behind) {
    if (directive == "define") learn_define(rest_of_directive(behind), known);
  });
}

void TokenPasting::learn_define(std::string_view define, const TokenPasting& known) {
  const std::vector<std::string_view> tokens = tokens_of(define);
  if (tokens.size() < 2 || !is_word(tokens[0])) return;
  const std::string name(tokens[0]);
  // A parenthesis right behind the name, without a blank, opens parameters.
  const bool has_parameters =
      tokens[1] == "(" && tokens[0].data() + name.size() == tokens[1].data();
  std::vector<std::string> parameters;
  const std::size_t begin = read_parameters(tokens, has_parameters, parameters);
  if (begin >= tokens.size()) return;
  const std::vector<std::string_view> body(tokens.begin() + static_cast<std::ptrdiff_t>(begin),
                                           tokens.end());
  for (std::size_t i = 1; i + 1 < body.size(); ++i) {
    if (body[i] != "##" || body[i - 1] == ",") continue;  // ", ## args" joins no name
    add_operand(name, parameters, body[i - 1]);
    add_operand(name, parameters, body[i + 1]);
  }
  learn_chains(name, parameters, body, known);
  learn_calls(name, parameters, body, known);
}

bool TokenPasting::merge(const TokenPasting& other) {
  bool grew = false;
  for (const auto& [name, indexes] : other.pasted_)
    for (const std::size_t index : indexes) grew |= pasted_[name].insert(index).second;
  for (const std::string& part : other.parts_) grew |= parts_.insert(part).second;
  for (const std::string& name : other.chaining_) grew |= chaining_.insert(name).second;
  chains_.insert(other.chains_.begin(), other.chains_.end());
  return grew;
}

// A line each: what it is, then its parts, with tabs between.
std::string TokenPasting::saved() const {
  std::string text;
  for (const auto& [name, indexes] : pasted_) {
    text += "macro\t" + name;
    for (const std::size_t index : indexes) text += "\t" + std::to_string(index);
    text += "\n";
  }
  for (const std::string& part : parts_) text += "part\t" + part + "\n";
  for (const std::string& name : chaining_) text += "chaining\t" + name + "\n";
  for (const Chain& chain : chains_) {
    text += "chain";
    for (const std::string& piece : chain) text += "\t" + piece;
    text += "\n";
  }
  return text;
}

TokenPasting TokenPasting::from_saved(std::string_view text) {
  TokenPasting pasting;
  for (std::size_t end = 0; !text.empty(); text.remove_prefix(std::min(end + 1, text.size()))) {
    end = std::min(text.find('\n'), text.size());
    Chain fields;
    for (std::string_view line = text.substr(0, end);;) {
      const std::size_t tab = line.find('\t');
      fields.emplace_back(line.substr(0, tab));
      if (tab == std::string_view::npos) break;
      line.remove_prefix(tab + 1);
    }
    if (fields.size() < 2) continue;
    const std::string kind = fields[0];
    fields.erase(fields.begin());
    if (kind == "macro") {
      std::set<std::size_t>& indexes = pasting.pasted_[fields[0]];
      for (std::size_t i = 1; i < fields.size(); ++i)
        indexes.insert(std::strtoul(fields[i].c_str(), nullptr, 10));
    } else if (kind == "part") {
      pasting.parts_.insert(fields[0]);
    } else if (kind == "chaining") {
      pasting.chaining_.insert(fields[0]);
    } else if (kind == "chain") {
      pasting.chains_.insert(std::move(fields));
    }
  }
  return pasting;
}

}  // namespace splicer
