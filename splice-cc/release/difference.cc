// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/release/difference.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/core.h>

#include <functional>
#include <future>
#include <memory>

#include "matcher/base/file.h"
#include "matcher/base/safe_path.h"
#include "runtime/package/digest.h"
#include "splice-cc/source/process.h"
#include "splice-cc/source/tree_layout.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kOther = "other: ";
constexpr std::string_view kGone = "gone: ";

bool is_code(const std::string& path) {
  return (path.ends_with(".c") || path.ends_with(".h") || path.ends_with(".S")) &&
         !is_build_rule(path);
}

Failure unreadable_source(const fs::path& tarball, const std::string& why) {
  return fail(ExitCode::error, "release-source", fmt::format("the source cannot be read: {}", why))
      .at_file(tarball.string())
      .hint("get the package again");
}

// Calls visit(path, text) for each file that an x86 kernel may be built from; `text` reads it.
using ReadText = std::function<Result<std::string>()>;
using Visit = std::function<Result<void>(const std::string& path, const ReadText& text)>;
Result<void> each_source(const fs::path& tarball, const Visit& visit) {
  constexpr std::int64_t kMostText = 64 << 20;
  const std::unique_ptr<archive, decltype(&archive_read_free)> reader(archive_read_new(),
                                                                      archive_read_free);
  archive_read_support_filter_xz(reader.get());
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_filter_bzip2(reader.get());
  archive_read_support_filter_zstd(reader.get());
  archive_read_support_format_tar(reader.get());
  const auto failed = [&] {
    const char* why = archive_error_string(reader.get());
    return unreadable_source(tarball, why == nullptr ? "no reason given" : why);
  };
  if (archive_read_open_filename(reader.get(), tarball.c_str(), 1U << 20U) != ARCHIVE_OK)
    return failed();
  for (;;) {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) return {};
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return failed();
    const char* name = archive_entry_pathname(entry);
    if (name == nullptr || archive_entry_filetype(entry) != AE_IFREG) continue;
    const std::string_view whole = name;
    const std::size_t slash = whole.find('/');
    if (slash == std::string_view::npos) continue;
    const std::string path(whole.substr(slash + 1));
    if (!is_safe_path(path) || !is_kernel_source(path)) continue;
    const ReadText text = [&]() -> Result<std::string> {
      const std::int64_t size = archive_entry_size(entry);
      if (size < 0 || size > kMostText) return unreadable_source(tarball, path + " is too long");
      std::string all(static_cast<std::size_t>(size), '\0');
      if (archive_read_data(reader.get(), all.data(), all.size()) != size) return failed();
      return all;
    };
    if (auto done = visit(path, text); !done) return done;
  }
}

// All code that a tarball or a directory has.
Result<std::set<std::string>> code_of(const fs::path& source) {
  std::set<std::string> paths;
  std::error_code code;
  if (fs::is_directory(source, code)) {
    for (const fs::directory_entry& entry : list_tree(source).entries) {
      const std::string path = entry.path().lexically_relative(source);
      if (entry.is_regular_file(code) && is_safe_path(path) && is_kernel_source(path) &&
          is_code(path))
        paths.insert(path);
    }
    return paths;
  }
  const auto add = [&paths](const std::string& path, const ReadText&) -> Result<void> {
    if (is_code(path)) paths.insert(path);
    return {};
  };
  if (auto read = each_source(source, add); !read) return propagate(read);
  return paths;
}

// What the newer tarball has and the tree has otherwise: in scratch/a and scratch/b.
struct Laid {
  std::set<std::string> code;  // of the newer source
  std::set<std::string> other;
};
Result<Laid> lay_out(const fs::path& tree, const fs::path& tarball, const fs::path& scratch) {
  Laid laid;
  const auto compare = [&](const std::string& path, const ReadText& read) -> Result<void> {
    if (is_code(path)) laid.code.insert(path);
    auto text = read();
    if (!text) return propagate(text);
    const Contents old = read_contents(tree / path);
    if (old.error == 0 && old.view() == *text) return {};
    if (!is_code(path)) {
      laid.other.insert(path);
      return {};
    }
    if (old.error == 0)
      if (auto written = write_file(scratch / "a" / path, old.view()); !written) return written;
    return write_file(scratch / "b" / path, *text);
  };
  if (auto read = each_source(tarball, compare); !read) return propagate(read);
  if (laid.code.empty()) return unreadable_source(tarball, "it has no file of a kernel");
  return laid;
}

Result<std::string> make_patch(const Tree& tree, const fs::path& older, const fs::path& newer,
                               const fs::path& scratch) {
  auto old_paths = std::async(std::launch::async, [&older] { return code_of(older); });
  auto laid = lay_out(tree.source, newer, scratch);
  auto before = old_paths.get();
  if (!laid) return propagate(laid);
  if (!before) return propagate(before);
  std::string text;
  for (const std::string& path : laid->other) text += fmt::format("{}{}\n", kOther, path);
  for (const std::string& path : *before)
    if (!laid->code.contains(path)) text += fmt::format("{}{}\n", kGone, path);
  std::error_code code;
  fs::create_directories(scratch / "a", code);
  fs::create_directories(scratch / "b", code);
  const auto run = run_program({"diff", "-rupN", "a", "b"}, {.folder = scratch});
  if (!run) return propagate(run);
  if (run->status > 1) return unreadable_source(newer, last_lines(run->output, 3));
  return text + run->output;
}

}  // namespace

Result<ReleaseDifference> release_difference(const Tree& tree, const fs::path& older,
                                             const fs::path& newer, const fs::path& scratch,
                                             const std::string& title, const Console& console) {
  std::error_code code;
  const std::string key =
      fmt::format("{} {} {} {}\n", tree.folder.string(), newer.string(), fs::file_size(newer, code),
                  fs::last_write_time(newer, code).time_since_epoch().count());
  const fs::path kept =
      tree.folder.parent_path() / fmt::format("release-{}.patch", sha256_hex(key).substr(0, 16));
  Result<std::string> text = read_text(kept);
  if (!text) {
    console.stage("comparing the sources");
    text = make_patch(tree, older, newer, scratch);
    if (!text) return propagate(text);
    if (auto written = write_file(kept, *text); !written) return propagate(written);
  }
  auto patch = parse_patch(*text, "release.patch", tree.source);
  if (!patch) return propagate(patch);
  ReleaseDifference difference;
  for (const std::string& line : split_lines(patch->prose)) {
    if (line.starts_with(kOther)) difference.other.insert(line.substr(kOther.size()));
    if (line.starts_with(kGone)) difference.gone.insert(line.substr(kGone.size()));
  }
  // Headers of ours: those of diff(1) have times.
  patch->text.clear();
  for (const PatchFile& file : patch->files) patch->text += file.text;
  patch->prose.clear();
  patch->title = title;
  difference.patch = std::move(*patch);
  return difference;
}

}  // namespace splicer
