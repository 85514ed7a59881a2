// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/base/file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace splicer {

namespace fs = std::filesystem;

UniqueFd::~UniqueFd() {
  if (descriptor_ >= 0) close(descriptor_);
}

Contents read_contents(int descriptor, std::size_t limit) {
  Contents contents;
  struct stat status {};
  if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode))
    contents.bytes.reserve(std::min(static_cast<std::size_t>(status.st_size), limit));
  std::array<std::uint8_t, 65536> buffer{};
  while (contents.error == 0) {
    const ssize_t got = read(descriptor, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) contents.error = errno;
    if (got <= 0) break;
    contents.bytes.insert(contents.bytes.end(), buffer.begin(), buffer.begin() + got);
    if (contents.bytes.size() > limit) contents.error = EFBIG;
  }
  if (contents.error != 0) contents.bytes.clear();
  return contents;
}

Contents read_contents(const fs::path& path, std::size_t limit) {
  // No stream: reading a directory through one throws.
  const UniqueFd descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!descriptor) return {{}, errno};
  return read_contents(descriptor.get(), limit);
}

namespace {

// Reads a directory through `Iterator`; `enter(iterator)` returns whether its entry is listed.
template <typename Iterator, typename Enter>
Listing read_directory(const fs::path& directory, const Enter& enter) {
  Listing listing;
  std::error_code code;
  for (auto at = Iterator(directory, code); !code && at != Iterator(); at.increment(code))
    if (enter(at)) listing.entries.push_back(*at);
  if (code) return {{}, code.value()};
  // As strings: fs::path compares component by component, which takes ten times as long.
  std::ranges::sort(
      listing.entries, {},
      [](const fs::directory_entry& entry) -> const std::string& { return entry.path().native(); });
  return listing;
}

}  // namespace

Listing list_directory(const fs::path& directory) {
  return read_directory<fs::directory_iterator>(directory, [](const auto&) { return true; });
}

Listing list_tree(const fs::path& directory,
                  const std::function<bool(const fs::directory_entry&)>& skip) {
  return read_directory<fs::recursive_directory_iterator>(directory, [&](auto& at) {
    if (!skip || !skip(*at)) return true;
    at.disable_recursion_pending();
    return false;
  });
}

UniqueFd memory_file() { return UniqueFd(memfd_create("splice", MFD_CLOEXEC)); }

std::string read_attribute(const fs::path& path) {
  constexpr std::size_t kPage = 4096;
  std::string text = read_contents(path, kPage).text();
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

Failure unreadable_file(const fs::path& path, int error) {
  return fail(ExitCode::error, "file-unreadable",
              fmt::format("the file cannot be read: {}", std::strerror(error)))
      .at_file(path.string());
}

Result<std::string> read_text(const fs::path& path) {
  const Contents contents = read_contents(path);
  if (contents.error != 0) return unreadable_file(path, contents.error);
  return contents.text();
}

Result<void> write_file(const fs::path& path, std::string_view content) {
  std::error_code code;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), code);
  const fs::path beside = fmt::format("{}.{}.part", path.string(), getpid());
  bool written = false;
  {
    std::ofstream out(beside, std::ios::binary | std::ios::trunc);
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
    out.close();
    written = static_cast<bool>(out);
  }
  if (written) fs::rename(beside, path, code);
  if (!written || code) {
    const std::string why = code ? code.message() : std::strerror(errno);
    fs::remove(beside, code);
    return fail(ExitCode::error, "file-unwritable",
                fmt::format("the file cannot be written: {}", why))
        .at_file(path.string());
  }
  return {};
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

Result<FileLock> FileLock::take(const fs::path& path) {
  std::error_code code;
  fs::create_directories(path.parent_path(), code);
  UniqueFd descriptor(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (!descriptor)
    return fail(ExitCode::error, "cache-unwritable",
                fmt::format("the lock file cannot be opened: {}", std::strerror(errno)))
        .at_file(path.string())
        .hint("set XDG_CACHE_HOME to a directory that you may write");
  while (flock(descriptor.get(), LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    return fail(ExitCode::error, "cache-unwritable",
                fmt::format("the lock file cannot be locked: {}", std::strerror(errno)))
        .at_file(path.string())
        .hint("set XDG_CACHE_HOME to a directory on a disk of this machine");
  }
  return FileLock(std::move(descriptor));
}

Result<ScratchFolder> ScratchFolder::make() {
  const char* base = std::getenv("TMPDIR");
  std::string name = fmt::format("{}/splice-create.XXXXXX", base != nullptr ? base : "/tmp");
  if (mkdtemp(name.data()) == nullptr)
    return fail(ExitCode::error, "scratch-unwritable",
                fmt::format("no temporary directory can be made: {}", std::strerror(errno)))
        .at_file(name)
        .hint("set TMPDIR to a directory that you may write");
  return ScratchFolder(name);
}

ScratchFolder::~ScratchFolder() {
  std::error_code code;
  if (!path_.empty() && !keep_) fs::remove_all(path_, code);
}

}  // namespace splicer
