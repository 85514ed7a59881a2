// SPDX-License-Identifier: GPL-2.0-or-later
//
// The table of the kernel's sections, against the names that real kernels have: testdata/sections/
// holds those of thousands of modules and of objects of vmlinux, by version of the kernel.
#include "matcher/elf/kernel_sections.h"

#include <elf.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>

#include "matcher/base/file.h"

namespace splicer {
namespace {

constexpr std::uint64_t kCode = SHF_ALLOC | SHF_EXECINSTR;
constexpr std::uint64_t kData = SHF_ALLOC | SHF_WRITE;

SectionRole role(const std::string& name, std::uint64_t flags, bool module = false) {
  Section section;
  section.name = name;
  section.flags = flags;
  return section_role(section, module);
}

// A section of a real object: its name, and its flags as readelf writes them ("WA", "AX", "AMS").
struct SampleSection {
  std::string name;
  std::uint64_t flags = 0;
};

std::vector<SampleSection> samples(const std::filesystem::path& file) {
  const auto text = read_text(file);
  EXPECT_TRUE(text) << file;
  std::vector<SampleSection> found;
  for (const std::string& line : split_lines(text.value_or(""))) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    SampleSection sample;
    std::string letters;
    words >> sample.name >> letters;
    for (const char letter : letters) {
      if (letter == 'A') sample.flags |= SHF_ALLOC;
      if (letter == 'W') sample.flags |= SHF_WRITE;
      if (letter == 'X') sample.flags |= SHF_EXECINSTR;
    }
    found.push_back(std::move(sample));
  }
  return found;
}

TEST(KernelSections, Example) {
  // [values matcher/elf/kernel_sections.h]
  EXPECT_EQ(kernel_section("__jump_table")->role, SectionRole::table);
  EXPECT_EQ(kernel_section("__jump_table")->entry_size, 16u);
  EXPECT_EQ(kernel_section(".init.text")->discarded, Discarded::after_init);
  EXPECT_EQ(kernel_section(".BTF")->role, SectionRole::ignored);
  EXPECT_EQ(kernel_section(".BTF_ids")->role, SectionRole::linked);
  EXPECT_EQ(kernel_section(".data.rel.unknown")->name, ".data*");
  EXPECT_EQ(kernel_section("__new_in_7.0"), nullptr);
  // [end]
}

TEST(KernelSections, EverySectionOfRealKernelsHasARow) {
  for (const char* version : {"6.1", "6.12"}) {
    const auto found = samples(std::filesystem::path(SPLICE_TESTDATA) / "sections" /
                               (std::string(version) + ".txt"));
    EXPECT_GT(found.size(), 80u) << version;
    for (const SampleSection& sample : found)
      EXPECT_NE(kernel_section(sample.name), nullptr)
          << "add a row to kernel_sections for " << sample.name << " of Linux " << version
          << " (matcher/elf/kernel_sections.cc)";
  }
}

// What the name says and what the flags say must agree, or one of them is read wrongly.
TEST(KernelSections, RowsAgreeWithTheFlagsOfRealSections) {
  for (const char* version : {"6.1", "6.12"})
    for (const SampleSection& sample : samples(std::filesystem::path(SPLICE_TESTDATA) / "sections" /
                                               (std::string(version) + ".txt"))) {
      const KernelSection* row = kernel_section(sample.name);
      if (row == nullptr) continue;
      const bool code = (sample.flags & SHF_EXECINSTR) != 0;
      EXPECT_FALSE(row->role == SectionRole::code && !code) << sample.name;
      EXPECT_FALSE(row->role == SectionRole::data && code) << sample.name;
      EXPECT_FALSE(is_init_table(row->role) && code) << sample.name;
      EXPECT_FALSE(row->role == SectionRole::table && code) << sample.name;
    }
}

TEST(KernelSections, NoNameHasTwoRows) {
  std::set<std::string_view> names;
  for (const KernelSection& row : kernel_sections()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.source.empty()) << row.name;
    EXPECT_EQ(row.name.find('*'), row.name.ends_with('*') ? row.name.size() - 1 : row.name.npos);
    const bool counted = row.site && row.role == SectionRole::table;
    EXPECT_TRUE(!counted || row.relocations > 0) << row.name;
    EXPECT_TRUE(!counted || row.entry_size > 0 || row.site == SiteKind::alternative) << row.name;
  }
}

TEST(KernelSections, TheLongestNameWins) {
  EXPECT_EQ(kernel_section(".text.unlikely.f")->name, ".text.unlikely*");
  EXPECT_EQ(kernel_section(".text.f")->name, ".text*");
  EXPECT_EQ(kernel_section("__ksymtab_strings")->role, SectionRole::export_names);
  EXPECT_EQ(kernel_section("__ksymtab_gpl")->role, SectionRole::init_table);
  EXPECT_EQ(kernel_section(".BTF")->role, SectionRole::ignored);
  EXPECT_EQ(kernel_section(".BTF_ids")->role, SectionRole::linked);
  EXPECT_EQ(kernel_section("__jump_table.x"), nullptr) << "a row without * is of one name alone";
}

