// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/image/bzimage.h"

#include <gtest/gtest.h>

#include "tests/support/kernel_samples.h"

namespace splicer {
namespace {

ByteVector kernel() { return vmlinux({{0xffffffff81000000, ByteVector(5000, 0x90)}}, {}); }

std::string refusal(const ByteVector& file, std::size_t limit = kMaxKernel) {
  const auto unpacked = unpack_kernel(file, "vmlinuz", limit);
  if (unpacked) return "accepted";
  EXPECT_EQ(unpacked.error().code, "kernel-file-malformed");
  EXPECT_EQ(unpacked.error().file, "vmlinuz");
  EXPECT_FALSE(unpacked.error().advice.empty());
  return unpacked.error().message;
}

TEST(KernelFile, ElfIsTakenAsItIs) { EXPECT_EQ(*unpack_kernel(kernel(), "vmlinux"), kernel()); }

TEST(KernelFile, EveryCompressorOfTheKernel) {
  for (const char* filter : {"gzip", "bzip2", "lzma", "xz", "lz4", "zstd"}) {
    const auto unpacked = unpack_kernel(bzimage(kernel(), filter), "vmlinuz");
    ASSERT_TRUE(unpacked) << filter << ": " << unpacked.error().message;
    EXPECT_EQ(*unpacked, kernel()) << filter;
  }
}

TEST(KernelFile, NeitherElfNorBzImage) {
  EXPECT_EQ(refusal({}), "not a kernel image: neither ELF nor a bzImage");
  EXPECT_EQ(refusal(ByteVector(0x24f)), "not a kernel image: neither ELF nor a bzImage");
  EXPECT_EQ(refusal(ByteVector(10000, 'x')), "not a kernel image: neither ELF nor a bzImage");
}

TEST(KernelFile, PayloadOutsideTheFile) {
  const ByteVector good = bzimage(kernel(), "gzip");
  for (const std::size_t field : {0x248u, 0x24cu}) {
    for (const std::uint64_t value : {0x7fffffffu, 0xffffffffu}) {
      ByteVector file = good;
      const ByteVector bytes = le32(value);
      std::copy(bytes.begin(), bytes.end(), file.begin() + static_cast<std::ptrdiff_t>(field));
      EXPECT_EQ(refusal(file), "not a kernel image: its payload lies outside the file");
    }
  }
}

TEST(KernelFile, PayloadOfNoKnownKind) {
  EXPECT_NE(refusal(bzimage_of({})), "accepted");
  EXPECT_EQ(refusal(bzimage_of(ByteVector(500, 'x'))),
            "not a kernel image: what it unpacks to is not ELF");
  EXPECT_EQ(refusal(bzimage(ByteVector(500, 'x'), "xz")),
            "not a kernel image: what it unpacks to is not ELF");
}

// libarchive would start a program for these.
TEST(KernelFile, StartsNoProgramToUnpack) {
  const ByteVector lrzip = hex("4c 52 5a 49 00 06") + ByteVector(200);
  EXPECT_EQ(refusal(bzimage_of(lrzip)), "not a kernel image: what it unpacks to is not ELF");
}

// As big as real ones are in relation to a decompressor's buffers.
ByteVector large_kernel() {
  ByteVector noise(1 << 20);
  std::uint32_t state = 1;
  for (std::uint8_t& byte : noise)
    byte = static_cast<std::uint8_t>((state = state * 69069 + 1) >> 24);
  return vmlinux({{0xffffffff81000000, noise}}, {});
}

TEST(KernelFile, NothingIsLostAtTheEnd) {
  const ByteVector large = large_kernel();
  for (const char* filter : {"gzip", "bzip2", "lzma", "xz", "lz4", "zstd"}) {
    const auto unpacked = unpack_kernel(bzimage(large, filter), "vmlinuz");
    ASSERT_TRUE(unpacked) << filter << ": " << unpacked.error().message;
    EXPECT_TRUE(*unpacked == large) << filter;
  }
}

TEST(KernelFile, DamagedPayload) {
  ByteVector file = bzimage(large_kernel(), "xz");
  file[file.size() / 2] ^= 0xff;
  EXPECT_EQ(refusal(file), "not a kernel image: its payload is damaged");
}

TEST(KernelFile, LimitOfTheUnpackedSize) {
  const ByteVector file = bzimage(kernel(), "zstd");
  EXPECT_EQ(refusal(file, kernel().size()), "accepted");
  EXPECT_NE(refusal(file, kernel().size() - 1).find("more than"), std::string::npos);
}

TEST(KernelFile, TruncatedAnywhere) {
  const ByteVector whole = bzimage(kernel(), "xz");
  for (std::size_t size = 0; size + 104 < whole.size(); size += 13) {
    const ByteVector part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_NE(refusal(part), "accepted") << "of " << size << " bytes";
  }
}

}  // namespace
}  // namespace splicer
