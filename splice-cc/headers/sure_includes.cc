// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/sure_includes.h"

#include <algorithm>
#include <utility>

#include "splice-cc/headers/c_scanner.h"

namespace splicer {

namespace {

// Goes through a text line by line and knows under how many conditions each is.
class Lines {
 public:
  explicit Lines(std::size_t most) : most_(most) {}

  // False once no more is wanted.
  bool read(std::string_view line) {
    line = trimmed(line);
    if (line.empty()) return true;
    if (closed_) behind_ = true;
    if (!line.starts_with('#')) {
      leading_ = false;
      ++seen_;
      return true;
    }
    const std::string_view directive = trimmed(line.substr(1));
    const std::string_view word = first_word(directive);
    if (word.starts_with("include") && includes_++ == most_) return false;
    read_directive(word, trimmed(directive.substr(word.size())), line);
    ++seen_;
    return true;
  }

  SureIncludes take() {
    found_.once = found_.once || (guarded_ && closed_ && !behind_ && !chosen_);
    return std::move(found_);
  }

 private:
  void read_directive(std::string_view word, std::string_view rest, std::string_view line) {
    if (word.starts_with("if")) {
      if (seen_ == 0 && word == "ifndef") guard_ = first_word(rest);
      if (guard_.empty() || seen_ != 0) leading_ = false;
      ++depth_;
    } else if (word == "endif") {
      --depth_;
      if (depth_ == 0 && guarded_) closed_ = true;
    } else if (is_one_of(word, {"else", "elif"})) {
      if (depth_ == 1) chosen_ = true;
    } else if (word == "define") {
      if (seen_ == 1 && !guard_.empty() && first_word(rest) == guard_) guarded_ = true;
    } else if (word == "pragma" && depth_ == 0 && rest == "once") {
      found_.once = true;
    } else if (word == "include" &&
               (depth_ == 0 || (depth_ == 1 && guarded_ && !closed_ && !chosen_))) {
      for (std::string& include : include_lines(line))
        found_.includes.push_back(std::move(include));
      if (leading_) found_.leading = found_.includes.size();
    }
  }

  std::size_t most_;
  std::size_t includes_ = 0;
  std::size_t seen_ = 0;  // lines with anything on them
  std::size_t depth_ = 0;
  std::string guard_;
  bool guarded_ = false;  // the text is between #ifndef G, #define G and an #endif
  bool closed_ = false;   // behind that
  bool behind_ = false;   // where there is something
  bool leading_ = true;   // no code yet, and no condition but a guard
  bool chosen_ = false;   // an #else of the outermost condition
  SureIncludes found_;
};

}  // namespace

SureIncludes sure_includes(std::string_view given, std::size_t most) {
  const std::string text = without_comments(given);
  Lines lines(most);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    if (!lines.read(std::string_view(text).substr(begin, end - begin))) break;
    begin = end + 1;
  }
  return lines.take();
}

std::vector<std::string> SureReads::meant(const std::string& path,
                                          const std::vector<std::string>& includes) const {
  std::vector<std::string> paths;
  for (const std::string& include : includes)
    if (auto one = graph_.surely_meant_by(path, include)) paths.push_back(std::move(*one));
  return paths;
}

SureReads::File SureReads::read_file(const std::string& path, std::string_view text) const {
  const SureIncludes sure = sure_includes(text);
  const auto leading_end = sure.includes.begin() + static_cast<std::ptrdiff_t>(sure.leading);
  return {meant(path, sure.includes), meant(path, {sure.includes.begin(), leading_end}), sure.once};
}

const SureReads::File& SureReads::file(const std::string& path) {
  if (const auto known = files_.find(path); known != files_.end()) return known->second;
  File file;
  if (const auto text = read_(path)) file = read_file(path, *text);
  if (const auto other = others_.find(path); other != others_.end()) {
    const File second = read_file(path, other->second);
    const auto keep_common = [](std::vector<std::string>& one,
                                const std::vector<std::string>& two) {
      std::erase_if(one, [&](const std::string& include) {
        return std::find(two.begin(), two.end(), include) == two.end();
      });
    };
    keep_common(file.includes, second.includes);
    keep_common(file.leading, second.leading);
    file.once = file.once && second.once;
  }
  return files_.emplace(path, std::move(file)).first->second;
}

std::set<std::string> SureReads::closure(std::vector<std::string> todo) {
  for (const std::string& path : IncludeGraph::forced()) todo.push_back(path);
  std::set<std::string> closure(todo.begin(), todo.end());
  while (!todo.empty()) {
    const std::string path = std::move(todo.back());
    todo.pop_back();
    for (const std::string& next : file(path).includes)
      if (closure.insert(next).second) todo.push_back(next);
  }
  return closure;
}

const std::set<std::string>& SureReads::of(const std::string& path) {
  if (const auto known = closures_.find(path); known != closures_.end()) return known->second;
  return closures_.emplace(path, closure({path})).first->second;
}

const std::set<std::string>& SureReads::before_code_of(const std::string& path) {
  if (const auto known = before_code_.find(path); known != before_code_.end()) return known->second;
  return before_code_.emplace(path, closure(file(path).leading)).first->second;
}

std::set<std::string> SureReads::above(const std::string& path, std::string_view text,
                                       std::size_t count) {
  return closure(meant(path, sure_includes(text, count).includes));
}

}  // namespace splicer
