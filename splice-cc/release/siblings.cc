// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/release/siblings.h"

#include <algorithm>
#include <array>
#include <functional>
#include <regex>

#include "matcher/base/file.h"
#include "splice-cc/headers/c_scanner.h"

namespace splicer {

namespace {

using Kind = Complaint::Kind;

// Messages of gcc 12 (gcc/c/c-typeck.c, c-decl.c, c-parser.c); `name` and `structure` are groups of the form.
struct Form {
  Kind kind;
  const char* text;
  std::size_t name;
  std::size_t structure;
};
constexpr std::array kForms = {
    Form{Kind::tracepoint, "argument [0-9]+ of 'trace_([^']+)'", 1, 0},
    Form{Kind::tracepoint, "arguments to function 'trace_([^']+)'", 1, 0},
    Form{Kind::name, "implicit declaration of function '([^']+)'", 1, 0},
    Form{Kind::member, "'(?:const )?(?:struct|union) ([^']+)' has no member named '([^']+)'", 2, 1},
    Form{Kind::name, "has no member named '([^']+)'", 1, 0},
    Form{Kind::name, "unknown type name '([^']+)'", 1, 0},
    Form{Kind::name, "too (?:few|many) arguments to function '([^']+)'", 1, 0},
    Form{
        Kind::name,
        "(?:conflicting types for|redefinition of|static declaration of|non-static declaration of) "
        "'([^']+)'",
        1, 0},
    Form{Kind::name, "passing argument [0-9]+ of '([^']+)'", 1, 0},
    Form{Kind::name, "argument [0-9]+ of '([^']+)'", 1, 0},
    Form{Kind::name, "(?:incomplete|undefined) type '(?:struct|union|enum) ([^']+)'", 1, 0},
    Form{Kind::name, "macro \"([^\"]+)\" (?:passed|requires)", 1, 0},
    Form{Kind::name, "'([A-Za-z_0-9]+)' undeclared", 1, 0},
    Form{Kind::name, "'([A-Za-z_0-9]+)' (?:declared|used but never defined|was not declared)", 1,
         0},
};

constexpr std::size_t kMostLine = 2000;

void add_parameters(const std::string& line, std::vector<Complaint>& complaints) {
  static const std::regex pointer(R"(initialization of '([^']*\(\*\)\([^']*)')");
  static const std::regex structure("struct ([A-Za-z_0-9]+)");
  std::smatch match;
  if (!std::regex_search(line, match, pointer)) return;
  const std::string type = match[1];
  for (std::sregex_iterator at(type.begin(), type.end(), structure), end; at != end; ++at)
    complaints.push_back({Kind::parameter, "", (*at)[1], ""});
}

// "  99 |         x->member = y;", which gcc shows behind a message.
void add_shown(const std::string& line, std::vector<Complaint>& complaints) {
  static const std::regex source(R"(^\s*[0-9]+ \|(.*)$)");
  static const std::regex cleanup(R"(__free\(([A-Za-z_0-9]+)\))");
  static const std::regex member(R"((?:->|\.)([A-Za-z_][A-Za-z_0-9]*))");
  std::smatch match;
  if (!std::regex_match(line, match, source)) return;
  const std::string text = match[1];
  if (std::regex_search(text, match, cleanup)) complaints.push_back({Kind::name, "", match[1], ""});
  for (std::sregex_iterator at(text.begin(), text.end(), member), end; at != end; ++at)
    complaints.push_back({Kind::shown, "", (*at)[1], ""});
}

// "fs/foo.c:12:5: error: ..."
void add_message(const std::string& line, std::vector<Complaint>& complaints) {
  static const std::regex place(
      R"(^\s*(?:\./)?([^\s:]+):[0-9]+:(?:[0-9]+:)? (?:fatal )?(?:error|warning): (.*)$)");
  static const std::regex missing("^([^ :]+): No such file or directory");
  static const std::vector<std::regex> forms = [] {
    std::vector<std::regex> all;
    all.reserve(std::size(kForms));
    for (const Form& form : kForms) all.emplace_back(form.text);
    return all;
  }();
  std::smatch match;
  if (!std::regex_match(line, match, place)) return;
  const std::string file = match[1];
  const std::string text = match[2];
  if (std::regex_search(text, match, missing)) {
    complaints.push_back({Kind::header, "", match[1], ""});
    return;
  }
  for (std::size_t i = 0; i < kForms.size(); ++i)
    if (std::regex_search(text, match, forms[i])) {
      const Form& form = kForms[i];
      complaints.push_back({form.kind, file, match[form.name],
                            form.structure == 0 ? std::string() : match[form.structure].str()});
      return;
    }
}

// Static calls and tracepoints have symbols of their own: include/linux/static_call_types.h, tracepoint.h.
std::string without_prefix(const std::string& name) {
  for (const std::string_view prefix : {"__SCK__", "__SCT__", "__tracepoint_", "__traceiter_"})
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  return name;
}

bool has_word(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !is_word_character(text[at - 1])) &&
        (end == text.size() || !is_word_character(text[end])))
      return true;
  }
  return false;
}

