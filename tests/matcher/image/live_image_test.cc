// SPDX-License-Identifier: GPL-2.0-or-later
//
// The live image, on a made-up /proc: a core file of two segments and a list of symbols.
#include <elf.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "matcher/image/live_image.h"
#include "tests/support/object_builder.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

constexpr std::uint64_t kText = 0xffffffff81000000;
constexpr const char* kSymbols = "ffffffff81000000 T startup_64\n";

// Compiled only: it is about this machine's kernel.
[[maybe_unused]] Result<void> example(RunAddress address) {
  // [example matcher/image/live_image.h]
  auto image = open_live_image();  // or "kcore-unreadable"
  std::array<std::uint8_t, 16> code{};
  if (auto read = (*image)->read(address, code); !read) return propagate(read);
  // [end]
  return {};
}

struct CoreSegment {
  std::uint64_t address;
  ByteVector content;
};

ByteVector core_file(const std::vector<CoreSegment>& segments) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_machine = EM_X86_64;
  header.e_type = ET_CORE;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = static_cast<std::uint16_t>(segments.size());
  ByteVector out(sizeof header + segments.size() * sizeof(Elf64_Phdr));
  std::memcpy(out.data(), &header, sizeof header);
  for (std::size_t i = 0; i < segments.size(); i++) {
    Elf64_Phdr row{};
    row.p_type = PT_LOAD;
    row.p_vaddr = segments[i].address;
    row.p_offset = out.size();
    row.p_filesz = row.p_memsz = segments[i].content.size();
    std::memcpy(&out[sizeof header + i * sizeof row], &row, sizeof row);
    out = std::move(out) + segments[i].content;
  }
  return out;
}

class LiveImage : public testing::Test {
 protected:
  void write(const std::string& name, const ByteVector& content) const {
    directory_.write(name, {reinterpret_cast<const char*>(content.data()), content.size()});
  }
  void write(const std::string& name, const std::string& text) const {
    write(name, ByteVector(text.begin(), text.end()));
  }
  std::string refusal() const {
    const auto image = open_live_image(folder_);
    return image ? "accepted" : image.error().code;
  }

  TemporaryFolder directory_;
  std::string folder_ = directory_.path().string();
};

TEST_F(LiveImage, ReadsAcrossPieces) {
  ByteVector text(200000);
  for (std::size_t i = 0; i < text.size(); i++) text[i] = static_cast<std::uint8_t>(i * 7 / 256);
  write("kcore", core_file({{kText, text}}));
  write("kallsyms", kSymbols);
  const auto image = open_live_image(folder_);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_TRUE((*image)->live());
  EXPECT_NE((*image)->symbols().at(RunAddress(kText)), nullptr);
  for (const std::size_t at : {0u, 1u, 65530u, 131000u, 199000u}) {
    ByteVector some(1000);
    ASSERT_TRUE((*image)->read(RunAddress(kText + at), some)) << at;
    EXPECT_TRUE(
        std::equal(some.begin(), some.end(), text.begin() + static_cast<std::ptrdiff_t>(at)));
  }
  ByteVector all(text.size());
  ASSERT_TRUE((*image)->read(RunAddress(kText), all));
  EXPECT_EQ(all, text);
  ByteVector one_more(text.size() + 1);
  EXPECT_EQ((*image)->read(RunAddress(kText), one_more).error().code, "image-read");
  EXPECT_EQ((*image)->read(RunAddress(kText - 1), one_more).error().code, "image-read");
}

TEST_F(LiveImage, TwoSegmentsInOnePieceOfTheAddressSpace) {
  write("kcore", core_file({{kText + 0x1000, ByteVector(0x1000, 1)},
                            {kText + 0x3000, ByteVector(0x1000, 3)}}));
  write("kallsyms", kSymbols);
  const auto image = open_live_image(folder_);
  ASSERT_TRUE(image);
  ByteVector byte(1);
  ASSERT_TRUE((*image)->read(RunAddress(kText + 0x1000), byte));
  EXPECT_EQ(byte[0], 1);
  ASSERT_TRUE((*image)->read(RunAddress(kText + 0x3fff), byte));
  EXPECT_EQ(byte[0], 3);
  EXPECT_FALSE((*image)->read(RunAddress(kText + 0x2000), byte));
  ByteVector both(0x3000);
  EXPECT_FALSE((*image)->read(RunAddress(kText + 0x1000), both));  // the hole between them
}

TEST_F(LiveImage, SegmentAtTheTopOfTheAddressSpace) {
  write("kcore", core_file({{~0ull - 0xfff, ByteVector(0x1000, 9)}}));
  write("kallsyms", kSymbols);
  const auto image = open_live_image(folder_);
  ASSERT_TRUE(image);
  ByteVector last(1);
  ASSERT_TRUE((*image)->read(RunAddress(~0ull), last));
  EXPECT_EQ(last[0], 9);
  ByteVector over(2);
  EXPECT_FALSE((*image)->read(RunAddress(~0ull), over));
}

