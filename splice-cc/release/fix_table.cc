// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/release/fix_table.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "matcher/base/file.h"
#include "runtime/package/cve.h"
#include "splice-cc/headers/c_scanner.h"
#include "splice-cc/release/title.h"

namespace splicer {

namespace {

// "static int limit(int n)": limit.
std::string_view function_in_head(std::string_view head) {
  const std::size_t open = head.find('(');
  if (open == std::string_view::npos) return {};
  const std::string_view name = last_word(trimmed(head.substr(0, open)));
  return is_identifier(name) && !is_keyword(name) ? name : std::string_view();
}

bool defines(const ReleasePart& part, const std::string& function) {
  return std::ranges::any_of(split_lines(part.heads), [&](const std::string& head) {
    return function_in_head(head) == function;
  });
}

bool is_static(const ReleasePart& part, const std::string& function) {
  return std::ranges::any_of(split_lines(part.heads), [&](const std::string& head) {
    return function_in_head(head) == function && head.starts_with("static ") &&
           !part.file.ends_with(".h");
  });
}

bool mentions(const std::string& text, const std::string& name) {
  bool found = false;
  each_word(text, [&](std::string_view word) { found = found || word == name; });
  return found;
}

constexpr const char* kNotBuilt = "this configuration does not compile it";

// What one line comes to.
struct Verdict {
  FixState state = FixState::unknown;
  std::string by;
  std::set<std::string> files;
  std::set<std::string> functions;
  std::string why;
};

class Judge {
 public:
  explicit Judge(const ReleaseParts& all) : all_(all) {}

  Verdict judge(const FixLine& fix) const {
    if (!is_for_x86(fix.line.architectures))
      return {FixState::not_built,
              "",
              {},
              {},
              fmt::format("it is for {}", fmt::join(fix.line.architectures, ", "))};
    if (fix.line.reverted)
      return {FixState::unknown, "", {}, {}, "a later line of the changelog takes it back"};
    const Named named = named_parts(fix);
    if (!named.parts.empty()) return by_function(named, !fix.file.empty());
    if (!fix.file.empty()) return by_files({fix.file}, "file");
    return by_subsystem(names_in_title(fix.line.title).subsystem);
  }

  std::set<std::string> files(const FixLine& fix) const {
    if (!is_for_x86(fix.line.architectures) || fix.line.reverted) return {};
    std::set<std::string> files;
    for (const std::size_t part : named_parts(fix).parts) files.insert(all_.parts[part].file);
    if (!fix.file.empty()) files.insert(fix.file);
    if (files.empty()) files = files_meant(names_in_title(fix.line.title).subsystem);
    return files;
  }

 private:
  struct Named {
    std::set<std::string> functions;
    std::set<std::size_t> parts;
  };

  bool is_built(const std::string& file) const { return all_.built.contains(file); }
  bool is_code(const ReleasePart& part) const { return is_built(part.file) && part.needed; }

  // Parts that change a function which the title names; words without () count where no name with them is found.
  Named named_parts(const FixLine& fix) const {
    const TitleNames names = names_in_title(fix.line.title);
    Named named = defined(names.functions, fix);
    if (named.parts.empty()) named = defined(names.words, fix);
    return named;
  }

  Named defined(const std::vector<std::string>& functions, const FixLine& fix) const {
    Named named;
    for (const std::string& function : functions) {
      std::set<std::size_t> parts;
      for (std::size_t i = 0; i < all_.parts.size(); ++i)
        if ((fix.file.empty() || all_.parts[i].file == fix.file) &&
            defines(all_.parts[i], function))
          parts.insert(i);
      parts = in_subsystem(std::move(parts), names_in_title(fix.line.title).subsystem);
      if (parts.empty()) continue;
      named.functions.insert(function);
      named.parts.merge(parts);
    }
    return named;
  }

  // Of functions that have one name in several files, those that the words may mean; all, if these say nothing.
  std::set<std::size_t> in_subsystem(std::set<std::size_t> parts,
                                     const std::vector<std::string>& words) const {
    for (const std::string& word : std::vector<std::string>(words.rbegin(), words.rend())) {
      std::set<std::size_t> meant;
      for (const std::size_t part : parts)
        if (is_in_subsystem(all_.parts[part].file, {word})) meant.insert(part);
      if (!meant.empty()) parts = std::move(meant);
    }
    return parts;
  }

