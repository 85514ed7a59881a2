// SPDX-License-Identifier: GPL-2.0-or-later
//
// Each table of rewriting sites: what is read from it, and what is refused.
#include "matcher/match/sites.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/support/object_builder.h"

namespace splicer {
namespace {

// The sites of the section, in one list.
std::vector<Site> sites_of(const ObjectBuilder& builder, std::uint32_t section) {
  const auto tables = SiteTables::collect(builder.build());
  EXPECT_TRUE(tables) << tables.error().message;
  std::vector<Site> all;
  if (!tables) return all;
  for (const SiteGroup& group : tables->in(section))
    all.insert(all.end(), group.sites.begin(), group.sites.end());
  return all;
}

void expect_one(const ObjectBuilder& builder, std::uint32_t section, SiteKind kind,
                std::uint64_t offset, std::uint32_t length) {
  const auto all = sites_of(builder, section);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].kind, kind);
  EXPECT_EQ(all[0].offset, offset);
  EXPECT_EQ(all[0].length, length);
}

std::string refusal(const ObjectBuilder& builder) {
  const auto tables = SiteTables::collect(builder.build());
  if (tables) return "accepted";
  EXPECT_EQ(tables.error().code, "site-table-malformed");
  EXPECT_EQ(tables.error().file, "test.o");
  EXPECT_FALSE(tables.error().advice.empty());
  return tables.error().message;
}

TEST(Sites, NoTablesNoSites) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("c3"));
  EXPECT_TRUE(sites_of(builder, code).empty());
  EXPECT_TRUE(sites_of(builder, 12345).empty());
}

TEST(Sites, Ftrace) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("f3 0f 1e fa e8 00000000 c3"));
  builder.ftrace(code, 4);
  expect_one(builder, code, SiteKind::ftrace, 4, 5);
  EXPECT_TRUE(sites_of(builder, code)[0].rewritten_while_running());
}

TEST(Sites, FtraceAtTheEnd) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("e8 00000000 c3"));
  builder.ftrace(code, 2);
  EXPECT_EQ(refusal(builder), "__mcount_loc+0x0: the site runs over the end of its section");
}

TEST(Sites, Alternative) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("90 90 90 c3"));
  const auto other =
      builder.section(".altinstr_replacement", ObjectBuilder::kCode, hex("0f 01 cb 0f 01 ca"));
  builder.alternative(code, 0, 3, other, 3, 3);
  expect_one(builder, code, SiteKind::alternative, 0, 3);
  const Site site = sites_of(builder, code)[0];
  EXPECT_EQ(site.replacement.section, other);
  EXPECT_EQ(site.replacement.offset, 3u);
  EXPECT_EQ(site.replacement_length, 3u);
  EXPECT_FALSE(site.rewritten_while_running());
}

TEST(Sites, AlternativeWithLongerFlags) {
  // Later kernels: u32 flags, entries of 14 bytes; the lengths stay the last two.
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("90 90 90 c3"));
  const auto other = builder.section(".altinstr_replacement", ObjectBuilder::kCode, hex("0f01cb"));
  const auto list = builder.table(".altinstructions");
  for (const std::uint64_t entry : {0u, 14u}) {
    builder.append(list, ByteVector(12) + hex("03 03"));
    builder.relocate(list, entry, builder.section_symbol(code), R_X86_64_PC32, 0);
    builder.relocate(list, entry + 4, builder.section_symbol(other), R_X86_64_PC32, 0);
  }
  EXPECT_EQ(sites_of(builder, code).size(), 2u);
}

TEST(Sites, AlternativeThatDoesNotFit) {
  const auto with = [](std::uint64_t offset, std::uint8_t length, std::uint64_t at,
                       std::uint8_t replacement_length) {
    ObjectBuilder builder;
    const auto code = builder.function("f", hex("90 90 90 c3"));
    const auto other =
        builder.section(".altinstr_replacement", ObjectBuilder::kCode, hex("0f 01 cb"));
    builder.alternative(code, offset, length, other, at, replacement_length);
    return refusal(builder);
  };
  EXPECT_EQ(with(0, 4, 0, 3), "accepted");
  EXPECT_EQ(with(0, 0, 3, 0), "accepted");  // nothing at all is harmless
  EXPECT_NE(with(0, 2, 0, 3), "accepted");  // the replacement is longer than the site
  EXPECT_NE(with(1, 4, 0, 3), "accepted");  // over the end of the code
  EXPECT_NE(with(0, 4, 1, 3), "accepted");  // over the end of the replacements
  EXPECT_NE(with(9, 1, 0, 1), "accepted");
}

TEST(Sites, AlternativesWithRelocationsElsewhere) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("90 90 90 c3"));
  const auto list = builder.table(".altinstructions");
  builder.append(list, ByteVector(12));
  builder.relocate(list, 0, builder.section_symbol(code), R_X86_64_PC32, 0);
  EXPECT_NE(refusal(builder), "accepted");  // one of two
  builder.relocate(list, 6, builder.section_symbol(code), R_X86_64_PC32, 0);
  EXPECT_NE(refusal(builder), "accepted");  // the second where the flags are
}

