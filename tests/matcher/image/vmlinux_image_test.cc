// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "matcher/image/vmlinux_image.h"
#include "tests/support/kernel_samples.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

constexpr std::uint64_t kText = 0xffffffff81000000;
constexpr std::uint64_t kData = 0xffffffff82000000;

// Compiled only: the file is not at hand.
[[maybe_unused]] std::size_t example() {
  // [example matcher/image/vmlinux_image.h]
  auto image = open_vmlinux_image("/boot/vmlinuz-6.1.0-50-amd64");
  auto found = (*image)->symbols().find("vmlinux", "copy_process");
  // [end]
  return found.size();
}

Result<std::unique_ptr<Image>> open_bytes(const ByteVector& file) {
  const TemporaryFolder folder;
  const auto path =
      folder.write("vmlinux", {reinterpret_cast<const char*>(file.data()), file.size()});
  return open_vmlinux_image(path.string());
}

std::vector<LoadedSegment> segments() {
  return {{kText, hex("01 02 03 04 05 06 07 08")}, {kData, hex("0a 0b 0c 0d")}};
}
std::vector<KernelSymbol> symbols() {
  return {{RunAddress(kText), 'T', "start", ""},
          {RunAddress(kText + 4), 't', "inner", ""},
          {RunAddress(7), 'A', "seven", ""}};
}

std::string refusal(const ByteVector& file) {
  const auto image = open_bytes(file);
  if (image) return "accepted";
  EXPECT_EQ(image.error().code, "vmlinux-malformed");
  EXPECT_FALSE(image.error().advice.empty());
  return image.error().message;
}

void change_header(ByteVector& file, const std::function<void(Elf64_Ehdr&)>& change) {
  Elf64_Ehdr header;
  std::memcpy(&header, file.data(), sizeof header);
  change(header);
  std::memcpy(file.data(), &header, sizeof header);
}

TEST(VmlinuxImage, MemoryAndSymbols) {
  const auto image = open_bytes(vmlinux(segments(), symbols()));
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_FALSE((*image)->live());
  ByteVector four(4);
  ASSERT_TRUE((*image)->read(RunAddress(kText + 4), four));
  EXPECT_EQ(four, hex("05 06 07 08"));
  ASSERT_TRUE((*image)->read(RunAddress(kData), four));
  EXPECT_EQ(four, hex("0a 0b 0c 0d"));
  const SymbolTable& table = (*image)->symbols();
  ASSERT_EQ(table.find("vmlinux", "start").size(), 1u);
  EXPECT_EQ(table.find("vmlinux", "start")[0]->type, 'T');
  EXPECT_EQ(table.find("vmlinux", "inner")[0]->type, 't');
  EXPECT_EQ(table.find("vmlinux", "seven")[0]->type, 'A');
}

TEST(VmlinuxImage, ReadsAllOrNothing) {
  const auto image = open_bytes(vmlinux(segments(), symbols()));
  ASSERT_TRUE(image);
  ByteVector four(4);
  for (const std::uint64_t address : {kText - 1, kText + 5, kText + 8, kData + 1, std::uint64_t{0}})
    EXPECT_EQ((*image)->read(RunAddress(address), four).error().code, "image-read") << address;
}

TEST(VmlinuxImage, StrippedKernelTellsItsSymbols) {
  const ByteVector table = kallsyms_table(kernel_symbols(kText), KallsymsLayout::linux_6_1);
  const auto image = open_bytes(bzimage(vmlinux({{kText, table}}, {}), "gzip"));
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ((*image)->symbols().all().size(), kernel_symbols(kText).size());
  EXPECT_EQ((*image)->symbols().find("vmlinux", "function_7_in")[0]->address,
            RunAddress(kText + 7 * 16));
}

TEST(VmlinuxImage, NoSymbolsAtAll) {
  const auto image = open_bytes(vmlinux(segments(), {}));
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, "kallsyms-not-found");
  EXPECT_NE(refusal(vmlinux({}, {})), "accepted");
}

TEST(VmlinuxImage, NoFile) {
  EXPECT_EQ(open_vmlinux_image("/no/such/vmlinux").error().code, "vmlinux-malformed");
}

TEST(VmlinuxImage, ADirectory) {
  const auto image = open_vmlinux_image(testing::TempDir());
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, "vmlinux-malformed");
  EXPECT_EQ(image.error().message, "not a usable vmlinux: it cannot be read: Is a directory");
}

TEST(VmlinuxImage, NotAnX86Executable) {
  for (const auto& change : std::vector<std::function<void(Elf64_Ehdr&)>>{
           [](Elf64_Ehdr& h) { h.e_machine = EM_AARCH64; },
           [](Elf64_Ehdr& h) { h.e_type = ET_REL; }}) {
    ByteVector file = vmlinux(segments(), symbols());
    change_header(file, change);
    EXPECT_NE(refusal(file), "accepted");
  }
  EXPECT_NE(refusal(hex("7f 45 4c 46 02")), "accepted");
}

TEST(VmlinuxImage, TablesOutsideTheFile) {
  for (const auto& change : std::vector<std::function<void(Elf64_Ehdr&)>>{
           [](Elf64_Ehdr& h) { h.e_shoff = 1ull << 40; }, [](Elf64_Ehdr& h) { h.e_shoff = ~0ull; },
           [](Elf64_Ehdr& h) { h.e_phoff = 1ull << 40; }, [](Elf64_Ehdr& h) { h.e_shnum = 0xffff; },
           [](Elf64_Ehdr& h) { h.e_phnum = 0xffff; }}) {
    ByteVector file = vmlinux(segments(), symbols());
    change_header(file, change);
    EXPECT_NE(refusal(file), "accepted");
  }
}

TEST(VmlinuxImage, DamagedSymbolTable) {
  const ByteVector good = vmlinux(segments(), symbols());
  const std::size_t table = section_of_type(good, SHT_SYMTAB);
  const auto with = [&](const std::function<void(Elf64_Shdr&)>& change) {
    ByteVector file = good;
    change_section(file, table, change);
    return refusal(file);
  };
  EXPECT_NE(with([](auto& s) { s.sh_offset = ~0ull; }), "accepted");
  EXPECT_NE(with([](auto& s) { s.sh_size = 1ull << 40; }), "accepted");
  ByteVector twice = good;
  Elf64_Shdr row;
  change_section(twice, table, [&](auto& s) { row = s; });
  change_section(twice, 1, [&](auto& s) { s = row; });
  EXPECT_EQ(refusal(twice), "not a usable vmlinux: it has two symbol tables");
}

TEST(VmlinuxImage, NameWithoutEnd) {
  auto long_name = symbols();
  long_name.push_back({RunAddress(kText), 'T', std::string(10000, 'x'), ""});
  EXPECT_EQ(refusal(vmlinux(segments(), long_name)),
            "not a usable vmlinux: a symbol's name has no end");
}

TEST(VmlinuxImage, TruncatedAnywhere) {
  const ByteVector whole = vmlinux(segments(), symbols());
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    const ByteVector part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(open_bytes(part)) << "of " << size << " bytes";
  }
}

}  // namespace
}  // namespace splicer