  Verdict by_function(const Named& named, bool by_hand) const {
    Verdict verdict{FixState::in, "function", {}, named.functions, ""};
    std::set<std::size_t> built;
    for (const std::size_t part : named.parts) {
      verdict.files.insert(all_.parts[part].file);
      if (is_code(all_.parts[part])) built.insert(part);
    }
    if (built.empty()) {
      verdict.state = FixState::not_built;
      verdict.why = kNotBuilt;
      return verdict;
    }
    for (const std::size_t part : built)
      if (const std::string why = not_in_force(all_.parts[part], named.functions); !why.empty()) {
        verdict.state = FixState::left_out;
        verdict.why = why;
        return verdict;
      }
    if (const ReleasePart* other = left_out_user(named, built, by_hand); other != nullptr) {
      verdict.state = FixState::unknown;
      verdict.why = fmt::format("the function is in, but what is left out in {} mentions it ({})",
                                other->file, other->left_out);
    }
    return verdict;
  }

  // Why a part is not in; empty if it is.
  std::string not_in_force(const ReleasePart& part, const std::set<std::string>& functions) const {
    if (!part.left_out.empty()) return part.left_out;
    const auto found = all_.start_up.find(part.file);
    if (found == all_.start_up.end()) return {};
    for (const std::string& function : functions)
      if (found->second.contains(function))
        return fmt::format("needs-reboot: {} has run at start-up", function);
    return {};
  }

  // A part that is left out, may belong to the same fix, and is code of this kernel.
  const ReleasePart* left_out_user(const Named& named, const std::set<std::size_t>& built,
                                   bool by_hand) const {
    for (const std::string& function : named.functions)
      for (const std::size_t number : built) {
        if (!defines(all_.parts[number], function)) continue;
        // Who has said the file has looked.
        const bool own_file = by_hand || is_static(all_.parts[number], function);
        for (const ReleasePart& other : all_.parts)
          if (!other.left_out.empty() && is_built(other.file) &&
              (!own_file || other.file == all_.parts[number].file) &&
              mentions(other.text, function))
            return &other;
      }
    return nullptr;
  }

  // Of the changed files, those that the words mean: the last word first, and each earlier one if some of what
  // is left has it, too.
  std::set<std::string> files_meant(const std::vector<std::string>& words) const {
    std::set<std::string> files;
    for (const std::string& word : std::vector<std::string>(words.rbegin(), words.rend())) {
      std::set<std::string> meant;
      for (const ReleasePart& part : all_.parts)
        if ((files.empty() || files.contains(part.file)) && is_in_subsystem(part.file, {word}))
          meant.insert(part.file);
      if (!meant.empty()) files = std::move(meant);
    }
    return files;
  }

  Verdict by_subsystem(const std::vector<std::string>& words) const {
    const std::set<std::string> meant = files_meant(words);
    if (meant.empty())
      return {FixState::unknown, "", {}, {}, "the changelog does not say in which file it is"};
    Verdict verdict = by_files(meant, "subsystem");
    if (verdict.state != FixState::in) return verdict;
    // Words are a habit: what stands beside these files may be meant as well.
    std::set<std::string> folders;
    for (const std::string& file : meant) folders.insert(file.substr(0, file.rfind('/') + 1));
    for (const ReleasePart& part : all_.parts)
      if (!part.left_out.empty() && is_built(part.file) &&
          folders.contains(part.file.substr(0, part.file.rfind('/') + 1))) {
        verdict.state = FixState::unknown;
        verdict.why = fmt::format(
            "it may be in {}, which is in, or beside that in {}, of which something is left out "
            "({})",
            fmt::join(meant, ", "), part.file, part.left_out);
        return verdict;
      }
    return verdict;
  }

