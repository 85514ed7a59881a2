// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/image/bzimage.h"

#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "matcher/base/decompress.h"

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

Result<std::vector<std::uint8_t>> unpack_payload(Bytes payload, const std::string& name,
                                                 std::size_t limit) {
  // A gzip file ends with its unpacked size. To the others the kernel's build appends it
  // (size_append in scripts/Makefile.lib), and no decompressor must take it for more data.
  const bool gzip = payload.size() > 2 && payload[0] == 0x1f && payload[1] == 0x8b;
  if (!gzip && payload.size() > 4) payload = payload.first(payload.size() - 4);
  auto unpacked = decompress(payload, "its payload", limit);
  if (!unpacked) return malformed(name, unpacked.error().message);
  return unpacked;
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
  auto kernel = unpack_payload(file.subspan(begin, length), name, limit);
  if (!kernel) return kernel;
  if (!is_elf(*kernel)) return malformed(name, "what it unpacks to is not ELF");
  return kernel;
}

}  // namespace splicer