// What follows the word in a line that has it, without blanks: ";" of "int tries;".
std::string_view behind_word(std::string_view line, std::string_view word) {
  if (!has_word(line, word)) return {};
  return trimmed(line.substr(line.rfind(word) + word.size()));
}

bool is_header(const std::string& path) { return path.ends_with(".h"); }

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/') + 1); }

// Headers that the file can be meant to read: common ones, and those of its own subsystem.
bool may_read(const std::string& own, const std::string& header) {
  if (!is_header(header)) return false;
  if (header.starts_with("include/") || header.starts_with("arch/x86/include/")) return true;
  std::size_t end = own.find('/');
  for (const char* deep : {"arch/", "drivers/", "fs/", "sound/"})
    if (own.starts_with(deep)) end = own.find('/', end + 1);
  return header.starts_with(own.substr(0, std::min(own.size(), end) + 1));
}

class Search {
 public:
  Search(const std::vector<Hunk>& hunks, const std::string& own) : hunks_(hunks), own_(own) {}

  using Line = std::function<bool(const std::string& line)>;
  using File = std::function<bool(const std::string& path)>;
  // Hunks of such files with such an added line, or removed one.
  std::set<std::size_t> with(const File& file, const Line& line, bool removed) const {
    std::set<std::size_t> found;
    for (std::size_t i = 0; i < hunks_.size(); ++i) {
      const Hunk& hunk = hunks_[i];
      if (file(hunk.path) && (std::ranges::any_of(hunk.added, line) ||
                              (removed && std::ranges::any_of(hunk.removed, line))))
        found.insert(i);
    }
    return found;
  }
  std::set<std::size_t> in_headers(const Line& line, bool removed) const {
    return with([this](const std::string& path) { return may_read(own_, path); }, line, removed);
  }

  std::set<std::size_t> answer(const Complaint& complaint) const {
    const std::string& name = complaint.name;
    const Line mentions = [&name](const std::string& line) { return has_word(line, name); };
    switch (complaint.kind) {
      case Kind::header:
        return with([&](const std::string& path) { return path.ends_with("/" + name); },
                    [](const std::string&) { return true; }, true);
      case Kind::parameter:
        return in_headers(mentions, true);
      case Kind::tracepoint:
        return in_headers(
            [&](const std::string& line) {
              return line.find("(" + name + ",") != std::string::npos;
            },
            true);
      case Kind::shown:
        return {};
      default:
        break;
    }
    std::set<std::size_t> found;
    // The complaining file's own changes about that name, unless it is there whole.
    if (complaint.file != own_)
      found = with([&](const std::string& path) { return path == complaint.file; }, mentions, true);
    found.merge(declared(complaint));
    found.merge(defined(name));
    return found;
  }

