// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/token_pasting.h"

#include <algorithm>

#include "splice-cc/headers/header_pieces.h"

namespace splicer {

namespace {

bool is_word(std::string_view token) { return !token.empty() && is_part_of_word(token[0]); }

// Words, "##", and single characters; strings and comments left out.
std::vector<std::string_view> tokens_of(std::string_view text) {
  std::vector<std::string_view> tokens;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t begin = i;
    const char c = text[i];
    if (is_part_of_word(c)) {
      while (i < text.size() && is_part_of_word(text[i])) ++i;
    } else if (c == '"' || c == '\'') {
      for (++i; i < text.size() && text[i] != c; ++i)
        if (text[i] == '\\') ++i;
      i = std::min(i + 1, text.size());
      continue;
    } else if (text.substr(i, 2) == "/*") {
      i = std::min(text.find("*/", i + 2), text.size() - 2) + 2;
      continue;
    } else if (text.substr(i, 2) == "//") {
      break;
    } else {
      i += text.substr(i, 2) == "##" ? 2 : 1;
      if (c == ' ' || c == '\t' || c == '\n' || c == '\\') continue;
    }
    tokens.push_back(text.substr(begin, i - begin));
  }
  return tokens;
}

// Its last line goes on behind a backslash, and in a comment.
std::size_t end_of_directive(std::string_view text, std::size_t at) {
  char quote = 0;
  for (; at < text.size(); ++at) {
    if (text[at] == '\n') return at;
    if (text[at] == '\\') {
      ++at;
    } else if (quote != 0) {
      if (text[at] == quote) quote = 0;
    } else if (text[at] == '"' || text[at] == '\'') {
      quote = text[at];
    } else if (text.substr(at, 2) == "//") {
      while (at + 1 < text.size() && (text[at + 1] != '\n' || text[at] == '\\')) ++at;
    } else if (text.substr(at, 2) == "/*") {
      at = std::min(text.find("*/", at + 2), text.size() - 1) + 1;
    }
  }
  return text.size();
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

void MacroParts::add_operand(const std::string& name, const std::vector<std::string>& parameters,
                             std::string_view word) {
  if (!is_word(word)) return;
  const auto found = std::find(parameters.begin(), parameters.end(), word);
  if (found == parameters.end()) {
    parts_.emplace(word);
  } else {
    pasted_[name].insert(static_cast<std::size_t>(found - parameters.begin()));
  }
}

void MacroParts::learn_chains(const std::string& name, const std::vector<std::string>& parameters,
                              const std::vector<std::string_view>& body, const MacroParts& known) {
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

bool MacroParts::may_be_any(const std::vector<std::string>& parameters,
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

void MacroParts::learn_calls(const std::string& name, const std::vector<std::string>& parameters,
                             const std::vector<std::string_view>& body, const MacroParts& known) {
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

void MacroParts::learn(std::string_view text, const MacroParts& known) {
  constexpr std::string_view kDefine = "define";
  for (std::size_t at = text.find(kDefine); at != std::string_view::npos;
       at = text.find(kDefine, at + 1)) {
    std::size_t before = at;
    while (before > 0 && (text[before - 1] == ' ' || text[before - 1] == '\t')) --before;
    if (before == 0 || text[before - 1] != '#') continue;
    const std::size_t end = end_of_directive(text, at);
    const std::string_view define = text.substr(at + kDefine.size(), end - at - kDefine.size());
    at = end;
    const std::vector<std::string_view> tokens = tokens_of(define);
    if (tokens.size() < 2 || !is_word(tokens[0])) continue;
    const std::string name(tokens[0]);
    const std::size_t behind =
        static_cast<std::size_t>(tokens[0].data() - define.data()) + name.size();
    std::vector<std::string> parameters;
    const std::size_t begin =
        read_parameters(tokens, behind < define.size() && define[behind] == '(', parameters);
    if (begin >= tokens.size()) continue;
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
}

bool MacroParts::merge(const MacroParts& other) {
  bool learnt = false;
  for (const auto& [name, indexes] : other.pasted_)
    for (const std::size_t index : indexes) learnt |= pasted_[name].insert(index).second;
  for (const std::string& part : other.parts_) learnt |= parts_.insert(part).second;
  for (const std::string& name : other.chaining_) learnt |= chaining_.insert(name).second;
  chains_.insert(other.chains_.begin(), other.chains_.end());
  return learnt;
}

}  // namespace splicer
