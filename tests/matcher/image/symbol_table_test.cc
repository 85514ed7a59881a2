// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include "matcher/image/symbol_table.h"

namespace splicer {
namespace {

constexpr const char* kText =
    "ffffffff81000000 T startup_64\n"
    "ffffffff81000040 t do_one\n"
    "ffffffff81000080 t do_one\n"
    "ffffffffc0000000 t tun_attach\t[tun]\n"
    "ffffffffc0000020 T do_one\t[tun]\n"
    "ffffffffc0100000 t do_one\t[splice_5d1f]\n"
    "ffffffffc0200000 t trampoline\t[__builtin__ftrace]\n";

SymbolTable table() {
  auto parsed = SymbolTable::parse_kallsyms(kText);
  EXPECT_TRUE(parsed);
  return std::move(*parsed);
}

std::vector<std::uint64_t> addresses(const std::vector<const KernelSymbol*>& found) {
  std::vector<std::uint64_t> out;
  for (const KernelSymbol* symbol : found) out.push_back(symbol->address.value());
  return out;
}

TEST(SymbolTable, Example) {
  const auto read_text = [](const char*) -> Result<std::string> {
    return "ffffffff81061200 T copy_process\nffffffff81062000 T fork_idle\n";
  };
  // [example matcher/image/symbol_table.h]
  auto symbols = SymbolTable::parse_kallsyms(*read_text("/proc/kallsyms"));
  auto found = symbols->find("vmlinux", "copy_process");          // all of that name
  auto text = symbols->describe(RunAddress(0xffffffff81061234));  // "copy_process+0x34"
  // [end]
  EXPECT_EQ(found.size(), 1u);
  EXPECT_EQ(text, "copy_process+0x34");
}

std::string refusal(std::string_view text) {
  const auto parsed = SymbolTable::parse_kallsyms(text);
  return parsed ? "accepted" : parsed.error().code;
}

TEST(SymbolTable, ParsesAddressTypeNameModule) {
  const SymbolTable symbols = table();
  ASSERT_EQ(symbols.all().size(), 7u);
  const KernelSymbol& attach = symbols.all()[3];
  EXPECT_EQ(attach.address, RunAddress(0xffffffffc0000000u));
  EXPECT_EQ(attach.type, 't');
  EXPECT_EQ(attach.name, "tun_attach");
  EXPECT_EQ(attach.module, "tun");
  EXPECT_EQ(symbols.all()[0].module, "vmlinux");
}

TEST(SymbolTable, LastLineMayLackItsEnd) {
  EXPECT_EQ(refusal("ffffffff81000000 T startup_64"), "accepted");
}

TEST(SymbolTable, HiddenAddresses) {
  const auto hidden =
      SymbolTable::parse_kallsyms("0000000000000000 T a\n0000000000000000 t b\t[m]\n");
  ASSERT_FALSE(hidden);
  EXPECT_EQ(hidden.error().code, "kallsyms-hidden");
  EXPECT_NE(hidden.error().advice.find("kptr_restrict"), std::string::npos);
  EXPECT_EQ(refusal(""), "kallsyms-hidden");
  // An absolute symbol at zero among others is ordinary.
  EXPECT_EQ(refusal("0000000000000000 A fixed_percpu_data\nffffffff81000000 T a\n"), "accepted");
}

TEST(SymbolTable, MalformedLines) {
  for (const char* line :
       {"\n", "x\n", "ffffffff81000000\n", "ffffffff81000000 T\n", "ffffffff81000000 T \n",
        "ffffffff81000000T name\n", "ffffffff81000000 Tname\n", "fffffffff81000000 T name\n",
        " ffffffff81000000 T name\n", "-1 T name\n", "0x10 T name\n"}) {
    EXPECT_EQ(refusal(std::string("ffffffff81000000 T a\n") + line), "kallsyms-malformed") << line;
  }
  const auto third = SymbolTable::parse_kallsyms("1 T a\n2 T b\nwrong\n");
  EXPECT_NE(third.error().message.find("line 3"), std::string::npos);
}

TEST(SymbolTable, OddModulePartsStayNames) {
  for (const char* text : {"1 T a\tm\n", "1 T a\t[]\n", "1 T a\t[\n", "1 T a\t\n"}) {
    const auto parsed = SymbolTable::parse_kallsyms(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->all()[0].name, "a");
    EXPECT_EQ(parsed->all()[0].module, "vmlinux");
  }
}

TEST(SymbolTable, SymbolsWithoutANameAreLeftOut) {
  const auto parsed = SymbolTable::parse_kallsyms("1 T \t[m]\n2 T a\n");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->all().size(), 1u);
}

TEST(SymbolTable, FindIsOfOneTarget) {
  const SymbolTable symbols = table();
  EXPECT_EQ(addresses(symbols.find("vmlinux", "do_one")),
            (std::vector<std::uint64_t>{0xffffffff81000040, 0xffffffff81000080}));
  EXPECT_EQ(addresses(symbols.find("tun", "do_one")),
            (std::vector<std::uint64_t>{0xffffffffc0000020}));
  EXPECT_TRUE(symbols.find("vmlinux", "tun_attach").empty());
  EXPECT_TRUE(symbols.find("vmlinux", "do_on").empty());
}

TEST(SymbolTable, FindAnywhere) {
  const SymbolTable symbols = table();
  EXPECT_EQ(addresses(symbols.find_anywhere("do_one")),
            (std::vector<std::uint64_t>{0xffffffff81000040, 0xffffffff81000080, 0xffffffffc0000020,
                                        0xffffffffc0100000}));
}

TEST(SymbolTable, AllAtOneAddress) {
  const SymbolTable symbols = table();
  const auto at = symbols.all_at(RunAddress(0xffffffff81000040));
  ASSERT_FALSE(at.empty());
  EXPECT_EQ(at[0].name, "do_one");
  EXPECT_TRUE(symbols.all_at(RunAddress(0xffffffff81000041)).empty());
}

TEST(SymbolTable, AtAndNearest) {
  const SymbolTable symbols = table();
  EXPECT_EQ(symbols.nearest(RunAddress(0xffffffff80ffffff)), nullptr);
  EXPECT_EQ(symbols.nearest(RunAddress(0xffffffff8100007f))->address,
            RunAddress(0xffffffff81000040u));
  EXPECT_EQ(symbols.nearest(RunAddress(~0ull))->name, "trampoline");
  EXPECT_EQ(symbols.at(RunAddress(0xffffffff81000040))->name, "do_one");
  EXPECT_EQ(symbols.at(RunAddress(0xffffffff81000041)), nullptr);
  EXPECT_EQ(SymbolTable().nearest(RunAddress(1)), nullptr);
}

TEST(SymbolTable, Describe) {
  const SymbolTable symbols = table();
  EXPECT_EQ(symbols.describe(RunAddress(0xffffffff81000000)), "startup_64");
  EXPECT_EQ(symbols.describe(RunAddress(0xffffffff81000012)), "startup_64+0x12");
  EXPECT_EQ(symbols.describe(RunAddress(0xffffffffc0000004)), "tun_attach+0x4 [tun]");
  EXPECT_EQ(symbols.describe(RunAddress(0x1234)), "0x1234");
  EXPECT_EQ(symbols.describe(RunAddress(0xffffffffd0000000)),
            "0xffffffffd0000000");  // far from all
}

TEST(SymbolTable, HasTarget) {
  const SymbolTable symbols = table();
  EXPECT_TRUE(symbols.has_target("vmlinux"));
  EXPECT_TRUE(symbols.has_target("tun"));
  EXPECT_FALSE(symbols.has_target("tu"));
}

TEST(SymbolTable, ExportedToModulesOfTheSameLicence) {
  const auto symbols = SymbolTable::parse_kallsyms(
      "ffffffffc0000000 t xfrm_ealg_get_byid\t[xfrm_algo]\n"
      "ffffffffc0000100 t find_one\t[xfrm_algo]\n"
      "ffffffffc0000200 r __ksymtab_xfrm_ealg_get_byid\t[xfrm_algo]\n"
      "ffffffffc0000300 t xfrm_ealg_get_byid\t[other]\n");
  ASSERT_TRUE(symbols);
  EXPECT_EQ(symbols->find("xfrm_algo", "xfrm_ealg_get_byid")[0]->type, 'T');
  EXPECT_EQ(symbols->find("xfrm_algo", "find_one")[0]->type, 't');
  EXPECT_EQ(symbols->find("other", "xfrm_ealg_get_byid")[0]->type, 't');
}

TEST(SymbolTable, MovesWithItsIndex) {
  SymbolTable first = table();
  const SymbolTable second = std::move(first);
  EXPECT_EQ(second.find("vmlinux", "do_one").size(), 2u);
}

TEST(SymbolTable, ListsVariables) {
  const auto lists = [](const char* text) {
    const auto table = SymbolTable::parse_kallsyms(text);
    return table && table->lists_variables();
  };
  EXPECT_TRUE(lists("ffffffff82000000 d one\nffffffff82000010 b other\n"));
  EXPECT_FALSE(lists("ffffffff82000000 d one\nffffffff82000010 t other\n"));
  EXPECT_FALSE(lists("ffffffff82000000 d one\nffffffffc0000010 b other\t[tun]\n"));
}

}  // namespace
}  // namespace splicer