  // Where a member has another type now.
  std::set<std::size_t> redeclared(const std::string& name) const {
    return in_headers(
        [&](const std::string& line) {
          const std::string_view behind = behind_word(line, name);
          return behind.starts_with(';') || behind.starts_with('[');
        },
        false);
  }

 private:
  std::set<std::size_t> declared(const Complaint& complaint) const {
    const std::string& name = complaint.name;
    std::set<std::size_t> found =
        in_headers([&](const std::string& line) { return has_word(line, name); }, false);
    if (!complaint.structure.empty())
      std::erase_if(found, [&](std::size_t hunk) {
        return !has_word(hunks_[hunk].text, complaint.structure);
      });
    if (!found.empty()) return found;
    // Its hunk does not show the structure; first in the folder of the file itself.
    found = in_headers(
        [&](const std::string& line) {
          const std::string_view behind = behind_word(line, name);
          return !behind.empty() && std::string_view(";,:[").find(behind[0]) != std::string::npos;
        },
        false);
    std::set<std::size_t> near;
    for (const std::size_t hunk : found)
      if (folder_of(hunks_[hunk].path) == folder_of(own_)) near.insert(hunk);
    return near.empty() ? found : near;
  }

  // Where a function's head or a variable begins a line, or it is exported.
  std::set<std::size_t> defined(const std::string& name) const {
    return with([&](const std::string& path) { return path != own_ && !is_header(path); },
                [&](const std::string& line) {
                  if (!has_word(line, name)) return false;
                  if (line.starts_with("EXPORT_SYMBOL") || line.starts_with("DEFINE_")) return true;
                  const std::string_view behind = behind_word(line, name);
                  const bool opens = behind.empty() || behind[0] == '(' || behind[0] == '=' ||
                                     behind[0] == ';' || behind[0] == '[' ||
                                     behind.starts_with("__");
                  return is_word_character(line[0]) && opens;
                },
                false);
  }

  const std::vector<Hunk>& hunks_;
  const std::string& own_;
};

std::set<std::size_t> without(std::set<std::size_t> all, const std::set<std::size_t>& chosen) {
  std::erase_if(all, [&](std::size_t hunk) { return chosen.contains(hunk); });
  return all;
}

}  // namespace

std::vector<Complaint> complaints_of(const std::string& messages) {
  std::vector<Complaint> complaints;
  static const std::regex symbol(R"(^symbol ([A-Za-z_0-9]+)$)");
  for (const std::string& line : split_lines(messages)) {
    if (line.size() > kMostLine) continue;
    std::smatch match;
    if (std::regex_match(line, match, symbol)) complaints.push_back({Kind::name, "", match[1], ""});
    add_message(line, complaints);
    add_parameters(line, complaints);
    add_shown(line, complaints);
  }
  for (Complaint& complaint : complaints) complaint.name = without_prefix(complaint.name);
  return complaints;
}

std::set<std::size_t> siblings(const std::vector<Hunk>& hunks, const std::set<std::size_t>& chosen,
                               const std::string& own, const std::vector<Complaint>& complaints) {
  const Search search(hunks, own);
  std::set<std::size_t> found;
  for (const Complaint& complaint : complaints) found.merge(search.answer(complaint));
  found = without(std::move(found), chosen);
  if (!found.empty()) return found;
  // Nothing is missing by its name: then a member in what was shown has another type.
  for (const Complaint& complaint : complaints)
    if (complaint.kind == Kind::shown) found.merge(search.redeclared(complaint.name));
  found = without(std::move(found), chosen);
  if (!found.empty() || complaints.empty()) return found;
  // No hunk brings what is missing: then a header of which a part was taken needs its other parts.
  std::set<std::string> headers;
  for (const std::size_t hunk : chosen)
    if (is_header(hunks[hunk].path) && hunks[hunk].path != own) headers.insert(hunks[hunk].path);
  for (std::size_t i = 0; i < hunks.size(); ++i)
    if (headers.contains(hunks[i].path)) found.insert(i);
  return without(std::move(found), chosen);
}

}  // namespace splicer
