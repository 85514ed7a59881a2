// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/source/generated_source.h"

#include <fmt/core.h>

#include <algorithm>
#include <regex>
#include <string_view>
#include <vector>

#include "matcher/base/file.h"
#include "runtime/package/digest.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

// Headers that are inputs of the build besides, by the lines that it reads.
struct HeaderRow {
  std::string_view header;
  const char* lines;      // a regular expression
  std::string_view made;  // from them
};

constexpr HeaderRow kHeaders[] = {
    // arch/x86/kernel/cpu/mkcapflags.sh
    {"arch/x86/include/asm/cpufeatures.h", R"(#\s*define\s+X86_(FEATURE|BUG)_)",
     "arch/x86/kernel/cpu/capflags.c"},
    {"arch/x86/include/asm/vmxfeatures.h", R"(#\s*define\s+VMX_FEATURE_)",
     "arch/x86/kernel/cpu/capflags.c"},
    // lib/build_OID_registry
    {"include/linux/oid_registry.h", R"(^\s*OID_)", "lib/oid_registry_data.c"},
    // scripts/selinux/genheaders
    {"security/selinux/include/classmap.h", R"(")", "security/selinux/flask.h"},
    {"security/selinux/include/initial_sid_to_string.h", R"(")", "security/selinux/flask.h"},
    // security/apparmor/Makefile
    {"include/uapi/linux/capability.h", R"(#\s*define\s+CAP_)",
     "security/apparmor/capability_names.h"},
    {"include/uapi/asm-generic/resource.h", R"(#\s*define\s+RLIMIT_)",
     "security/apparmor/rlim_names.h"},
};

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
}

// A Makefile's lines, those that go on joined, without comments.
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::string whole;
  for (std::string line : split_lines(text)) {
    line.resize(std::min(line.size(), line.find('#')));
    const bool goes_on = line.ends_with('\\');
    if (goes_on) line.back() = ' ';
    whole += line;
    if (goes_on) continue;
    lines.push_back(std::move(whole));
    whole.clear();
  }
  lines.push_back(std::move(whole));
  return lines;
}

// "$(obj)/int.uc" has the words obj and int.uc.
bool has_word(std::string_view line, std::string_view word) {
  for (std::size_t at = line.find(word); at != std::string_view::npos;
       at = line.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !is_word(line[at - 1])) && (end == line.size() || !is_word(line[end])))
      return true;
  }
  return false;
}

bool has_any(const std::vector<std::string>& lines, const std::vector<std::string>& words) {
  return std::ranges::any_of(lines, [&](const std::string& line) {
    return std::ranges::any_of(words,
                               [&](const std::string& word) { return has_word(line, word); });
  });
}

// The objects of "hostprogs := mkregtable" and "vdso2c-objs := ..." are programs of the build.
bool is_program(const std::vector<std::string>& lines, const std::string& stem) {
  return std::ranges::any_of(lines, [&](const std::string& line) {
    const std::size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
    const std::string_view rest = std::string_view(line).substr(begin);
    return (rest.starts_with("hostprogs") || rest.starts_with("userprogs")) && has_word(rest, stem);
  });
}

struct Makefile {
  std::string path;
  std::vector<std::string> lines;
};

// Those of the file's directory, then those above, up to the top.
std::vector<Makefile> makefiles_of(const fs::path& source, const std::string& file) {
  std::vector<Makefile> found;
  for (fs::path folder = fs::path(file).parent_path();; folder = folder.parent_path()) {
    for (const char* name : {"Kbuild", "Makefile"}) {
      const std::string path = (folder / name).string();
      if (const auto text = read_text(source / path)) found.push_back({path, lines_of(*text)});
    }
    if (folder.empty()) return found;
  }
}

bool is_c(const fs::path& path) { return path.extension() == ".c"; }
bool is_compiled(const fs::path& path) {
  return is_c(path) || path.extension() == ".S" || path.extension() == ".h";
}