  Verdict by_files(const std::set<std::string>& files, const std::string& by) const {
    Verdict verdict{FixState::in, by, files, {}, ""};
    std::size_t inside = 0;
    std::size_t outside = 0;
    for (const ReleasePart& part : all_.parts) {
      if (!files.contains(part.file) || !is_code(part)) continue;
      part.left_out.empty() ? ++inside : ++outside;
      if (!part.left_out.empty() && verdict.why.empty())
        verdict.why = fmt::format("{}: {}", part.file, part.left_out);
    }
    if (inside + outside == 0) {
      const bool differs = std::ranges::any_of(
          all_.parts, [&](const ReleasePart& part) { return files.contains(part.file); });
      verdict.state = differs ? FixState::not_built : FixState::unknown;
      verdict.why = differs ? kNotBuilt : "the two versions have the same there";
      return verdict;
    }
    if (outside != 0) {
      verdict.state = inside == 0 ? FixState::left_out : FixState::unknown;
      return verdict;
    }
    for (const std::string& file : files)
      if (const auto found = all_.start_up.find(file); found != all_.start_up.end()) {
        verdict.state = FixState::unknown;
        verdict.why = fmt::format("{}: what ran at start-up changes, too ({})", file,
                                  fmt::join(found->second, ", "));
      }
    return verdict;
  }

  const ReleaseParts& all_;
};

// What a person can do about a part that is left out, by the code that the reason begins with.
std::string remedy_of(const Verdict& verdict) {
  if (verdict.state == FixState::in || verdict.state == FixState::not_built) return {};
  if (verdict.state == FixState::unknown)
    return verdict.files.empty() || verdict.by == "subsystem"
               ? "name its file in a list: --only-cve, with CVE, architecture and file"
               : "read what is left out, or make an update of the commit alone";
  if (verdict.why.find("needs-reboot") != std::string::npos ||
      verdict.why.find("separate-image") != std::string::npos)
    return "reboot into the newer kernel";
  if (verdict.why.find("layout-changed") != std::string::npos)
    return "keep the new member as shadow data, by hand (splice.h(3)), or reboot";
  if (verdict.why.find("budget") != std::string::npos) return "run it again, or with more --budget";
  return "make an update of the commit alone, with hooks (splice.h(3)) or --accept where that is "
         "right; "
         "or reboot";
}

}  // namespace

Result<std::vector<FixLine>> fix_lines(const std::vector<ChangelogLine>& changelog,
                                       const std::vector<WantedFix>* wanted) {
  std::vector<FixLine> lines;
  if (wanted == nullptr) {
    for (const ChangelogLine& line : changelog) lines.push_back({line, ""});
    return lines;
  }
  for (const WantedFix& fix : *wanted)
    for (const std::string& id : fix.cves) {
      bool found = false;
      for (const ChangelogLine& line : changelog) {
        if (std::ranges::find(line.cves, id) == line.cves.end()) continue;
        FixLine one{line, fix.file};
        one.line.cves = {id};
        if (!fix.title.empty()) one.line.title = fix.title;
        lines.push_back(std::move(one));
        found = true;
      }
      if (!found)
        return fail(ExitCode::error, "fix-not-in-release",
                    fmt::format("the changelog between the two versions does not name {}", id))
            .hint("give the versions between which it was fixed");
    }
  return lines;
}

std::set<std::string> files_of(const FixLine& line, const ReleaseParts& parts) {
  return Judge(parts).files(line);
}

std::vector<FixRow> fix_table(const std::vector<FixLine>& lines, const ReleaseParts& parts) {
  const Judge judge(parts);
  std::map<std::string, FixRow> rows;
  std::vector<std::string> order;
  for (const FixLine& line : lines) {
    const Verdict verdict = judge.judge(line);
    for (const std::string& id : line.line.cves) {
      const auto [entry, fresh] = rows.try_emplace(id);
      FixRow& row = entry->second;
      if (fresh) order.push_back(id);
      row.cve = id;
      if (std::ranges::find(row.titles, line.line.title) == row.titles.end())
        row.titles.push_back(line.line.title);
      row.files.insert(verdict.files.begin(), verdict.files.end());
      row.functions.insert(verdict.functions.begin(), verdict.functions.end());
      if (!fresh && verdict.state <= row.state) continue;
      row.state = verdict.state;
      row.by = verdict.by;
      row.why = verdict.why;
      row.remedy = remedy_of(verdict);
    }
  }
  sort_cve_ids(order);
  std::vector<FixRow> table;
  table.reserve(order.size());
  for (const std::string& id : order) table.push_back(std::move(rows.at(id)));
  return table;
}

}  // namespace splicer
