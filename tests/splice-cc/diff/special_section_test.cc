// SPDX-License-Identifier: GPL-2.0-or-later
//
// Special sections: how large the entries are, whose they are, what is damaged.
#include "splice-cc/diff/special_section.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/snippet.h"

namespace splicer {
namespace {

// Two functions, f and g, of some nops each, then what a test adds.
std::string code_with(const std::string& tables) {
  return ".file \"x.c\"\n"
         ".section .text.f,\"ax\"\n.type f,@function\nf: .skip 16,0x90\nf1: ret\n.size f,.-f\n"
         ".section .text.g,\"ax\"\n.type g,@function\ng: .skip 16,0x90\ng1: ret\n.size g,.-g\n"
         ".section .rodata.str1.1,\"aMS\",@progbits,1\nname: .string \"file.c\"\n" +
         tables;
}

class Tables {
 public:
  explicit Tables(const std::string& text)
      : object_(compile(code_with(text), "tables.s")),
        atoms_(*AtomTable::build(object_, false)),
        tables_(SpecialSections::collect(atoms_)) {}
  const std::vector<TableEntry>& of(const std::string& name) const {
    EXPECT_TRUE(tables_) << tables_.error().message;
    return tables_->of(atom_named(atoms_, name));
  }
  std::string refusal() const {
    if (tables_) return "accepted";
    EXPECT_EQ(tables_.error().code, "special-section-malformed");
    EXPECT_FALSE(tables_.error().advice.empty());
    return tables_.error().message;
  }
  // Both functions have one entry of that size.
  void expect_one_each(std::uint64_t size) const {
    for (const char* name : {"f", "g"}) {
      ASSERT_EQ(of(name).size(), 1u) << name;
      EXPECT_EQ(of(name)[0].size, size);
      EXPECT_EQ(of(name)[0].references[0].atom, atom_named(atoms_, name));
    }
    EXPECT_EQ(of("f")[0].begin, 0u);
    EXPECT_EQ(of("g")[0].begin, size);
  }
  const ElfObject& object() const { return object_; }

