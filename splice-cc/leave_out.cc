// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/leave_out.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <regex>

#include "matcher/base/file.h"
#include "splice-cc/headers/c_scanner.h"
#include "splice-cc/hunk_parts.h"
#include "splice-cc/semantics/lock_families.h"

namespace splicer {

namespace {

template <typename Words>
bool has_one_of(std::string_view text, const Words& words) {
  bool found = false;
  each_word(text, [&](std::string_view one) { found = found || words.contains(one); });
  return found;
}

// "fs/foo.c:12:5: error: 'struct foo' has no member named 'tries'"
struct CompilerError {
  SourcePlace place;
  std::string text;
};

std::vector<CompilerError> compiler_errors(const std::string& messages) {
  static const std::regex line_form(R"(^\s*([^\s:]+):(\d{1,8}):(?:\d+:)? (?:fatal )?error: (.*)$)");
  std::vector<CompilerError> errors;
  for (const std::string& line : split_lines(messages)) {
    std::smatch match;
    if (line.size() > 2000 || !std::regex_match(line, match, line_form)) continue;
    unsigned number = 0;
    const std::string digits = match[2];
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    errors.push_back({{match[1], number}, match[3]});
  }
  return errors;
}

// What stands between quotes in a message.
std::string quoted(const std::string& text) {
  std::string names;
  static const std::regex quotes("'([^']*)'");
  for (std::sregex_iterator at(text.begin(), text.end(), quotes), end; at != end; ++at)
    names += (*at)[1].str() + " ";
  return names;
}

std::string without_blanks(std::string_view line) {
  std::string rest;
  for (const char c : line)
    if (c != ' ' && c != '\t') rest += c;
  return rest;
}

// More than a brace, "else", "break;", "return 0;" or "goto out;".
bool says_something(std::string_view line) {
  constexpr std::size_t kShortest = 10;
  const std::string rest = without_blanks(line);
  return rest.size() >= kShortest && !rest.starts_with("goto") && !rest.starts_with("return") &&
         !rest.starts_with("/*") && !rest.starts_with("*") && !rest.starts_with("//");
}

// "struct foo", "state.12", "table in foo_open": the names in it, without the compiler's numbers.
bool names_something(std::string_view word) {
  return is_identifier(word) && !is_keyword(word) && word != "in" && word != "of";
}

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

// "static int limit(int n)", in any line.
bool is_static(const std::string& heads, std::string_view name) {
  return std::ranges::any_of(split_lines(heads), [name](const std::string& head) {
    return head.starts_with("static ") &&
           last_word(trimmed(head.substr(0, head.find('(')))) == name;
  });
}

}  // namespace

Result<LeaveOut> LeaveOut::of(const PatchSet& patches, const std::filesystem::path& source,
                              const std::vector<std::string>& must, Scope scope) {
  LeaveOut selection(patches, source, scope);
  for (const std::string& name : must) {
    const std::set<std::size_t> named = selection.of_names(name);
    if (named.empty())
      return fail(ExitCode::usage, "must-matches-nothing",
                  fmt::format("--must {}: the patch changes nothing of that name", name))
          .hint("name a function, a structure or a macro that the patch changes or adds");
    for (const std::size_t part : named) selection.parts_[part].must = true;
  }
  return selection;
}

LeaveOut::LeaveOut(const PatchSet& patches, const std::filesystem::path& source, Scope scope)
    : patches_(patches), hunks_(hunks_of(patches)), scope_(scope) {
  for (std::size_t i = 0; i < hunks_.size(); ++i) kept_.insert(i);
  join_hunks(source);
  find_moves();
  find_calls();
}

// Hunks of one construct are one part.
void LeaveOut::join_hunks(const std::filesystem::path& source) {
  HunkParts all = parts_of(hunks_, source);
  constructs_ = std::move(all.constructs);
  part_of_ = std::move(all.part_of);
  for (HunkPart& part : all.parts) {
    Part& own = parts_.emplace_back();
    own.hunks = std::move(part.hunks);
    own.heads = std::move(part.heads);
  }
}

std::set<std::size_t> LeaveOut::at_place(const SourcePlace& place) const {
  std::set<std::size_t> parts;
  const auto constructs = constructs_.find(place.file);
  if (constructs == constructs_.end() || place.line == 0) return parts;
  const OldPlace old = old_place(hunks_, kept_, place.file, place.line);
  for (const Construct& construct : constructs->second)
    if (construct.first <= old.line && old.line <= construct.last)
      for (const std::size_t hunk : kept_)
        if (hunks_[hunk].path == place.file && touches(construct, hunks_[hunk]))
          parts.insert(part_of_[hunk]);
  if (parts.empty() && old.hunk) parts.insert(part_of_[*old.hunk]);
  return parts;
}

// Parts that change or add something of a name in the text; else those that mention one.
std::set<std::size_t> LeaveOut::of_names(std::string_view text) const {
  std::set<std::string_view> names;
  each_word(text, [&](std::string_view word) {
    if (names_something(word)) names.insert(word);
  });
  std::set<std::size_t> owners;
  std::set<std::size_t> users;
  for (const std::size_t hunk : kept_) {
    if (has_one_of(parts_[part_of_[hunk]].heads, names)) owners.insert(part_of_[hunk]);
    if (has_one_of(hunks_[hunk].text, names)) users.insert(part_of_[hunk]);
  }
  return owners.empty() ? users : owners;
}

std::set<std::size_t> LeaveOut::in_file(const std::string& path) const {
  std::set<std::size_t> parts;
  for (const std::size_t hunk : kept_)
    if (hunks_[hunk].path == path) parts.insert(part_of_[hunk]);
  return parts;
}

std::set<std::size_t> LeaveOut::blamed(const Finding& finding) const {
  std::set<std::size_t> parts = at_place(finding.place);
  if (parts.empty()) parts = of_names(finding.name);
  if (parts.empty()) parts = in_file(finding.place.file);
  return parts;
}

bool LeaveOut::drop(const std::set<std::size_t>& parts, const std::string& why, bool doubtful) {
  bool dropped = false;
  for (const std::size_t number : parts) {
    Part& part = parts_[number];
    if (part.must || part.out) continue;
    part.out = true;
    part.doubtful = doubtful;
    part.why = why;
    for (const std::size_t hunk : part.hunks) kept_.erase(hunk);
    dropped = true;
  }
  return dropped;
}

void LeaveOut::leave_out_file(const std::string& path, const std::string& why) {
  drop(in_file(path), why, false);
}

const std::string& LeaveOut::file_of(std::size_t part) const {
  return hunks_[*parts_[part].hunks.begin()].path;
}

// In a release, drivers that have nothing to do with each other lose and gain the same line every day.
bool LeaveOut::may_belong(std::size_t part, std::size_t other) const {
  if (scope_ == Scope::one_fix) return true;
  const std::string& a = file_of(part);
  const std::string& b = file_of(other);
  return folder_of(a) == folder_of(b);
}

void LeaveOut::leave_out_hunks(const std::set<std::size_t>& hunks, const std::string& why) {
  std::set<std::size_t> parts;
  for (const std::size_t hunk : hunks) parts.insert(part_of_[hunk]);
  drop(parts, why, false);
  drop_what_depends();
}

std::map<std::size_t, std::string> LeaveOut::reasons() const {
  std::map<std::size_t, std::string> reasons;
  for (const Part& part : parts_)
    if (part.out)
      for (const std::size_t hunk : part.hunks) reasons.emplace(hunk, part.why);
  return reasons;
}

// Lines that are gone in one part and new in another: "if (n > max)". With one end of a move, the other goes.
void LeaveOut::find_moves() {
  std::map<std::string, std::set<std::size_t>> added;
  for (std::size_t i = 0; i < hunks_.size(); ++i)
    for (const std::string& line : hunks_[i].added)
      if (says_something(line)) added[without_blanks(line)].insert(part_of_[i]);
  for (std::size_t i = 0; i < hunks_.size(); ++i)
    for (const std::string& line : hunks_[i].removed)
      if (const auto found = added.find(without_blanks(line)); found != added.end())
        for (const std::size_t other : found->second) {
          if (!may_belong(part_of_[i], other)) continue;
          const std::string why =
              fmt::format("it moves what is left out elsewhere: {}", trimmed(line));
          add_dependence(part_of_[i], other, why);
          add_dependence(other, part_of_[i], why);
        }
}

// Parts that newly call, or call otherwise, what another part changes: with that function or macro, they go.
void LeaveOut::find_calls() {
  std::map<std::string, std::set<std::size_t>> callees;  // parts, by name
  for (std::size_t i = 0; i < parts_.size(); ++i)
    for (const std::string& head : split_lines(parts_[i].heads)) {
      const std::string before = head.substr(0, head.find('('));
      const std::string_view name = last_word(trimmed(before));
      if (before.size() != head.size() && names_something(name))
        callees[std::string(name)].insert(i);
    }
  for (std::size_t i = 0; i < hunks_.size(); ++i) {
    std::set<std::string> before;
    for (const std::string& line : hunks_[i].removed) before.insert(without_blanks(line));
    for (const std::string& line : hunks_[i].added) {
      if (before.contains(without_blanks(line))) continue;
      each_word(line, [&](std::string_view word) {
        const auto found = callees.find(std::string(word));
        if (found == callees.end()) return;
        for (const std::size_t other : found->second)
          if (is_callable(part_of_[i], other, word))
            add_dependence(part_of_[i], other,
                           fmt::format("it calls {}, whose change is left out", word));
      });
    }
  }
}

// Another file's static function is another function, but for a header's.
bool LeaveOut::is_callable(std::size_t caller, std::size_t callee, std::string_view name) const {
  return file_of(caller) == file_of(callee) || file_of(callee).ends_with(".h") ||
         !is_static(parts_[callee].heads, name);
}

void LeaveOut::add_dependence(std::size_t part, std::size_t other, const std::string& why) {
  if (part != other) parts_[part].goes_with.emplace(other, why);
}

void LeaveOut::drop_what_depends() {
  for (bool more = true; more;) {
    more = false;
    for (std::size_t i = 0; i < parts_.size(); ++i)
      for (const auto& [other, why] : parts_[i].goes_with)
        if (parts_[other].out && !parts_[i].out) {
          blocked_ = blocked_ || parts_[i].must;
          more = drop({i}, why, true) || more;
        }
  }
}

bool LeaveOut::opposite_is_out(const Finding& half) const {
  bool found = false;
  for (std::size_t i = 0; i < hunks_.size(); ++i) {
    if (!parts_[part_of_[i]].out) continue;
    each_word(hunks_[i].text, [&](std::string_view word) {
      for (const CallEffect& effect : effects_of_call(word))
        found = found || (effect.change == -half.change && half.counted.starts_with(effect.family));
    });
  }
  return found;
}

bool LeaveOut::has_half(const std::vector<Finding>& warnings) const {
  return std::ranges::any_of(warnings, [this](const Finding& warning) {
    return warning.change != 0 && opposite_is_out(warning);
  });
}

bool LeaveOut::leave_out_halves(const std::vector<Finding>& warnings) {
  bool dropped = false;
  for (const Finding& warning : warnings)
    if (warning.change != 0 && opposite_is_out(warning)) {
      const std::set<std::size_t> parts = blamed(warning);
      const bool gone = drop(parts, "the other half is left out: " + warning.title(), false);
      blocked_ = blocked_ || !gone;
      dropped = dropped || gone;
    }
  drop_what_depends();
  return dropped && !blocked_;
}

bool LeaveOut::leave_out(const Error& error, const std::vector<Finding>& findings) {
  const bool dropped = drop_blamed(error, findings);
  drop_what_depends();
  return dropped && !blocked_;
}

bool LeaveOut::drop_blamed(const Error& error, const std::vector<Finding>& findings) {
  // Decided before any goes: the places are those of all that is still in.
  std::vector<std::pair<std::set<std::size_t>, std::string>> found;
  for (const Finding& finding : findings)
    if (finding.refuse) found.emplace_back(blamed(finding), finding.title());
  bool dropped = false;
  for (const auto& [parts, why] : found) dropped = drop(parts, why, false) || dropped;
  if (!findings.empty()) return dropped;
  if (!compiler_errors(error.detail).empty()) return drop_by_compiler(error);
  // Only a refusal is of some part of the patch; a compiler that is missing is not.
  if (error.exit != ExitCode::unsafe) return false;
  std::set<std::size_t> parts = of_names(error.function);
  if (parts.empty()) parts = in_file(error.file);
  return drop(parts, error.code, false);
}

bool LeaveOut::drop_by_compiler(const Error& error) {
  std::vector<std::pair<std::set<std::size_t>, std::string>> found;
  for (const CompilerError& one : compiler_errors(error.detail)) {
    std::set<std::size_t> parts = at_place(one.place);
    std::erase_if(parts, [this](std::size_t part) { return parts_[part].must; });
    if (parts.empty()) parts = of_names(quoted(one.text));
    found.emplace_back(std::move(parts), fmt::format("{}: {}", error.code, one.text));
  }
  bool dropped = false;
  for (const auto& [parts, why] : found) dropped = drop(parts, why, true) || dropped;
  return dropped;
}

std::vector<std::size_t> LeaveOut::doubtful() const {
  std::vector<std::size_t> parts;
  for (std::size_t i = parts_.size(); i-- > 0;)
    if (parts_[i].out && parts_[i].doubtful &&
        std::ranges::none_of(parts_[i].goes_with,
                             [this](const auto& one) { return parts_[one.first].out; }))
      parts.push_back(i);
  return parts;
}

void LeaveOut::take_back(std::size_t part) {
  parts_[part].out = false;
  kept_.insert(parts_[part].hunks.begin(), parts_[part].hunks.end());
}

void LeaveOut::leave_again(std::size_t part) {
  parts_[part].out = true;
  for (const std::size_t hunk : parts_[part].hunks) kept_.erase(hunk);
}

std::vector<std::string> LeaveOut::left_out() const {
  std::vector<std::string> sentences;
  for (const Part& part : parts_) {
    if (!part.out) continue;
    for (const std::size_t number : part.hunks) {
      const Hunk& hunk = hunks_[number];
      const unsigned last = std::max(hunk.first_line(), hunk.last_line());
      sentences.push_back(hunk.first_line() == last
                              ? fmt::format("{}, line {}: {}", hunk.path, last, part.why)
                              : fmt::format("{}, lines {} to {}: {}", hunk.path, hunk.first_line(),
                                            last, part.why));
    }
  }
  return sentences;
}

}  // namespace splicer
