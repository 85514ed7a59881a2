// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/base/decompress.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/kernel_samples.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

const ByteVector kContent(100000, 0x90);

std::string refusal(const ByteVector& data, std::size_t limit = 1 << 20) {
  const auto unpacked = decompress(data, "the file", limit);
  if (unpacked) return "accepted";
  EXPECT_EQ(unpacked.error().code, "compressed-malformed");
  EXPECT_FALSE(unpacked.error().advice.empty());
  return unpacked.error().message;
}

TEST(Decompress, Example) {
  const ByteVector bytes = compressed(kContent, "xz");
  // [example matcher/base/decompress.h]
  auto module = decompress(bytes, "the file", 1 << 30);  // of tun.ko.xz
  // [end]
  EXPECT_EQ(*module, kContent);
}

TEST(Decompress, EachKind) {
  for (const char* filter : {"gzip", "bzip2", "lzma", "xz", "lz4", "zstd"})
    EXPECT_EQ(*decompress(compressed(kContent, filter), "it", kContent.size()), kContent) << filter;
}

TEST(Decompress, NoMoreThanTheLimit) {
  EXPECT_EQ(refusal(compressed(kContent, "xz"), kContent.size() - 1),
            "the file unpacks to more than 99999 bytes");
  EXPECT_EQ(refusal(compressed(kContent, "xz"), 0), "the file unpacks to more than 0 bytes");
}

TEST(Decompress, CutShortOrDamaged) {
  ByteVector data = compressed(kContent, "xz");
  data.resize(data.size() - 20);
  EXPECT_EQ(refusal(data), "the file is damaged");
  data = compressed(kContent, "zstd");
  data[data.size() / 2] ^= 0xff;
  EXPECT_NE(refusal(data), "accepted");
}

// Modules are shipped so: tun.ko.xz.
TEST(Decompress, AnObjectIsLoadedFromItsCompressedFile) {
  ObjectBuilder builder;
  builder.function("f", hex("c3"));
  const ByteVector object = builder.bytes();
  const TemporaryFolder folder;
  const auto load = [&](const char* ending, const ByteVector& bytes) {
    return ElfObject::load(
        folder.write("tun.ko" + std::string(ending),
                     {reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
  };
  EXPECT_TRUE(load("", object));
  EXPECT_TRUE(load(".xz", compressed(object, "xz")));
  EXPECT_TRUE(load(".gz", compressed(object, "gzip")));
  EXPECT_TRUE(load(".zst", compressed(object, "zstd")));
  ByteVector cut = compressed(object, "xz");
  cut.resize(cut.size() / 2);
  const auto damaged = load(".xz", cut);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code, "elf-malformed");
}

}  // namespace
}  // namespace splicer
