// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/source/patch_parser.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <regex>

#include "matcher/base/file.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

struct PatchHeader {
  std::string path;
  bool epoch;  // its date, which `diff -N` gives a file that is not there
};

// "--- a/kernel/fork.c\t2026-01-01 12:00:00" -> "a/kernel/fork.c"
PatchHeader parse_header(const std::string& line) {
  std::string path = line.substr(4);
  std::string date;
  if (const std::size_t tab = path.find('\t'); tab != std::string::npos) {
    date = path.substr(tab + 1);
    path.resize(tab);
  }
  while (!path.empty() && (path.back() == '\r' || path.back() == ' ')) path.pop_back();
  const bool epoch = date.starts_with("1970-01-01 ") || date.starts_with("1969-12-31 ");
  return {path, epoch};
}

std::string stripped(const std::string& path, unsigned strip) {
  std::size_t at = 0;
  for (unsigned i = 0; i < strip; ++i) {
    const std::size_t slash = path.find('/', at);
    if (slash == std::string::npos) return {};
    at = slash + 1;
  }
  return path.substr(at);
}

// Git writes a name with odd characters in quotes and escapes them; no file of the kernel has any.
bool is_safe(const std::string& path) {
  if (path.empty() || path[0] == '/' || path.ends_with('/')) return false;
  const bool odd = std::any_of(path.begin(), path.end(), [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '\\' || c == 0x7f;
  });
  if (odd) return false;
  const fs::path parts(path);
  return std::none_of(parts.begin(), parts.end(),
                      [](const fs::path& part) { return part == ".."; });
}

// "@@ -12,7 +12,9 @@": lines of the old and of the new file.
std::optional<std::pair<unsigned, unsigned>> hunk_counts(const std::string& line) {
  static const std::regex form(R"(^@@ -\d{1,9}(?:,(\d{1,9}))? \+\d{1,9}(?:,(\d{1,9}))? @@.*)");
  std::smatch match;
  const std::string start = line.substr(0, 80);
  if (!std::regex_search(start, match, form)) return std::nullopt;
  const auto count = [&match](int group) {
    return match[group].matched ? static_cast<unsigned>(std::stoul(match[group].str())) : 1U;
  };
  return std::pair{count(1), count(2)};
}

class PatchParser {
 public:
  PatchParser(const std::string& text, std::string name, fs::path source)
      : lines_(split_lines(text)), source_(std::move(source)) {
    patch_.name = std::move(name);
    patch_.title = patch_.name;
    patch_.text = text;
  }

  Result<Patch> run() {
    while (at_ < lines_.size()) {
      const std::size_t begin = at_;
      const std::string& line = lines_[at_];
      if (line.starts_with("Subject: ") && patch_.files.empty()) {
        title();
      } else if (line.starts_with("GIT binary patch") || line.starts_with("Binary files ")) {
        return malformed("patch-binary", "the patch changes a binary file");
      } else if (line.starts_with("rename from ") || line.starts_with("copy from ")) {
        return malformed("patch-rename", "the patch renames or copies a file")
            .hint("make the diff with --no-renames");
      } else if (line.starts_with("--- ") && at_ + 1 < lines_.size() &&
                 lines_[at_ + 1].starts_with("+++ ")) {
        if (auto parsed = file(); !parsed) return propagate(parsed);
        continue;
      }
      ++at_;
      for (std::size_t i = begin; i < at_; ++i) patch_.prose += lines_[i] + "\n";
    }
    if (patch_.files.empty())
      return malformed("patch-malformed", "the file has no unified diff")
          .hint("make it with diff -u or git format-patch");
    return std::move(patch_);
  }

 private:
  Failure malformed(const char* code, const std::string& what) const {
    return fail(ExitCode::error, code, fmt::format("line {}: {}", at_ + 1, what))
        .at_file(patch_.name);
  }

  // A Subject may go on over lines that begin with a space.
  void title() {
    static const std::regex tag(R"(^\[PATCH[^\]]*\]\s*)");
    std::string title = lines_[at_].substr(9);
    while (at_ + 1 < lines_.size() && lines_[at_ + 1].starts_with(" ")) title += lines_[++at_];
    patch_.title = std::regex_replace(title, tag, "");
  }

