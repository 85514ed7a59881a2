// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/top_level.h"

#include <algorithm>

#include "splice-cc/headers/c_scanner.h"

namespace splicer {

namespace {

class TopLevel {
 public:
  explicit TopLevel(std::string_view text) : scanner_(text) {}

  std::vector<Construct> run() {
    for (auto token = scanner_.next(); token; token = scanner_.next()) {
      if (token->text == "#" && begins_line_) {
        directive();
        continue;
      }
      read(*token);
      line_ += static_cast<unsigned>(std::ranges::count(token->text, '\n'));
      begins_line_ = token->kind == CTokenKind::line_end ||
                     (begins_line_ &&
                      (token->kind == CTokenKind::blank || token->kind == CTokenKind::comment));
    }
    if (now_.first != 0) end();
    return std::move(constructs_);
  }

 private:
  void read(const CToken& token) {
    const bool space = token.kind == CTokenKind::blank || token.kind == CTokenKind::comment ||
                       token.kind == CTokenKind::line_end || token.kind == CTokenKind::continuation;
    if (space) {
      if (now_.first != 0 && !in_body_) now_.head += ' ';
      return;
    }
    if (now_.first == 0) {
      if (token.text == ";") return;  // behind a structure
      now_.first = line_;
    }
    if (token.text == "{") {
      ++depth_;
      in_body_ = true;
    }
    if (!in_body_) now_.head += token.text;
    if (token.text == "}" && depth_ != 0) --depth_;
    if (depth_ == 0 && (token.text == ";" || token.text == "}")) end();
  }

  void end() {
    now_.last = line_;
    constructs_.push_back(std::move(now_));
    now_ = {};
    in_body_ = false;
  }

  // All of it, with the lines that it goes on over. A macro that is defined at the top level is a construct.
  void directive() {
    const unsigned first = line_;
    std::string text;
    for (auto token = scanner_.next(); token; token = scanner_.next()) {
      line_ += static_cast<unsigned>(std::ranges::count(token->text, '\n'));
      if (token->kind == CTokenKind::line_end) break;
      text += token->kind == CTokenKind::continuation ? " " : token->text;
    }
    const std::string_view behind = trimmed(text);
    const std::string_view name = first_word(behind);
    if (name.starts_with("if")) {
      branches_.push_back(depth_);
    } else if (name.starts_with("el") && !branches_.empty()) {
      depth_ = branches_.back();
    } else if (name == "endif" && !branches_.empty()) {
      branches_.pop_back();
    } else if (name == "define" && now_.first == 0) {
      constructs_.push_back({first, line_ - 1, std::string(behind)});
    }
    begins_line_ = true;
  }

  CScanner scanner_;
  unsigned line_ = 1;
  unsigned depth_ = 0;
  bool begins_line_ = true;
  bool in_body_ = false;
  Construct now_;
  std::vector<unsigned> branches_;  // how deep each #if began
  std::vector<Construct> constructs_;
};

}  // namespace

std::vector<Construct> top_level(std::string_view text) { return TopLevel(text).run(); }

}  // namespace splicer
