// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/build/pinned_lines.h"

#include <clang/Basic/LangOptions.h>
#include <clang/Lex/Lexer.h>
#include <fmt/core.h>

#include <algorithm>
#include <regex>

#include "matcher/base/file.h"
#include "splice-cc/source/process.h"

namespace splicer {

Result<std::vector<ChangedLines>> changed_lines(const std::filesystem::path& before,
                                                const std::filesystem::path& after) {
  const auto run = run_program({"diff", "--text", "-U0", before.string(), after.string()});
  if (!run) return propagate(run);
  if (run->status > 1) return fail(ExitCode::error, "diff", run->output).at_file(after.string());
  static const std::regex head(R"(^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@)");
  std::vector<ChangedLines> changes;
  for (const std::string& line : split_lines(run->output)) {
    std::smatch match;
    if (!line.starts_with("@@ ")) continue;
    const std::string start = line.substr(0, 80);
    if (!std::regex_search(start, match, head)) continue;
    const auto number = [&match](int group) {
      return match[group].matched ? static_cast<unsigned>(std::stoul(match[group].str())) : 1U;
    };
    changes.push_back({number(1), number(2), number(3), number(4)});
  }
  return changes;
}

std::vector<bool> safe_lines(const std::string& text) {
  // begins[n]: offset of line n + 1
  std::vector<std::size_t> begins = {0};
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n' && i + 1 < text.size()) begins.push_back(i + 1);
  std::vector<bool> safe(begins.size() + 1, true);
  const auto line_of = [&begins](std::size_t offset) {
    return static_cast<std::size_t>(std::upper_bound(begins.begin(), begins.end(), offset) -
                                    begins.begin());
  };
  const auto spoil = [&](std::size_t first, std::size_t last) {
    for (std::size_t line = first; line <= last && line < safe.size(); ++line) safe[line] = false;
  };

  clang::LangOptions options;
  options.LineComment = true;
  options.C99 = true;
  options.GNUMode = true;
  clang::Lexer lexer(clang::SourceLocation(), options, text.data(), text.data(),
                     text.data() + text.size());
  lexer.SetCommentRetentionState(true);
  int depth = 0;
  std::size_t open_line = 0;
  bool directive = false;
  std::size_t directive_line = 0;
  clang::Token token;
  for (bool end = false; !end;) {
    end = lexer.LexFromRawLexer(token);
    if (token.is(clang::tok::eof)) break;
    const auto first = static_cast<std::size_t>(token.getLocation().getRawEncoding());
    const std::size_t length = token.getLength();
    const std::size_t begin_line = line_of(first);
    const std::size_t end_line = line_of(first + (length == 0 ? 0 : length - 1));
    // Inside a token (a comment, a continued string) nothing may stand.
    spoil(begin_line + 1, end_line);
    if (token.isAtStartOfLine()) {
      directive = token.is(clang::tok::hash);
      directive_line = begin_line;
    }
    if (directive) {  // a directive goes on over continued lines; its parentheses are its own
      spoil(directive_line + 1, end_line);
      continue;
    }
    if (token.is(clang::tok::l_paren)) {
      if (depth++ == 0) open_line = begin_line;
    } else if (token.is(clang::tok::r_paren) && depth > 0) {
      if (--depth == 0) spoil(open_line + 1, begin_line);
    }
  }
  // Parentheses that the #if branches leave open: what follows cannot be judged.
  if (depth != 0) spoil(open_line + 1, safe.size());
  // A backslash joins a line to the next.
  for (std::size_t line = 1; line < begins.size(); ++line) {
    const std::size_t next = begins[line];
    if (next >= 2 && text[next - 2] == '\\') safe[line + 1] = false;
  }
  return safe;
}

std::string with_pinned_lines(const std::string& after, const std::vector<ChangedLines>& changes) {
  const std::vector<bool> safe = safe_lines(after);
  const std::vector<std::string> lines = split_lines(after);
  std::string out;
  std::size_t change = 0;
  long shift = 0;  // old number less new number, of the lines here
  bool pending = false;
  for (std::size_t number = 1; number <= lines.size(); ++number) {
    while (change < changes.size()) {
      const ChangedLines& here = changes[change];
      const std::size_t end = here.new_first + (here.new_count == 0 ? 1 : here.new_count);
      if (number < end) break;
      const long old_end = here.old_first + (here.old_count == 0 ? 1 : here.old_count);
      shift = old_end - static_cast<long>(end);
      pending = true;
      ++change;
    }
    const bool changed_here = change < changes.size() && changes[change].new_count != 0 &&
                              number >= changes[change].new_first;
    if (pending && !changed_here && safe[number]) {
      out += fmt::format("#line {}\n", static_cast<long>(number) + shift);
      pending = false;
    }
    out += lines[number - 1] + "\n";
  }
  return out;
}

}  // namespace splicer