// The core file promises more than it gives: an error, never fewer bytes.
TEST_F(LiveImage, CoreFileCutShort) {
  ByteVector file = core_file({{kText, ByteVector(0x1000, 1)}});
  file.resize(file.size() - 1);
  write("kcore", file);
  write("kallsyms", kSymbols);
  const auto image = open_live_image(folder_);
  ASSERT_TRUE(image);
  ByteVector all(0x1000);
  const auto read = (*image)->read(RunAddress(kText), all);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, "image-read");
  EXPECT_FALSE(read.error().advice.empty());
}

TEST_F(LiveImage, TypesByTarget) {
  write("kcore", core_file({{kText, ByteVector(16)}}));
  write("kallsyms", kSymbols);
  const ByteVector types = {0x9f, 0xeb, 0, '\n', '\r', ' ', 0xff};
  write("sys/kernel/btf/vmlinux", types);
  write("sys/kernel/btf/tun", ByteVector(100000, 7));
  write("sys/kernel/btf/empty", ByteVector());
  const auto image = open_live_image(folder_, folder_ + "/sys");
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ((*image)->types("vmlinux"), types);
  EXPECT_EQ((*image)->types("tun"), ByteVector(100000, 7));
  EXPECT_EQ((*image)->types("empty"), ByteVector());
  EXPECT_EQ((*image)->types("virtio_net"), ByteVector());
  EXPECT_EQ((*image)->types(""), ByteVector());  // a folder
  const auto without = open_live_image(folder_, folder_ + "/none");
  ASSERT_TRUE(without);
  EXPECT_EQ((*without)->types("vmlinux"), ByteVector());
}

TEST_F(LiveImage, SectionsOfAModule) {
  write("kcore", core_file({{kText, ByteVector(16)}}));
  write("kallsyms", kSymbols);
  write("sys/module/tun/sections/.rodata", "0xffffffffc0302000\n");
  write("sys/module/tun/sections/.rodata.cst2", "0xffffffffc0302040\n");
  write("sys/module/tun/sections/.init.text", "0x0000000000000000\n");  // hidden
  const auto image = open_live_image(folder_, folder_ + "/sys");
  ASSERT_TRUE(image) << image.error().message;
  const auto sections = (*image)->sections("tun");
  ASSERT_EQ(sections.size(), 2u);
  EXPECT_EQ(sections.at(".rodata").begin, RunAddress(0xffffffffc0302000u));
  EXPECT_EQ(sections.at(".rodata").end, RunAddress(0xffffffffc0302040u));
  EXPECT_TRUE(sections.at(".rodata.cst2").contains(RunAddress(0xffffffffc0302040u)));
  EXPECT_TRUE((*image)->sections("vmlinux").empty());
}

TEST_F(LiveImage, AddressOfASection) {
  const auto address = [&](const std::string& text) {
    write("section", text);
    return read_section_address(directory_ / "section");
  };
  EXPECT_EQ(address("0xffffffffc0302000\n"), 0xffffffffc0302000u);
  for (const char* text : {"", "0x", "0x0000000000000000\n", "0x12 3\n", "text\n"})
    EXPECT_EQ(address(text), std::nullopt) << text;
  EXPECT_EQ(read_section_address(directory_ / "none"), std::nullopt);
}

TEST_F(LiveImage, NoCoreFile) { EXPECT_EQ(refusal(), "kcore-unreadable"); }

TEST_F(LiveImage, MalformedCoreFile) {
  write("kallsyms", kSymbols);
  write("kcore", std::string("short"));
  EXPECT_EQ(refusal(), "kcore-malformed");
  write("kcore", std::string(4096, 'x'));
  EXPECT_EQ(refusal(), "kcore-malformed");
  ByteVector file = core_file({{kText, ByteVector(16)}});
  file.resize(sizeof(Elf64_Ehdr) + 10);  // in the program headers
  write("kcore", file);
  EXPECT_EQ(refusal(), "kcore-malformed");
}

TEST_F(LiveImage, SymbolsMissingHiddenOrWrong) {
  write("kcore", core_file({{kText, ByteVector(16)}}));
  EXPECT_EQ(refusal(), "kallsyms-unreadable");
  write("kallsyms", std::string("0000000000000000 T startup_64\n"));
  EXPECT_EQ(refusal(), "kallsyms-hidden");
  write("kallsyms", std::string("nonsense\n"));
  EXPECT_EQ(refusal(), "kallsyms-malformed");
}

}  // namespace
}  // namespace splicer
