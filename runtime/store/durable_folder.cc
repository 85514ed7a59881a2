// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/store/durable_folder.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "matcher/base/ownership.h"

namespace splicer {

namespace {

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr const char* kLock = "lock";

std::string beside(const std::string& name) { return fmt::format(".{}.part", name); }
bool is_leftover(const std::string& name) {
  return name.size() > 1 && name.front() == '.' && name.ends_with(".part");
}

Failure unwritable(const std::string& path, int error) {
  return fail(ExitCode::error, "store-unwritable",
              fmt::format("what is installed cannot be written: {}", std::strerror(error)))
      .at_file(path)
      .hint(error == ENOSPC || error == EDQUOT
                ? "make room on that disk, then run the command again"
                : "mount the disk so that it can be written, and run the command as root");
}

Failure unreadable(const std::string& path, int error) {
  return fail(ExitCode::error, "store-unreadable",
              fmt::format("what is installed cannot be read: {}", std::strerror(error)))
      .at_file(path)
      .hint(error == EACCES || error == EPERM ? "run the command as root (sudo)"
                                              : "check the disk");
}

Failure untrusted(const std::string& path, const char* why) {
  return fail(ExitCode::error, "store-untrusted", fmt::format("what is there {}", why))
      .at_file(path)
      .hint("find out who put it there, remove it, and install the updates again");
}

// What others could have written does not count. One who reads for root, such as splice-status run by
// anybody, trusts root as well as himself.
Result<void> check_owner(int descriptor, const std::string& path, mode_t type) {
  if (const char* why = why_not_ours(descriptor, type)) return untrusted(path, why);
  return {};
}

Result<void> flush(int descriptor, const std::string& path) {
  if (fsync(descriptor) != 0) return unwritable(path, errno);
  return {};
}

Result<void> write_all(int descriptor, std::span<const std::uint8_t> content,
                       const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(descriptor, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return unwritable(path, written < 0 ? errno : EIO);
    content = content.subspan(static_cast<std::size_t>(written));
  }
  return flush(descriptor, path);
}

// A link in the place of what is looked for.
bool is_link(int error) { return error == ELOOP || error == ENOTDIR; }

}  // namespace

Result<std::optional<DurableFolder>> DurableFolder::find(const std::string& parent,
                                                         const std::string& name) {
  const std::string path = parent + "/" + name;
  UniqueFd folder(::open(path.c_str(), kFolderFlags));
  if (!folder && errno == ENOENT) return std::nullopt;
  if (!folder && is_link(errno)) return untrusted(path, "is no folder");
  if (!folder) return unreadable(path, errno);
  if (auto own = check_owner(folder.get(), path, S_IFDIR); !own) return propagate(own);
  return DurableFolder(std::move(folder), path);
}

Result<DurableFolder> DurableFolder::open(const std::string& parent, const std::string& name) {
  const std::string path = parent + "/" + name;
  const UniqueFd above(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!above) return unwritable(parent, errno);
  if (mkdirat(above.get(), name.c_str(), 0755) != 0 && errno != EEXIST)
    return unwritable(path, errno);
  // Also if it was there: whoever made it may have been cut short before this.
  if (auto flushed = flush(above.get(), parent); !flushed) return propagate(flushed);
  auto found = find(parent, name);
  if (!found) return propagate(found);
  if (!*found) return unwritable(path, ENOENT);
  return std::move(**found);
}

Result<void> DurableFolder::write(const std::string& name, std::span<const std::uint8_t> content,
                                  Readers readers) const {
  const std::string part = beside(name);
  const std::string path = path_ + "/" + name;
  unlinkat(descriptor_.get(), part.c_str(), 0);
  const mode_t mode = readers == Readers::everybody ? 0644 : 0600;
  const UniqueFd file(openat(descriptor_.get(), part.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!file) return unwritable(path, errno);
  // Whatever the umask is: a file that nobody may read would hide the state from splice-status.
  auto written = fchmod(file.get(), mode) == 0 ? write_all(file.get(), content, path)
                                               : Result<void>(unwritable(path, errno));
  if (written && renameat(descriptor_.get(), part.c_str(), descriptor_.get(), name.c_str()) != 0)
    written = unwritable(path, errno);
  if (!written) {
    unlinkat(descriptor_.get(), part.c_str(), 0);
    return written;
  }
  return flush(descriptor_.get(), path_);
}

Result<std::optional<std::vector<std::uint8_t>>> DurableFolder::read(const std::string& name,
                                                                     std::size_t limit) const {
  const std::string path = path_ + "/" + name;
  const UniqueFd file(
      openat(descriptor_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && errno == ENOENT) return std::nullopt;
  if (!file && is_link(errno)) return untrusted(path, "is a link");
  if (!file) return unreadable(path, errno);
  if (auto own = check_owner(file.get(), path, S_IFREG); !own) return propagate(own);
  Contents contents = read_contents(file.get(), limit);
  if (contents.error != 0) return unreadable(path, contents.error);
  return std::move(contents.bytes);
}

Result<void> DurableFolder::remove(const std::string& name) const {
  if (unlinkat(descriptor_.get(), name.c_str(), 0) != 0 && errno != ENOENT)
    return unwritable(path_ + "/" + name, errno);
  // Also if it was not there: whoever removed it before us may have been cut short.
  return flush(descriptor_.get(), path_);
}

Result<std::vector<std::string>> DurableFolder::names() const {
  const Listing listing = list_directory(fmt::format("/proc/self/fd/{}", descriptor_.get()));
  if (listing.error != 0) return unreadable(path_, listing.error);
  std::vector<std::string> names;
  for (const auto& entry : listing.entries) names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

Result<void> DurableFolder::remove_leftovers() const {
  const auto all = names();
  if (!all) return propagate(all);
  for (const std::string& name : *all) {
    if (!is_leftover(name)) continue;
    if (auto gone = remove(name); !gone) return gone;
  }
  return {};
}

Result<FolderLock> FolderLock::take(const DurableFolder& folder) {
  const std::string path = folder.path() + "/" + kLock;
  UniqueFd file(
      openat(folder.descriptor(), kLock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return unwritable(path, errno);
  while (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return unwritable(path, errno);
    return fail(ExitCode::busy, "store-busy", "another splice-install or splice-remove is at work")
        .at_file(path)
        .hint("wait until it ends, or give more --retries");
  }
  return FolderLock(std::move(file));
}

}  // namespace splicer
