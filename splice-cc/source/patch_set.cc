// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/source/patch_set.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <regex>

#include "matcher/base/file.h"
#include "splice-cc/source/process.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

struct Header {
  std::string path;
  bool epoch;  // its date, which `diff -N` gives a file that is not there
};

// "--- a/kernel/fork.c\t2026-01-01 12:00:00" -> "a/kernel/fork.c"
Header parse_header(const std::string& line) {
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

class Parser {
 public:
  Parser(const std::string& text, std::string name, fs::path source)
      : lines_(split_lines(text)), source_(std::move(source)) {
    patch_.name = std::move(name);
    patch_.title = patch_.name;
    patch_.text = text;
  }

  Result<Patch> run() {
    while (at_ < lines_.size()) {
      const std::string& line = lines_[at_];
      if (line.starts_with("Subject: ") && patch_.files.empty()) {
        title();
      } else if (line.starts_with("GIT binary patch") || line.starts_with("Binary files ")) {
        return malformed("patch-binary", "it changes a binary file");
      } else if (line.starts_with("rename from ") || line.starts_with("copy from ")) {
        return malformed("patch-rename", "it renames or copies a file")
            .hint("make the diff with --no-renames");
      } else if (line.starts_with("--- ") && at_ + 1 < lines_.size() &&
                 lines_[at_ + 1].starts_with("+++ ")) {
        if (auto parsed = file(); !parsed) return propagate(parsed);
        continue;
      }
      ++at_;
    }
    if (patch_.files.empty())
      return malformed("patch-malformed", "there is no unified diff in it")
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
    const Header before = parse_header(lines_[at_]);
    const Header after = parse_header(lines_[at_ + 1]);
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
    if (!any) return malformed("patch-malformed", "a file's diff without a hunk");
    file.text = fmt::format("--- {}\n+++ {}\n", file.added ? "/dev/null" : "a/" + file.path,
                            file.removed ? "/dev/null" : "b/" + file.path);
    for (std::size_t i = begin; i < at_; ++i) file.text += lines_[i] + "\n";
    patch_.files.push_back(std::move(file));
    return {};
  }

  // -p0 or -p1? The reading whose file is there, or for a new file its folder; then git's habit of
  // a/ and b/; then the reading whose first folder is there.
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
    const auto has_folder = [&](const std::string& path) {
      return path.find('/') != std::string::npos && fs::exists(source_ / *fs::path(path).begin());
    };
    const std::string whole = reading(0);
    const std::string rest = reading(1);
    if (is_there(whole)) {
      file.path = whole;
    } else if (is_there(rest) || git) {
      file.path = rest;
    } else {
      file.path = has_folder(rest) && !has_folder(whole) ? rest : whole;
    }
    if (!is_safe(file.path) || file.path == ".")
      return malformed("patch-path",
                       fmt::format("it names '{}', which is no path in a source tree", full))
          .hint("paths must be relative to the kernel's source (-p0 or -p1)");
    return {};
  }

  Result<void> hunk() {
    const auto counts = hunk_counts(lines_[at_]);
    if (!counts) return malformed("patch-malformed", "a hunk's head is damaged");
    auto [old_lines, new_lines] = *counts;
    ++at_;
    while (old_lines != 0 || new_lines != 0) {
      if (at_ >= lines_.size()) return malformed("patch-malformed", "it ends inside a hunk");
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

bool is_build_rule(const std::string& path) {
  const std::string name = fs::path(path).filename().string();
  return name.starts_with("Makefile") || name.starts_with("Kconfig") || name == "Kbuild" ||
         name.ends_with(".lds.S") || name.ends_with(".lds.h") || path.starts_with("scripts/");
}

}  // namespace

bool is_kernel_source(const std::string& path) {
  for (const char* folder :
       {"Documentation/", "tools/", "samples/", "LICENSES/", "usr/", "debian/"})
    if (path.starts_with(folder)) return false;
  if (path.starts_with("arch/") && !path.starts_with("arch/x86/") && path != "arch/Kconfig")
    return false;
  const std::string name = fs::path(path).filename().string();
  return name != "MAINTAINERS" && name != "CREDITS" && !name.starts_with(".") &&
         !name.ends_with(".rst") && !name.ends_with(".txt") && !name.ends_with(".dts") &&
         !name.ends_with(".dtsi") && !name.ends_with(".yaml");
}

Result<Patch> PatchSet::parse(const std::string& text, const std::string& name,
                              const fs::path& source) {
  return Parser(text, name, source).run();
}

Result<PatchSet> PatchSet::load(const std::vector<std::string>& paths, const fs::path& source) {
  PatchSet set;
  for (const std::string& path : paths) {
    constexpr std::uintmax_t kMost = 64U << 20U;
    std::error_code code;
    auto text = read_text(path);
    if (!text || fs::file_size(path, code) > kMost)
      return fail(ExitCode::error, "patch-unreadable",
                  text ? "it is too long for a patch" : text.error().message)
          .at_file(path);
    auto patch = parse(*text, fs::path(path).filename().string(), source);
    if (!patch) return propagate(patch);
    for (const PatchFile& file : patch->files) {
      if (is_kernel_source(file.path) && is_build_rule(file.path))
        return fail(ExitCode::unsafe, "build-rules-changed",
                    "the patch changes how the kernel is configured, built or linked, which a "
                    "running kernel cannot follow")
            .at_file(file.path)
            .hint("leave this file out of the patch if the rest of it stands alone");
    }
    set.patches_.push_back(std::move(*patch));
  }
  return set;
}

std::set<std::string> PatchSet::files() const {
  std::set<std::string> files;
  for (const Patch& patch : patches_)
    for (const PatchFile& file : patch.files)
      if (is_kernel_source(file.path)) files.insert(file.path);
  return files;
}

Result<void> PatchSet::apply(const fs::path& folder, const fs::path& scratch,
                             std::vector<std::string>* warnings) const {
  for (const Patch& patch : patches_) {
    std::string text;
    for (const PatchFile& file : patch.files)
      if (is_kernel_source(file.path)) text += file.text;
    if (text.empty()) continue;
    const fs::path input = scratch / "patch-part";
    if (auto written = write_file(input, text); !written) return written;
    const auto run = run_program({"patch", "-p1", "--batch", "--forward", "--unified",
                                  "--no-backup-if-mismatch", "--reject-file=-",
                                  "--directory=" + folder.string(), "--input=" + input.string()});
    if (!run) return propagate(run);
    if (run->status != 0)
      return fail(ExitCode::error, "patch-does-not-apply",
                  "it does not apply to the source of this kernel")
          .at_file(patch.name)
          .detail(last_lines(run->output, 20))
          .hint("is the change in this kernel already, or made for another version?");
    std::string file;
    for (const std::string& line : split_lines(run->output)) {
      if (line.starts_with("patching file ")) file = line.substr(14);
      if (line.find("with fuzz") != std::string::npos)
        warnings->push_back(fmt::format("{}: {}: {}", patch.name, file, line));
    }
  }
  return {};
}

}  // namespace splicer
