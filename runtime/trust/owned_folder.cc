// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/trust/owned_folder.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "matcher/base/ownership.h"

namespace splicer {

namespace {

Failure unsafe(const std::string& path, const char* why) {
  return fail(ExitCode::error, "trust-unsafe", fmt::format("what decides whom to trust {}", why))
      .at_file(path)
      .hint(
          "find out who changed it; it must be root's, a file or folder itself and no link, and "
          "writable by root alone (chmod go-w)");
}

Failure unreadable(const std::string& path, int error) {
  return fail(ExitCode::error, "trust-unreadable",
              fmt::format("what decides whom to trust cannot be read: {}", std::strerror(error)))
      .at_file(path)
      .hint(error == EACCES || error == EPERM
                ? "let everybody read it (chmod a+r), or run the command as root"
                : "look at the file and at the disk");
}

}  // namespace

Result<std::optional<OwnedFolder>> OwnedFolder::open(int above, const std::string& name,
                                                     const std::string& path) {
  UniqueFd found(openat(above, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!found && errno == ENOENT) return std::nullopt;
  if (!found && (errno == ELOOP || errno == ENOTDIR))
    return unsafe(path, "is a link, or no folder");
  if (!found) return unreadable(path, errno);
  if (const char* why = why_not_ours(found.get(), S_IFDIR)) return unsafe(path, why);
  return OwnedFolder(std::move(found), path);
}

Result<std::optional<OwnedFolder>> OwnedFolder::find(const std::string& path) {
  return open(AT_FDCWD, path, path);
}

Result<std::optional<OwnedFolder>> OwnedFolder::folder(const std::string& name) const {
  return open(descriptor_.get(), name, path(name));
}

Result<std::optional<std::string>> OwnedFolder::read(const std::string& name,
                                                     std::size_t limit) const {
  const UniqueFd file(
      openat(descriptor_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && errno == ENOENT) return std::nullopt;
  if (!file && errno == ELOOP) return unsafe(path(name), "is a link");
  if (!file) return unreadable(path(name), errno);
  if (const char* why = why_not_ours(file.get(), S_IFREG)) return unsafe(path(name), why);
  const Contents contents = read_contents(file.get(), limit);
  if (contents.error != 0) return unreadable(path(name), contents.error);
  return contents.text();
}

Result<std::vector<std::string>> OwnedFolder::names() const {
  const Listing listing = list_directory(fmt::format("/proc/self/fd/{}", descriptor_.get()));
  if (listing.error != 0) return unreadable(path_, listing.error);
  std::vector<std::string> names;
  for (const auto& entry : listing.entries) names.push_back(entry.path().filename().string());
  return names;  // they are sorted
}

}  // namespace splicer
