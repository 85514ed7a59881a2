// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/source/patch_set.h"

#include <fmt/core.h>

#include <regex>

#include "matcher/base/file.h"
#include "splice-cc/source/mail.h"
#include "splice-cc/source/process.h"
#include "splice-cc/source/tree_layout.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

// How far a hunk may lie from where it says, if its whole context is there.
constexpr unsigned kFar = 1000;  // lines

bool is_part(const std::string& path) { return is_kernel_source(path) && !is_configuration(path); }

// "Hunk #1 succeeded at 1294 with fuzz 2 (offset -3 lines)."
bool is_misplaced(const std::string& line) {
  if (line.find(" with fuzz ") != std::string::npos) return true;
  static const std::regex offset("\\(offset -?([0-9]+) line");
  std::smatch match;
  return std::regex_search(line, match, offset) &&
         (match[1].length() > 6 || std::stoul(match[1]) > kFar);
}

Finding misplaced(const std::string& file, const std::string& line) {
  Finding finding;
  finding.code = "patch-misplaced";
  finding.name = file;
  finding.place.file = file;
  finding.message = fmt::format(
      "the patch was made for another version of the file, and a hunk may be in the wrong place: "
      "{}",
      line);
  finding.remedy =
      "make the patch anew for this version, or look where the hunk went and accept it";
  return finding;
}

}  // namespace

Result<PatchSet> PatchSet::load(const std::vector<std::string>& paths, const fs::path& source) {
  PatchSet set;
  for (const std::string& path : paths) {
    constexpr std::uintmax_t kMost = 64U << 20U;
    std::error_code code;
    auto text = read_text(path);
    if (!text || fs::file_size(path, code) > kMost)
      return fail(ExitCode::error, "patch-unreadable",
                  text ? "the file is longer than any patch of a kernel (64 MiB)"
                       : text.error().message)
          .at_file(path);
    auto plain = text_of_mail(*text, path);
    if (!plain) return propagate(plain);
    auto patch = parse_patch(*plain, fs::path(path).filename().string(), source);
    if (!patch) return propagate(patch);
    set.patches_.push_back(std::move(*patch));
  }
  return set;
}

std::set<std::string> PatchSet::build_rules() const {
  std::set<std::string> files;
  for (const Patch& patch : patches_)
    for (const PatchFile& file : patch.files)
      if (is_kernel_source(file.path) && is_build_rule(file.path) && !is_configuration(file.path))
        files.insert(file.path);
  return files;
}

Result<void> PatchSet::check_files() const {
  const std::set<std::string> rules = build_rules();
  if (rules.empty()) return {};
  return fail(ExitCode::unsafe, "build-rules-changed",
              "the patch changes how the kernel is configured, built or linked, which a running "
              "kernel cannot follow")
      .at_file(*rules.begin())
      .hint("leave this file out of the patch if the rest of it stands alone");
}

std::set<std::string> PatchSet::files() const {
  std::set<std::string> files;
  for (const Patch& patch : patches_)
    for (const PatchFile& file : patch.files)
      if (is_part(file.path)) files.insert(file.path);
  return files;
}

std::set<std::string> PatchSet::configuration() const {
  std::set<std::string> files;
  for (const Patch& patch : patches_)
    for (const PatchFile& file : patch.files)
      if (is_kernel_source(file.path) && is_configuration(file.path)) files.insert(file.path);
  return files;
}

Result<void> PatchSet::apply(const fs::path& folder, const fs::path& scratch,
                             std::vector<Finding>* findings) const {
  for (const Patch& patch : patches_) {
    std::string text;
    for (const PatchFile& file : patch.files)
      if (is_part(file.path)) text += file.text;
    if (text.empty()) continue;
    const fs::path input = scratch / "patch-part";
    if (auto written = write_file(input, text); !written) return written;
    const auto run = run_program({"patch", "-p1", "--batch", "--forward", "--unified",
                                  "--no-backup-if-mismatch", "--reject-file=-",
                                  "--directory=" + folder.string(), "--input=" + input.string()});
    if (!run) return propagate(run);
    if (run->status != 0)
      return fail(ExitCode::error, "patch-does-not-apply",
                  "the patch does not apply to the source of this kernel")
          .at_file(patch.name)
          .detail(last_lines(run->output, 20))
          .hint("leave it out if this kernel has the change already, or make it for this version");
    std::string file;
    for (const std::string& line : split_lines(run->output)) {
      if (line.starts_with("patching file ")) file = line.substr(14);
      if (is_misplaced(line)) findings->push_back(misplaced(file, line));
    }
  }
  return {};
}

}  // namespace splicer