TEST(SectionRole, OfWhatTheKernelHas) {
  EXPECT_EQ(role(".text.f", kCode), SectionRole::code);
  EXPECT_EQ(role(".noinstr.text", kCode), SectionRole::code);
  EXPECT_EQ(role(".data..percpu", kData), SectionRole::data);
  EXPECT_EQ(role(".rodata.str1.1", SHF_ALLOC), SectionRole::read_only);
  EXPECT_EQ(role(".init.text", kCode), SectionRole::init);
  EXPECT_EQ(role("__ex_table", SHF_ALLOC), SectionRole::table);
  EXPECT_EQ(role(".altinstr_replacement", kCode), SectionRole::table_part);
  EXPECT_EQ(role(".discard.addressable", SHF_ALLOC), SectionRole::ignored);
  EXPECT_EQ(role(".debug_info", 0), SectionRole::ignored);
  EXPECT_EQ(role("___ksymtab+f", SHF_ALLOC), SectionRole::export_table);
  EXPECT_EQ(role("__param", SHF_ALLOC), SectionRole::init_table);
  EXPECT_EQ(role(".splice.pre_apply", SHF_ALLOC), SectionRole::hooks);
}

TEST(SectionRole, ExitCodeStaysInModules) {
  EXPECT_EQ(role(".exit.text", kCode), SectionRole::init);
  EXPECT_EQ(role(".exit.text", kCode, true), SectionRole::code);
  EXPECT_EQ(role(".exit.data", kData, true), SectionRole::init_table);
  EXPECT_EQ(role(".exitcall.exit", kData, true), SectionRole::init);
}

TEST(SectionRole, OfWhatHasNoRow) {
  EXPECT_EQ(role("__new_in_a_later_kernel", SHF_ALLOC), SectionRole::init_table);
  EXPECT_EQ(role("__new_in_a_later_kernel", kData), SectionRole::init_table);
  EXPECT_EQ(role(".new.text", kCode), SectionRole::code);
  EXPECT_EQ(role(".new.comment", 0), SectionRole::ignored);
}

TEST(KernelSections, WhatIsGoneFromMemory) {
  for (const char* name :
       {".init.text", ".altinstr_replacement", ".altinstr_aux", ".discard.addressable"}) {
    EXPECT_TRUE(is_discarded(name, false)) << name;
    EXPECT_TRUE(is_discarded(name, true)) << name;
  }
  EXPECT_TRUE(is_discarded(".exit.text", false));
  EXPECT_FALSE(is_discarded(".exit.text", true));
  // Of memory hot-plug: kept where it is configured (MEM_KEEP in vmlinux.lds.h).
  for (const char* name : {".text", ".text.f", ".ref.text", ".new.text", ".static_call.text",
                           ".meminit.text", ".memexit.text"})
    EXPECT_FALSE(is_discarded(name, false)) << name;
}

TEST(KernelSections, WhereCodeIsLinked) {
  EXPECT_EQ(linked_section(".text"), ".text");
  EXPECT_EQ(linked_section(".text.f"), ".text");
  EXPECT_EQ(linked_section(".text.unlikely.f"), ".text.unlikely");
  EXPECT_EQ(linked_section(".text.hot."), ".text.hot");
  EXPECT_EQ(linked_section(".sched.text"), ".sched.text");
  EXPECT_EQ(linked_section(".init.text"), ".init.text");
  EXPECT_EQ(linked_section(".new.text"), ".new.text");
}

TEST(KernelSections, RuntimeConstants) {
  EXPECT_EQ(constant_width("runtime_ptr_dentry_hashtable"), 8u);
  EXPECT_EQ(constant_width("runtime_shift_d_hash_shift"), 1u);
  EXPECT_EQ(constant_width("__jump_table"), 0u);
  EXPECT_EQ(constant_width("nowhere"), 0u);
  EXPECT_EQ(constant_variable("runtime_ptr_dentry_hashtable"), "dentry_hashtable");
  EXPECT_EQ(constant_variable("runtime_shift_d_hash_shift"), "d_hash_shift");
}

TEST(KernelSections, WhatTheLinkerLeavesOut) {
  const auto linked = [](const char* name, std::uint64_t flags) {
    Section section;
    section.name = name;
    section.flags = flags;
    return is_linked(section);
  };
  EXPECT_TRUE(linked(".data.foo", kData));
  EXPECT_TRUE(linked(".init.text", kCode));  // for a while
  EXPECT_TRUE(linked(".nobody.knows", kData));
  EXPECT_FALSE(linked(".discard.addressable", kData));
  EXPECT_FALSE(linked(".debug_info", 0));
}

}  // namespace
}  // namespace splicer