std::optional<std::string> named_in(const std::vector<Makefile>& makefiles, const fs::path& path) {
  const std::string name = path.filename().string();
  const std::string stem = path.stem().string();
  std::vector<std::string> words;
  if (is_c(path)) {
    words = {stem + ".s"};  // as far as assembly only: Kbuild at the top
  } else {
    for (const std::string& base : {name, stem})
      for (const char* suffix : {".o", ".c", ".h", ".S"}) words.push_back(base + suffix);
    words.push_back(name);
  }
  for (const Makefile& makefile : makefiles)
    if (has_any(makefile.lines, words) || (is_c(path) && is_program(makefile.lines, stem)))
      return makefile.path;
  return std::nullopt;
}

// A C file beside it that is read by the build and includes it.
std::optional<std::string> by_includer(const fs::path& source,
                                       const std::vector<Makefile>& makefiles,
                                       const std::string& file) {
  const fs::path path(file);
  const std::string include = "\"" + path.filename().string() + "\"";
  for (const auto& entry : list_directory(source / path.parent_path()).entries) {
    if (!is_c(entry.path()) || entry.path().filename() == path.filename()) continue;
    auto makefile = named_in(makefiles, entry.path());
    if (!makefile) continue;
    const auto text = read_text(entry.path());
    if (!text) continue;
    const auto lines = split_lines(*text);
    if (std::ranges::any_of(lines, [&](const std::string& line) {
          return line.starts_with("#") && line.find(include) != std::string::npos;
        }))
      return makefile;
  }
  return std::nullopt;
}

// Without the sign. The first two lines of a file's part are its header.
std::vector<std::string> lines_with(const PatchFile& file, char sign) {
  std::vector<std::string> found;
  const std::vector<std::string> lines = split_lines(file.text);
  for (std::size_t i = 2; i < lines.size(); ++i)
    if (lines[i].starts_with(sign)) found.push_back(lines[i].substr(1));
  return found;
}

// The first of them, and what tells the others from those of another patch.
std::string changed_lines(const PatchFile& file, char sign) {
  constexpr std::size_t kShown = 5;
  const std::vector<std::string> lines = lines_with(file, sign);
  std::string all;
  std::string shown;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    all += lines[i] + "\n";
    if (i < kShown) shown += (i == 0 ? "" : "\n         ") + lines[i];
  }
  if (lines.size() <= kShown) return shown;
  return fmt::format("{}\n         and {} more, SHA-256 {:.8}", shown, lines.size() - kShown,
                     sha256_hex(all));
}

}  // namespace

std::optional<std::string> reader_in_build(const fs::path& source, const std::string& file) {
  const fs::path path(file);
  if (is_compiled(path) && !is_c(path)) return std::nullopt;
  const auto makefiles = makefiles_of(source, file);
  if (auto makefile = named_in(makefiles, path)) return makefile;
  return is_c(path) ? by_includer(source, makefiles, file) : std::nullopt;
}

Finding generated_source(const PatchFile& file, const std::string& makefile) {
  Finding finding;
  finding.code = "generated-source";
  finding.name = file.path;
  finding.message = fmt::format(
      "{} makes other sources from this file, and for an update they are not made anew", makefile);
  finding.was = changed_lines(file, '-');
  finding.is = changed_lines(file, '+');
  finding.remedy =
      "leave this file out of the patch if the rest of it stands alone; otherwise reboot into a "
      "kernel that has the fix";
  return finding;
}

std::optional<std::string> made_from_header(const PatchFile& file) {
  const auto* const row = std::ranges::find(kHeaders, file.path, &HeaderRow::header);
  if (row == std::end(kHeaders)) return std::nullopt;
  const std::regex wanted(row->lines);
  for (const char sign : {'-', '+'})
    for (const std::string& line : lines_with(file, sign))
      if (std::regex_search(line, wanted)) return std::string(row->made);
  return std::nullopt;
}

}  // namespace splicer
