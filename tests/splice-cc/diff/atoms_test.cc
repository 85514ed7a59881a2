// SPDX-License-Identifier: GPL-2.0-or-later
//
// Objects taken apart: where atoms begin and end, and what references mean.
#include "splice-cc/diff/atoms.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/snippet.h"

namespace splicer {
namespace {

using ::testing::Contains;
using ::testing::IsSupersetOf;
using ::testing::Not;

// An object and its atoms.
struct Taken {
  explicit Taken(const std::string& text, const std::string& name = "snippet.c",
                 bool module = false)
      : object(compile(text, name)), table(AtomTable::build(object, module)) {
    EXPECT_TRUE(table) << table.error().message;
  }
  const Atom& operator[](const std::string& name) const {
    return table->at(atom_named(*table, name));
  }
  // The atoms' references, for people: "callee+0".
  std::vector<std::string> references(const std::string& name) const {
    std::vector<std::string> found;
    for (const Reference& r : (*this)[name].references)
      found.push_back(r.undefined ? object.symbol(r.symbol).name
                                  : table->at(r.atom).name + "+" + std::to_string(r.into));
    return found;
  }
  ElfObject object;
  Result<AtomTable> table;
};

TEST(Atoms, PaddingGoesWithItsFunction) {
  const char* padded =
      ".type __pfx_%,@function\n__pfx_%: .skip 16,0x90\n.size __pfx_%,16\n"
      ".type %,@function\n%: call out\nret\n.size %,.-%\n";
  std::string text = ".file \"x.c\"\n.section .text.shared,\"ax\"\n";
  for (const char* name : {"one", "two"})
    for (const char* c = padded; *c != '\0'; ++c) text += *c == '%' ? name : std::string(1, *c);
  const Taken taken(text, "padded.s");
  EXPECT_EQ(taken["one"].begin, 0u);
  EXPECT_EQ(taken["one"].size, 22u);
  EXPECT_EQ(taken["two"].begin, 22u);
  EXPECT_EQ(taken["two"].size, 22u);
  EXPECT_EQ(taken["two"].symbols.size(), 1u);
}

TEST(Atoms, OneAFunctionAndAVariable) {
  const Taken taken(
      "extern int out(int *);\n"
      "static int zeros[4]; int filled = 7; static const int table[] = {1, 2, 3};\n"
      "int read_it(int i) { return table[i] + filled; }\n"
      "int call_it(void) { return out(zeros) + 1; }\n");
  EXPECT_EQ(taken["read_it"].kind, AtomKind::code);
  EXPECT_EQ(taken["filled"].kind, AtomKind::writable);
  EXPECT_EQ(taken["zeros"].kind, AtomKind::writable);
  EXPECT_EQ(taken["zeros"].size, 16u);
  EXPECT_TRUE(taken.table->bytes(taken["zeros"]).empty());
  EXPECT_EQ(taken["table"].kind, AtomKind::read_only);
  EXPECT_THAT(taken.references("call_it"), IsSupersetOf({"zeros+0", "out"}));
  EXPECT_THAT(taken.references("read_it"), IsSupersetOf({"table+0", "filled+0"}));
}

TEST(Atoms, SectionsThatTheSourceNamesAreDividedAtTheirSymbols) {
  const Taken taken(
      "#define sec(x) __attribute__((section(x), noinline))\n"
      "sec(\".data..read_mostly\") int a = 1; sec(\".data..read_mostly\") long b[2] = {2, 3};\n"
      "sec(\".sched.text\") int f(int x) { return x + 1; }\n"
      "sec(\".sched.text\") int g(int x) { return f(x) * f(x + 1); }\n");
  EXPECT_EQ(taken["a"].section, taken["b"].section);
  EXPECT_EQ(taken["a"].size, 4u);
  EXPECT_EQ(taken["b"].size, 16u);
  EXPECT_EQ(taken["f"].section, taken["g"].section);
  EXPECT_EQ(taken["f"].begin, 0u);
  EXPECT_EQ(taken["g"].begin, taken["f"].size) << "padding goes with the code before it";
}

TEST(Atoms, PaddingBetweenVariablesBelongsToNone) {
  const Taken taken(
      "__attribute__((section(\".data..x\"))) char a = 1;\n"
      "__attribute__((section(\".data..x\"), aligned(64))) char b = 2;\n");
  EXPECT_EQ(taken["a"].size, 1u);
  EXPECT_EQ(taken["b"].size, 1u);
  EXPECT_NE(taken["a"].begin, taken["b"].begin);
}

TEST(Atoms, ABranchThatTheAssemblerSettledIsAReference) {
  const Taken taken(
      "__attribute__((section(\".sched.text\"), noinline)) static int f(int x)"
      "{ asm volatile(\"\"); return x * x; }\n"
      "__attribute__((section(\".sched.text\"))) int g(int x) { return f(x) + 1; }\n");
  ASSERT_TRUE(taken.object.section(taken["g"].section).relocations.empty())
      << "the assembler leaves none for a local function of one section";
  EXPECT_THAT(taken.references("g"), Contains("f+0"));
  const Reference& reference = taken["g"].references[0];
  EXPECT_EQ(reference.type, static_cast<std::uint32_t>(R_X86_64_PC32));
  EXPECT_EQ(reference.addend, -4);
}

TEST(Atoms, AssemblyStaysWhole) {
  const Taken taken(
      ".text\n.globl f\n.type f,@function\nf: xor %eax,%eax\n jmp 1f\n.size f,.-f\n"
      ".globl g\n.type g,@function\ng: nop\n1: ret\n.size g,.-g\n",
      "code.s");
  EXPECT_EQ(taken["f"].size, taken.object.find_section(".text")->size);
  EXPECT_EQ(taken["f"].symbols.size(), 2u);
}

TEST(Atoms, AShortBranchKeepsWhatItSpansTogether) {
  const Taken taken(
      "asm(\".section .x.text,\\\"ax\\\"\\n\"\n"
      "    \".type e,@function\\ne: ret\\n.size e,.-e\\n\"\n"
      "    \".type f,@function\\nf: jmp g\\n.size f,.-f\\n\"\n"
      "    \".type g,@function\\ng: ret\\n.size g,.-g\\n\"\n"
      "    \".type h,@function\\nh: nop\\n ret\\n.size h,.-h\\n.text\");\n");
  EXPECT_EQ(taken["e"].size, 1u);
  EXPECT_EQ(taken["f"].size, 3u) << "its field has no room for another distance";
  EXPECT_EQ(taken["f"].symbols.size(), 2u);
  EXPECT_EQ(taken["h"].size, 2u);
}

TEST(Atoms, AReferenceToAnArraysEndIsToTheArray) {
  const Taken taken(
      "static int a[4]; static int b[4];\n"
      "int *end(void) { return a + 4; } int *f(int i) { return i ? a : b; }\n");
  EXPECT_THAT(taken.references("end"), Contains("a+16"));
}

TEST(Atoms, ThePlaceMeantDoesNotDependOnTheInstruction) {
  // The addend of a field that is followed by an immediate is four less.
  const Taken taken(
      "asm(\".section .text.f,\\\"ax\\\"\\n.type f,@function\\n\"\n"
      "    \"f: movl $7, v+4(%rip)\\n mov v+4(%rip), %eax\\n ret\\n.size f,.-f\\n.text\");\n"
      "int v[4] = {1};\n");
  EXPECT_THAT(taken.references("f"), ::testing::ElementsAre("v+4", "v+4"));
  EXPECT_NE(taken["f"].references[0].addend, taken["f"].references[1].addend);
}

TEST(Atoms, StringsAreMerged) {
  const Taken taken("const char *f(void) { return \"text\"; }\n");
  const Reference& reference = taken["f"].references.at(0);
  EXPECT_EQ(taken.table->at(reference.atom).kind, AtomKind::merged);
}

TEST(Atoms, OutOfLineBitsOfStaticCpuHas) {
  const Taken taken(
      "asm(\".section .altinstr_aux,\\\"ax\\\"\\n6: testb $1, v\\n jmp f\\n7: testb $2, v\\n jmp "
      "g\\n\"\n"
      "    \".section .text.f,\\\"ax\\\"\\n.type f,@function\\nf: jmp 6b\\n.size f,.-f\\n\"\n"
      "    \".section .text.g,\\\"ax\\\"\\n.type g,@function\\ng: jmp 7b\\n.size "
      "g,.-g\\n.text\");\n"
      "int v = 1;\n");
  const Reference& from_f = taken["f"].references.at(0);
  const Reference& from_g = taken["g"].references.at(0);
  EXPECT_NE(from_f.atom, from_g.atom);
  EXPECT_EQ(from_f.into, 0);
  EXPECT_EQ(from_g.into, 0);
  const Atom& bit = taken.table->at(from_g.atom);
  EXPECT_EQ(bit.kind, AtomKind::anonymous);
  EXPECT_EQ(bit.references.size(), 2u) << "v and g, not f";
}

TEST(Atoms, EveryReferenceLiesInsideItsAtomAndAtomsDoNotOverlap) {
  const Taken taken(
      "#include <stddef.h>\n"
      "static int count; extern void out(const char *, ...);\n"
      "__attribute__((section(\".sched.text\"))) void a(int x) { out(\"%d\", x + ++count); }\n"
      "__attribute__((section(\".sched.text\"))) void b(int x) { a(x); a(x + 1); }\n"
      "int sw(int x) { switch (x) { case 0: return 5; case 1: return 9; case 2: return 4;"
      " case 3: out(\"x\"); return 1; case 4: return 12; case 5: return 99; } return 0; }\n");
  std::map<std::uint32_t, std::uint64_t> end;
  for (const Atom& atom : taken.table->all()) {
    EXPECT_GE(atom.begin, end[atom.section]);
    end[atom.section] = atom.begin + atom.size;
    EXPECT_LE(end[atom.section], taken.object.section(atom.section).size);
    for (const Reference& reference : atom.references) EXPECT_LT(reference.offset, atom.size);
  }
}

TEST(Atoms, AReferenceOutOfNothing) {
  // Into a section that is no part of the kernel's memory.
  const ElfObject object = compile(
      "asm(\".section .odd,\\\"\\\"\\nodd: .long 1\\n.text\\n\");\n"
      "asm(\".section .text.f,\\\"ax\\\"\\n.type f,@function\\nf: mov odd, %eax\\n ret\\n"
      ".size f,.-f\\n.text\");\n");
  const auto table = AtomTable::build(object, false);
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().code, "reference-outside");
  EXPECT_EQ(table.error().exit, ExitCode::unsafe);
}

TEST(Names, Numbered) {
  EXPECT_EQ(unnumbered("count.1234"), "count");
  EXPECT_EQ(unnumbered("__func__.0"), "__func__");
  EXPECT_EQ(unnumbered("__UNIQUE_ID_ddebug567.8"), "__UNIQUE_ID_ddebug");
  EXPECT_EQ(unnumbered("__UNIQUE_ID_ddebug567"), "__UNIQUE_ID_ddebug");
  EXPECT_EQ(unnumbered("count"), "");
  EXPECT_EQ(unnumbered("count1"), "");
  EXPECT_EQ(unnumbered("f.isra.0.cold"), "");
  EXPECT_EQ(unnumbered(""), "");
  EXPECT_EQ(unnumbered("12"), "");
}

TEST(Names, Cold) {
  EXPECT_TRUE(is_cold("f.cold"));
  EXPECT_TRUE(is_cold("f.isra.0.cold"));
  EXPECT_FALSE(is_cold("f"));
  EXPECT_FALSE(is_cold("f.colder"));
  EXPECT_FALSE(is_cold("scold"));
}

}  // namespace
}  // namespace splicer
