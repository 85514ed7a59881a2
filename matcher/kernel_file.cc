// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/kernel_file.h"

#include <archive.h>
#include <archive_entry.h>
#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace splicer {

namespace {

Failure malformed(const std::string& name, const std::string& what) {
  return fail(ExitCode::error, "kernel-file-malformed", fmt::format("not a kernel image: {}", what))
      .at_file(name)
      .hint("give a vmlinux, or a bzImage such as /boot/vmlinuz-REL");
}

std::uint32_t read_u32(Bytes file, std::size_t offset) {
  std::uint32_t value = 0;
  std::memcpy(&value, file.data() + offset, sizeof value);
  return value;
}

bool is_elf(Bytes file) {
  return file.size() > SELFMAG && std::memcmp(file.data(), ELFMAG, SELFMAG) == 0;
}

// The compressors of the kernel's build (CONFIG_KERNEL_GZIP and its kin) that libarchive has in
// itself. Never all of its filters: for some it starts a program, which a hostile file must not do.
bool support_filters(archive* reader) {
  for (const auto support : {archive_read_support_filter_gzip, archive_read_support_filter_bzip2,
                             archive_read_support_filter_lzma, archive_read_support_filter_xz,
                             archive_read_support_filter_lz4, archive_read_support_filter_zstd})
    if (support(reader) != ARCHIVE_OK) return false;
  return true;
}

Result<std::vector<std::uint8_t>> decompress(Bytes payload, const std::string& name,
                                             std::size_t limit) {
  // A gzip file ends with its unpacked size. To the others the kernel's build appends it
  // (size_append in scripts/Makefile.lib), and no decompressor must take it for more data.
  const bool gzip = payload.size() > 2 && payload[0] == 0x1f && payload[1] == 0x8b;
  if (!gzip && payload.size() > 4) payload = payload.first(payload.size() - 4);
  const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), archive_read_free);
  archive_entry* entry = nullptr;
  if (!reader || !support_filters(reader.get()) ||
      archive_read_support_format_raw(reader.get()) != ARCHIVE_OK ||
      archive_read_open_memory(reader.get(), payload.data(), payload.size()) != ARCHIVE_OK ||
      archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK)
    return malformed(name, "its payload is compressed in an unknown way");
  std::vector<std::uint8_t> out;
  std::vector<std::uint8_t> piece(1 << 20);
  for (;;) {
    const la_ssize_t got = archive_read_data(reader.get(), piece.data(), piece.size());
    if (got == 0) break;
    if (got < 0) return malformed(name, "its payload is damaged");
    if (out.size() + static_cast<std::size_t>(got) > limit)
      return malformed(name, fmt::format("its payload unpacks to more than {} bytes", limit));
    out.insert(out.end(), piece.begin(), piece.begin() + got);
  }
  return out;
}

}  // namespace

Result<std::vector<std::uint8_t>> unpack_kernel(Bytes file, const std::string& name,
                                                std::size_t limit) {
  if (is_elf(file)) return std::vector<std::uint8_t>(file.begin(), file.end());
  constexpr std::size_t kSetupSectors = 0x1f1;
  constexpr std::size_t kMagic = 0x202;
  constexpr std::size_t kPayloadOffset = 0x248;
  constexpr std::size_t kPayloadLength = 0x24c;
  if (file.size() < kPayloadLength + 4 || std::memcmp(file.data() + kMagic, "HdrS", 4) != 0)
    return malformed(name, "neither ELF nor a bzImage");
  const std::size_t setup = file[kSetupSectors] == 0 ? 4 : file[kSetupSectors];
  const std::uint64_t begin = (setup + 1) * 512 + read_u32(file, kPayloadOffset);
  const std::uint64_t length = read_u32(file, kPayloadLength);
  if (begin > file.size() || length > file.size() - begin)
    return malformed(name, "its payload lies outside the file");
  auto kernel = decompress(file.subspan(begin, length), name, limit);
  if (!kernel) return kernel;
  if (!is_elf(*kernel)) return malformed(name, "what it unpacks to is not ELF");
  return kernel;
}

}  // namespace splicer