TEST(Sites, Paravirt) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("ff 15 00000000 c3"));
  builder.paravirt(code, 0, 42, 6);
  expect_one(builder, code, SiteKind::paravirt, 0, 6);
  EXPECT_EQ(sites_of(builder, code)[0].paravirt_slot, 42u);
  builder.paravirt(code, 2, 42, 6);
  EXPECT_EQ(refusal(builder), ".parainstructions+0x10: the site runs over the end of its section");
}

TEST(Sites, ParavirtCutShort) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("ff 15 00000000 c3"));
  const auto list = builder.table(".parainstructions");
  builder.append(list, ByteVector(9));
  builder.relocate(list, 0, builder.section_symbol(code), R_X86_64_64, 0);
  EXPECT_EQ(refusal(builder), ".parainstructions+0x0: it is cut short");
}

TEST(Sites, StaticKeys) {
  for (const auto& [text, length] :
       std::vector<std::pair<const char*, std::uint32_t>>{{"66 90 c3 90 90", 2},
                                                          {"eb 01 c3 90 90", 2},
                                                          {"0f 1f 44 00 00 c3", 5},
                                                          {"e9 00000000 c3", 5}}) {
    ObjectBuilder builder;
    const auto code = builder.function("f", hex(text));
    builder.static_key(code, 0, 2);
    expect_one(builder, code, SiteKind::static_key, 0, length);
    const Site site = sites_of(builder, code)[0];
    EXPECT_EQ(site.symbol, builder.section_symbol(code));
    EXPECT_EQ(site.addend, 2);
    EXPECT_TRUE(site.rewritten_while_running());
  }
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("48 89 c3 90 90"));
  builder.static_key(code, 0, 2);
  EXPECT_EQ(refusal(builder), "__jump_table+0x0: unexpected instruction");
}

TEST(Sites, StaticKeyToNowhere) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("66 90 c3"));
  builder.static_key(code, 0, 4);
  EXPECT_EQ(refusal(builder), "__jump_table+0x0: it points nowhere");
}

TEST(Sites, StaticCalls) {
  for (const char* text : {"e8 00000000 c3", "e9 00000000 cc", "0f84 00000000 c3"}) {
    const std::size_t field = text[0] == '0' ? 2 : 1;
    ObjectBuilder builder;
    const auto code = builder.function("f", hex(text));
    const auto trampoline = builder.undefined("__SCT__might_resched");
    builder.relocate(code, field, trampoline, R_X86_64_PLT32, -4);
    builder.static_call(code, 0);
    expect_one(builder, code, SiteKind::static_call, 0, static_cast<std::uint32_t>(field + 4));
    EXPECT_EQ(sites_of(builder, code)[0].symbol, trampoline);
  }
}

TEST(Sites, StaticCallOfNothing) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("e8 00000000 c3"));
  builder.static_call(code, 0);
  EXPECT_EQ(refusal(builder), ".static_call_sites+0x0: it is not a call of a trampoline");
}

TEST(Sites, StaticCallTrampolines) {
  ObjectBuilder builder;
  const auto code = builder.section(".static_call.text", ObjectBuilder::kCode,
                                    hex("e9 00000000 0f b9 cc c3 cc 90 90 90 0f b9 cc"));
  const auto first = builder.symbol("__SCT__one", code, 0, 8);
  const auto second = builder.symbol("__SCT__two", code, 8, 8);
  builder.symbol("other", code, 0, 8);
  const auto all = sites_of(builder, code);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].symbol, first);
  EXPECT_EQ(all[1].symbol, second);
  EXPECT_EQ(all[1].offset, 8u);
  EXPECT_EQ(all[1].length, 5u);
}

// jcc would be six bytes where five are certain.
TEST(Sites, TrampolineThatIsNone) {
  ObjectBuilder builder;
  const auto code = builder.section(".static_call.text", ObjectBuilder::kCode, hex("0f84000000"));
  builder.symbol("__SCT__one", code, 0, 5);
  EXPECT_TRUE(sites_of(builder, code).empty());
}