 private:
  ElfObject object_;
  AtomTable atoms_;
  Result<SpecialSections> tables_;
};

std::string section(const std::string& name, const std::string& content) {
  return ".section " + name + ",\"a\"\n" + content;
}

TEST(SpecialSection, ListsOfPlaces) {
  for (const char* name : {".retpoline_sites", ".return_sites", ".smp_locks", ".call_sites"})
    Tables(section(name, ".long f1-.\n.long g1-.\n")).expect_one_each(4);
  Tables(section("__mcount_loc", ".quad f\n.quad g\n")).expect_one_each(8);
}

TEST(SpecialSection, WhatDoesNotGoAlong) {
  for (const char* name : {".ibt_endbr_seal", "__patchable_function_entries"}) {
    const Tables tables(section(name, ".quad f\n.quad g\n"));
    EXPECT_TRUE(tables.of("f").empty()) << name;
    EXPECT_TRUE(tables.of("g").empty()) << name;
  }
}

TEST(SpecialSection, BugTable) {
  const Tables tables(
      section("__bug_table", ".long f1-., name-.\n.word 12, 1\n.long g1-., name-.\n.word 9, 2\n"));
  tables.expect_one_each(12);
  const TableEntry& entry = tables.of("f")[0];
  EXPECT_EQ(line_field(tables.object().section(entry.section), entry),
            (std::pair<std::uint64_t, std::uint64_t>{8, 10}));
}

TEST(SpecialSection, BugTableWithoutFileAndLine) {
  const Tables tables(section("__bug_table", ".long f1-.\n.word 1\n.long g1-.\n.word 2\n"));
  tables.expect_one_each(6);
  const TableEntry& entry = tables.of("f")[0];
  EXPECT_EQ(line_field(tables.object().section(entry.section), entry),
            (std::pair<std::uint64_t, std::uint64_t>{0, 0}));
}

TEST(SpecialSection, ExceptionTable) {
  Tables(section("__ex_table", ".long f-., f1-., 3\n.long g-., g1-., 4\n")).expect_one_each(12);
}

TEST(SpecialSection, JumpTable) {
  const Tables tables(
      section("__jump_table", ".long f-., f1-.\n.quad key-.\n.long g-., g1-.\n.quad key-.\n"));
  tables.expect_one_each(16);
  EXPECT_EQ(tables.of("f")[0].references.size(), 3u);
}

TEST(SpecialSection, StaticCallsAndParavirt) {
  Tables(section(".static_call_sites", ".long f-., key-.\n.long g-., key-.\n")).expect_one_each(8);
  Tables(section(".parainstructions",
                 ".quad f\n.byte 1,5\n.balign 8\n.quad g\n.byte 2,5\n"
                 ".balign 8\n"))
      .expect_one_each(16);
}

TEST(SpecialSection, OrcIsOneTableInTwoSections) {
  const Tables tables(section(".orc_unwind_ip", ".long f-.\n.long f1-.\n.long g-.\n") +
                      section(".orc_unwind", ".skip 6,1\n.skip 6,2\n.skip 6,3\n"));
  ASSERT_EQ(tables.of("f").size(), 2u);
  ASSERT_EQ(tables.of("g").size(), 1u);
  const TableEntry& entry = tables.of("g")[0];
  EXPECT_EQ(tables.object().section(entry.other_section).name, ".orc_unwind");
  EXPECT_EQ(entry.other_begin, 12u);
  EXPECT_EQ(entry.other_size, 6u);
}

TEST(SpecialSection, OrcThatDoesNotAgree) {
  const std::string ip = section(".orc_unwind_ip", ".long f-.\n.long g-.\n");
  EXPECT_NE(Tables(ip).refusal(), "accepted");
  EXPECT_NE(Tables(ip + section(".orc_unwind", ".skip 13\n")).refusal(), "accepted");
}

std::string alternative(const std::string& replacement, int length) {
  return section(".altinstructions", ".long f-., " + replacement + "-.\n.word 1, 0\n.byte 5, " +
                                         std::to_string(length) + "\n") +
         ".section .altinstr_replacement,\"ax\"\nr0: .skip 3,0x90\nr1: .skip 5,0x91\n";
}

TEST(SpecialSection, Alternatives) {
  const Tables tables(alternative("r1", 5));
  ASSERT_EQ(tables.of("f").size(), 1u);
  const TableEntry& entry = tables.of("f")[0];
  EXPECT_EQ(entry.size, 14u);
  EXPECT_EQ(tables.object().section(entry.other_section).name, ".altinstr_replacement");
  EXPECT_EQ(entry.other_begin, 3u);
  EXPECT_EQ(entry.other_size, 5u);
  EXPECT_EQ(Tables(alternative("r1", 0)).of("f")[0].other_size, 0u);
}

TEST(SpecialSection, AReplacementOutsideItsSection) {
  EXPECT_NE(Tables(alternative("r1", 6)).refusal(), "accepted");
  EXPECT_NE(Tables(alternative("r0-4", 8)).refusal(), "accepted") << "begins before it";
  EXPECT_NE(Tables(alternative("r0+100", 1)).refusal(), "accepted");
  EXPECT_NE(Tables(alternative("elsewhere", 1)).refusal(), "accepted") << "undefined";
}

TEST(SpecialSection, DamagedTables) {
  EXPECT_NE(Tables(section("__bug_table", ".skip 12\n")).refusal(), "accepted") << "no code named";
  EXPECT_NE(Tables(section("__mcount_loc", ".quad f\n.byte 1\n.quad g\n")).refusal(), "accepted");
  EXPECT_NE(Tables(section("__ex_table", ".long f-., f1-., 3\n.long g-.\n")).refusal(), "accepted");
  EXPECT_NE(Tables(section("__jump_table", ".long f-., f1-.\n")).refusal(), "accepted");
  EXPECT_NE(Tables(section("__ex_table", ".long x-., f1-., 3\n")).refusal(), "accepted")
      << "an owner that is undefined";
}

TEST(SpecialSection, AnEmptyTableIsNone) {
  EXPECT_TRUE(Tables(section("__ex_table", "")).of("f").empty());
}

}  // namespace
}  // namespace splicer
