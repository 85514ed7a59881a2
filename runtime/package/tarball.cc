// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/package/tarball.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/core.h>

#include <algorithm>
#include <memory>

#include "matcher/base/safe_path.h"

namespace splicer {

namespace {

constexpr std::size_t kBlock = 512;  // POSIX ustar: everything is in blocks of this size
constexpr const char* kAgain = "get the package again, or make it again with splice-create";

struct WriterCloser {
  void operator()(struct archive* writer) const { archive_write_free(writer); }
};
struct ReaderCloser {
  void operator()(struct archive* reader) const { archive_read_free(reader); }
};
struct EntryCloser {
  void operator()(struct archive_entry* entry) const { archive_entry_free(entry); }
};

Failure refuse(const char* code, std::string message, const std::string& file) {
  return fail(ExitCode::bad_package, code, std::move(message)).at_file(file).hint(kAgain);
}

// A member's name as it may be shown on a terminal: the archive may hold any bytes there.
std::string shown(std::string_view name) {
  std::string text;
  for (const char c : name.substr(0, kMaxSafePath)) {
    const bool plain = c >= 0x20 && c < 0x7f;
    text += plain ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return text;
}

la_ssize_t append(struct archive*, void* client, const void* data, std::size_t size) {
  auto* out = static_cast<std::vector<std::uint8_t>*>(client);
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  out->insert(out->end(), bytes, bytes + size);
  return static_cast<la_ssize_t>(size);
}

// What follows the last member must be the end mark of POSIX ustar (two blocks of zeros, perhaps
// more to fill a record). libarchive itself accepts a missing mark, and stops looking at it.
Result<void> check_end(std::span<const std::uint8_t> rest, const std::string& file) {
  if (rest.size() < 2 * kBlock || rest.size() % kBlock != 0)
    return refuse("package-truncated", "the archive has no end mark: it is cut short", file);
  if (std::ranges::any_of(rest, [](std::uint8_t byte) { return byte != 0; }))
    return refuse("package-truncated", "data follows the archive's end mark", file);
  return {};
}

Result<void> check_entry(struct archive_entry* entry, const std::string& name,
                         const std::string& file) {
  if (!is_safe_path(name)) {
    return refuse(
        "package-member-path",
        fmt::format("member name '{}' is not a relative path of plain characters", shown(name)),
        file);
  }
  if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != nullptr ||
      archive_entry_symlink(entry) != nullptr || archive_entry_sparse_count(entry) != 0) {
    return refuse("package-member-type", fmt::format("member {} is not a regular file", name),
                  file);
  }
  return {};
}

Failure malformed(struct archive* reader, const std::string& file) {
  const char* why = archive_error_string(reader);
  return refuse("package-truncated",
                fmt::format("the file is not a whole tar archive: {}",
                            shown(why != nullptr ? why : "it cannot be read")),
                file);
}

// The bytes of a member whose header was read. `rest` is what the archive has from that header on.
Result<std::vector<std::uint8_t>> read_member(struct archive* reader, struct archive_entry* entry,
                                              const std::string& name, std::size_t rest,
                                              const std::string& file) {
  const la_int64_t size = archive_entry_size(entry);
  if (archive_entry_size_is_set(entry) == 0 || size < 0 ||
      static_cast<std::uint64_t>(size) > kMaxPackageBytes) {
    return refuse("package-member-size",
                  fmt::format("member {} claims {} bytes; a package has at most {}", name, size,
                              kMaxPackageBytes),
                  file);
  }
  // Before any memory is taken: the header may claim more than the file has.
  if (static_cast<std::size_t>(size) > rest)
    return refuse("package-truncated", fmt::format("member {} is cut short", name), file);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
  if (!bytes.empty() && archive_read_data(reader, bytes.data(), bytes.size()) != size)
    return malformed(reader, file);
  return bytes;
}

}  // namespace

Result<std::vector<std::uint8_t>> pack_tar(const Members& members) {
  std::vector<std::uint8_t> out;
  std::size_t total = 0;
  const std::unique_ptr<struct archive, WriterCloser> writer(archive_write_new());
  const std::unique_ptr<struct archive_entry, EntryCloser> entry(archive_entry_new());
  const auto broken = [&] {
    const char* why = archive_error_string(writer.get());
    return fail(ExitCode::error, "package-write",
                fmt::format("cannot write the archive: {}", why != nullptr ? why : "no memory"))
        .hint("free memory and try again");
  };
  if (!writer || !entry) return broken();
  archive_write_set_format_pax_restricted(writer.get());
  archive_write_set_bytes_per_block(writer.get(), 0);
  if (archive_write_open(writer.get(), &out, nullptr, append, nullptr) != ARCHIVE_OK)
    return broken();
  for (const auto& [name, bytes] : members) {
    if (!is_safe_path(name))
      return refuse("package-member-path",
                    fmt::format("member name '{}' cannot be in a package", shown(name)), "");
    total += bytes.size();
    if (total > kMaxPackageBytes || members.size() > kMaxMembers)
      return refuse("package-member-size", "the update is larger than a package can be", "");
    archive_entry_clear(entry.get());
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_mtime(entry.get(), 0, 0);
    archive_entry_set_uid(entry.get(), 0);
    archive_entry_set_gid(entry.get(), 0);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
    if (archive_write_header(writer.get(), entry.get()) != ARCHIVE_OK) return broken();
    if (!bytes.empty() && archive_write_data(writer.get(), bytes.data(), bytes.size()) !=
                              static_cast<la_ssize_t>(bytes.size()))
      return broken();
  }
  if (archive_write_close(writer.get()) != ARCHIVE_OK) return broken();
  return out;
}

Result<Members> unpack_tar(std::span<const std::uint8_t> tar, const std::string& file) {
  if (tar.size() > kMaxPackageBytes) {
    return refuse("package-member-size",
                  fmt::format("the file has {} bytes; a package has at most {}", tar.size(),
                              kMaxPackageBytes),
                  file);
  }
  if (tar.size() < 2 * kBlock)
    return refuse("package-truncated", "the file is too short to be an archive", file);
  const std::unique_ptr<struct archive, ReaderCloser> reader(archive_read_new());
  if (!reader) return refuse("package-truncated", "no memory to read the archive", file);
  // Only tar, and no compression: what is not named here libarchive does not look for.
  archive_read_support_format_tar(reader.get());
  if (archive_read_open_memory(reader.get(), tar.data(), tar.size()) != ARCHIVE_OK)
    return malformed(reader.get(), file);

  Members members;
  while (true) {
    struct archive_entry* entry = nullptr;
    const int status = archive_read_next_header(reader.get(), &entry);
    const la_int64_t position = archive_read_header_position(reader.get());
    if (position < 0 || static_cast<std::size_t>(position) > tar.size())
      return malformed(reader.get(), file);
    const auto rest = tar.subspan(static_cast<std::size_t>(position));
    if (status == ARCHIVE_EOF) {
      if (auto end = check_end(rest, file); !end) return propagate(end);
      return members;
    }
    // A warning (a name in a foreign character set) is as bad: no package of ours causes one.
    if (status != ARCHIVE_OK) return malformed(reader.get(), file);

    const char* path = archive_entry_pathname(entry);
    const std::string name = path != nullptr ? path : "";
    if (auto good = check_entry(entry, name, file); !good) return propagate(good);
    if (members.size() >= kMaxMembers)
      return refuse("package-member-size",
                    fmt::format("there are more than {} members", kMaxMembers), file);
    if (members.contains(name))
      return refuse("package-member-duplicate", fmt::format("member {} appears twice", name), file);
    auto bytes = read_member(reader.get(), entry, name, rest.size(), file);
    if (!bytes) return propagate(bytes);
    members.emplace(name, std::move(*bytes));
  }
}

}  // namespace splicer