TEST(Sites, ListedInstructions) {
  struct Case {
    const char* table;
    SiteKind kind;
    const char* code;
    std::uint32_t length;  // 0: refused
  };
  for (const Case& c : {Case{".retpoline_sites", SiteKind::retpoline, "e8 00000000 c3", 5},
                        Case{".retpoline_sites", SiteKind::retpoline, "2e e8 00000000 c3", 6},
                        Case{".retpoline_sites", SiteKind::retpoline, "0f84 00000000 c3", 6},
                        Case{".retpoline_sites", SiteKind::retpoline, "ff e0 c3 90 90 90", 0},
                        Case{".return_sites", SiteKind::return_thunk, "e9 00000000 cc", 5},
                        Case{".return_sites", SiteKind::return_thunk, "e8 00000000 cc", 0},
                        Case{".return_sites", SiteKind::return_thunk, "c3 cc cc cc cc", 0},
                        Case{".smp_locks", SiteKind::lock_prefix, "f0 ff 07 c3", 1},
                        Case{".smp_locks", SiteKind::lock_prefix, "3e ff 07 c3", 0},
                        Case{".ibt_endbr_seal", SiteKind::endbr, "f3 0f 1e fa c3", 4},
                        Case{".ibt_endbr_seal", SiteKind::endbr, "f3 0f 1e", 0},
                        Case{"runtime_ptr_x", SiteKind::constant, "efcdab8967452301 c3", 8},
                        Case{"runtime_ptr_x", SiteKind::constant, "efcdab89674523", 0},
                        Case{"runtime_shift_x", SiteKind::constant, "0c c3", 1}}) {
    ObjectBuilder builder;
    const auto code = builder.function("f", hex(c.code));
    builder.listed(c.table, code, 0);
    if (c.length == 0) {
      EXPECT_NE(refusal(builder), "accepted") << c.table << " " << c.code;
    } else {
      expect_one(builder, code, c.kind, 0, c.length);
    }
  }
}

TEST(Sites, LockPrefixBehindAnotherIsLeftAlone) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("66 f0 0f b1 0a c3"));
  builder.listed(".smp_locks", code, 0);
  EXPECT_EQ(refusal(builder), "accepted");
}

TEST(Sites, TablesWhoseSizeDoesNotFit) {
  for (const char* name : {"__mcount_loc", ".altinstructions", "__jump_table", ".static_call_sites",
                           ".retpoline_sites", ".return_sites", ".smp_locks", ".ibt_endbr_seal",
                           "runtime_ptr_x", "runtime_shift_x"}) {
    ObjectBuilder builder;
    builder.function("f", hex("c3"));
    builder.append(builder.table(name), ByteVector(7));
    EXPECT_NE(refusal(builder), "accepted") << name;
    builder.append(builder.table(name), ByteVector(9));  // as big as an entry, but no relocation
    EXPECT_NE(refusal(builder), "accepted") << name;
  }
}

TEST(Sites, EntriesThatPointNowhere) {
  for (const std::int64_t addend :
       {std::int64_t{100}, std::int64_t{-1}, std::numeric_limits<std::int64_t>::min()}) {
    ObjectBuilder builder;
    const auto code = builder.function("f", hex("f0 ff 07 c3"));
    const auto list = builder.table(".smp_locks");
    builder.append(list, ByteVector(4));
    builder.relocate(list, 0, builder.section_symbol(code), R_X86_64_PC32, addend);
    EXPECT_EQ(refusal(builder), ".smp_locks+0x0: it points nowhere");
  }
  ObjectBuilder builder;
  builder.function("f", hex("c3"));
  const auto list = builder.table(".smp_locks");
  builder.append(list, ByteVector(4));
  builder.relocate(list, 0, builder.undefined("elsewhere"), R_X86_64_PC32, 0);
  EXPECT_EQ(refusal(builder), ".smp_locks+0x0: it points nowhere");
}

TEST(Sites, WhatOverlapsIsOneGroup) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("f0 ff 07 ff 15 00000000 90 90 f0 ff 07 c3"));
  const auto other = builder.section(".altinstr_replacement", ObjectBuilder::kCode, hex("9c 58"));
  builder.paravirt(code, 3, 1, 6);
  builder.alternative(code, 3, 8, other, 0, 2);
  builder.listed(".smp_locks", code, 11);
  builder.listed(".smp_locks", code, 0);
  const ElfObject object = builder.build();
  const auto tables = SiteTables::collect(object);
  ASSERT_TRUE(tables);
  const auto& groups = tables->in(code);
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].begin, 0u);
  EXPECT_EQ(groups[0].end, 1u);
  EXPECT_EQ(groups[1].begin, 3u);
  EXPECT_EQ(groups[1].end, 11u);
  EXPECT_EQ(groups[1].sites.size(), 2u);
  EXPECT_EQ(groups[2].begin, 11u);  // right behind: not overlapping
}

TEST(Sites, EveryKindHasAName) {
  for (int kind = 0; kind <= static_cast<int>(SiteKind::constant); kind++)
    EXPECT_STRNE(site_kind_name(static_cast<SiteKind>(kind)), "site");
}

TEST(Sites, FieldsThatASiteCuts) {
  const auto cut = [](std::uint64_t offset) {
    ObjectBuilder builder;
    const auto code = builder.function("f", hex("f3 0f 1e fa 90 90 90 90 90 90 90 c3"));
    builder.listed(".ibt_endbr_seal", code, 4);
    builder.relocate(code, offset, builder.undefined("x"), R_X86_64_32S, 0);
    const auto tables = SiteTables::collect(builder.build());
    return tables && tables->is_cut(code);
  };
  EXPECT_FALSE(cut(0));
  EXPECT_TRUE(cut(1));
  EXPECT_FALSE(cut(4));
  EXPECT_TRUE(cut(6));
  EXPECT_FALSE(cut(8));
}

}  // namespace
}  // namespace splicer
