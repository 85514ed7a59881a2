// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/files.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace splicer {

namespace fs = std::filesystem;

Result<std::string> read_text(const fs::path& path) {
  // No stream: reading a folder through one throws.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::string text;
  std::array<char, 65536> buffer{};
  ssize_t got = descriptor < 0 ? -1 : 1;
  while (got > 0 || (got < 0 && descriptor >= 0 && errno == EINTR)) {
    got = read(descriptor, buffer.data(), buffer.size());
    if (got > 0) text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  const int error = errno;
  if (descriptor >= 0) close(descriptor);
  if (got < 0)
    return fail(ExitCode::error, "file-unreadable",
                fmt::format("cannot be read: {}", std::strerror(error)))
        .at_file(path.string());
  return text;
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
    return fail(ExitCode::error, "file-unwritable", fmt::format("cannot be written: {}", why))
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

std::string sha256_hex(std::string_view content) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(content.data(), content.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

Result<FileLock> FileLock::take(const fs::path& path) {
  std::error_code code;
  fs::create_directories(path.parent_path(), code);
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor < 0)
    return fail(ExitCode::error, "cache-unwritable",
                fmt::format("cannot be opened: {}", std::strerror(errno)))
        .at_file(path.string())
        .hint("set XDG_CACHE_HOME to a folder that you may write");
  FileLock lock(descriptor);
  while (flock(descriptor, LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    return fail(ExitCode::error, "cache-unwritable",
                fmt::format("cannot be locked: {}", std::strerror(errno)))
        .at_file(path.string())
        .hint("set XDG_CACHE_HOME to a folder on a disk of this machine");
  }
  return lock;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

Result<ScratchFolder> ScratchFolder::make() {
  const char* base = std::getenv("TMPDIR");
  std::string name = fmt::format("{}/splice-create.XXXXXX", base != nullptr ? base : "/tmp");
  if (mkdtemp(name.data()) == nullptr)
    return fail(ExitCode::error, "scratch-unwritable",
                fmt::format("no temporary folder: {}", std::strerror(errno)))
        .at_file(name)
        .hint("set TMPDIR to a folder that you may write");
  return ScratchFolder(name);
}

ScratchFolder::~ScratchFolder() {
  std::error_code code;
  if (!path_.empty() && !keep_) fs::remove_all(path_, code);
}

}  // namespace splicer