  Result<void> file() {
    const PatchHeader before = parse_header(lines_[at_]);
    const PatchHeader after = parse_header(lines_[at_ + 1]);
    PatchFile file;
    const std::string hunk_head = at_ + 2 < lines_.size() ? lines_[at_ + 2].substr(0, 80) : "";
    file.added = before.path == "/dev/null" || (before.epoch && hunk_head.starts_with("@@ -0,0 "));
    file.removed =
        !file.added && (after.path == "/dev/null" ||
                        (after.epoch && hunk_head.find(" +0,0 @@") != std::string::npos));
    if (auto chosen = choose_path(file, before.path, after.path); !chosen) return chosen;
    at_ += 2;
    const std::size_t begin = at_;
    bool any = false;
    while (at_ < lines_.size() && lines_[at_].starts_with("@@ ")) {
      if (auto read = hunk(); !read) return read;
      any = true;
    }
    if (!any) return malformed("patch-malformed", "the diff of a file has no hunk");
    file.text = fmt::format("--- {}\n+++ {}\n", file.added ? "/dev/null" : "a/" + file.path,
                            file.removed ? "/dev/null" : "b/" + file.path);
    for (std::size_t i = begin; i < at_; ++i) file.text += lines_[i] + "\n";
    patch_.files.push_back(std::move(file));
    return {};
  }

  // -p0 or -p1? The reading whose file is there, or for a new file its directory; then git's habit
  // of a/ and b/; then the reading whose first directory is there.
  Result<void> choose_path(PatchFile& file, const std::string& old_path,
                           const std::string& new_path) {
    const std::string& full = file.removed ? old_path : new_path;
    const bool git = full.starts_with("a/") || full.starts_with("b/");
    const auto reading = [&](unsigned strip) -> std::string {
      const std::string path = stripped(full, strip);
      return is_safe(full) && is_safe(path) ? fs::path(path).lexically_normal().string() : "";
    };
    std::error_code code;
    const auto is_there = [&](const std::string& path) {
      const fs::path place = source_ / path;
      return !path.empty() && fs::exists(file.added ? place.parent_path() : place, code);
    };
    const auto has_directory = [&](const std::string& path) {
      return path.find('/') != std::string::npos && fs::exists(source_ / *fs::path(path).begin());
    };
    const std::string whole = reading(0);
    const std::string rest = reading(1);
    if (is_there(whole)) {
      file.path = whole;
    } else if (is_there(rest) || git) {
      file.path = rest;
    } else {
      file.path = has_directory(rest) && !has_directory(whole) ? rest : whole;
    }
    if (!is_safe(file.path) || file.path == ".")
      return malformed(
                 "patch-path",
                 fmt::format("the patch names '{}', which is not a path in a source tree", full))
          .hint("paths must be relative to the kernel's source (-p0 or -p1)");
    return {};
  }

  Result<void> hunk() {
    const auto counts = hunk_counts(lines_[at_]);
    if (!counts) return malformed("patch-malformed", "the head of a hunk is damaged");
    auto [old_lines, new_lines] = *counts;
    ++at_;
    while (old_lines != 0 || new_lines != 0) {
      if (at_ >= lines_.size()) return malformed("patch-malformed", "the patch ends inside a hunk");
      const std::string& line = lines_[at_];
      const char kind = line.empty() ? ' ' : line[0];  // mailers strip an empty line's space
      if (kind == '\\') {
      } else if (kind == '-' && old_lines != 0) {
        --old_lines;
      } else if (kind == '+' && new_lines != 0) {
        --new_lines;
      } else if ((kind == ' ' || kind == '\t') && old_lines != 0 && new_lines != 0) {
        --old_lines;
        --new_lines;
      } else {
        return malformed("patch-malformed", "a hunk has more or fewer lines than its head says");
      }
      ++at_;
    }
    if (at_ < lines_.size() && lines_[at_].starts_with("\\")) ++at_;
    return {};
  }

  std::vector<std::string> lines_;
  fs::path source_;
  Patch patch_;
  std::size_t at_ = 0;
};

}  // namespace

Result<Patch> parse_patch(const std::string& text, const std::string& name,
                          const fs::path& source) {
  return PatchParser(text, name, source).run();
}

}  // namespace splicer
