// SPDX-License-Identifier: GPL-2.0-or-later
//
// The new module: what is in it, what each reference leads to, what the package says about it.
#include "splice-cc/module/new_module.h"

#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/defined_symbol.h"
#include "tests/support/fake_kernel.h"
#include "tests/support/snippet.h"

namespace splicer {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

// The new module of one unit, read back.
class Made {
 public:
  Made(const std::string& pre, const std::string& post, const std::string& name = "unit.c",
       const std::set<std::string>& wanted = {},
       const std::map<std::string, std::string>& elsewhere = {}) {
    SnippetPair pair(pre, post, name);
    unit_.diff = *pair.diff(wanted);
    unit_.unit = pair->unit;
    unit_.pair = pair.take();
    const FakeKernel kernel;
    const auto glue = ModuleGlue::make(kernel.kbuild());
    EXPECT_TRUE(glue);
    auto made = make_module({&unit_}, *glue, 0, elsewhere);
    EXPECT_TRUE(made) << made.error().message;
    module_ = std::move(*made);
    auto again = make_module({&unit_}, *glue, 0, elsewhere);
    EXPECT_EQ(again->bytes, module_.bytes) << "the same diff gives the same bytes";
    auto object = ElfObject::parse(module_.bytes, "new.ko");
    EXPECT_TRUE(object) << object.error().message;
    object_.emplace(std::move(*object));
  }
  const UnitPair& pair() const { return *unit_.pair; }
  const ElfObject& object() const { return *object_; }
  const UnitDiff& diff() const { return *unit_.diff; }
  const std::vector<PackageFunction>& functions() const { return module_.functions; }
  const std::vector<PackageHook>& hooks() const { return module_.hooks; }
  const std::vector<PackageValue>& values() const { return module_.values; }
  const PackageFunction& function(const std::string& name) const {
    for (const PackageFunction& one : functions())
      if (one.name == name) return one;
    ADD_FAILURE() << "no function " << name;
    return functions().at(0);
  }
  const PackageSymbol* symbol(const std::string& kernel_name) const {
    for (const PackageSymbol& one : module_.symbols)
      if (one.kernel_name == kernel_name) return &one;
    return nullptr;
  }
  // What the relocations of a section lead to: a name, or "SECTION+ADDEND".
  std::vector<std::string> relocations(const std::string& section) const {
    std::vector<std::string> found;
    for (const Relocation& r : object().find_section(section)->relocations) {
      const Symbol& target = object().symbol(r.symbol);
      found.push_back(target.undefined() ? target.name
                                         : target.name + "+" + std::to_string(r.addend));
    }
    return found;
  }

 private:
  ChangedUnit unit_;
  NewModule module_;
  std::optional<ElfObject> object_;
};

const std::string kHead = "extern int printk(int), hidden(int); extern int variable;\n";

// What the kernel would write into the code at start-up comes by a symbol, whose value is found
// where the update is applied.
TEST(NewModule, StartUpConstants) {
  const std::string function =
      "unsigned long f(unsigned long a) { unsigned long m; unsigned s = a;"
      "__asm__(\"movabs $0x123456789abcdef,%0\\n1:\\n"
      ".pushsection runtime_ptr_USER_PTR_MAX,\\\"a\\\"\\n.long 1b-8-.\\n.popsection\" : \"=r\"(m));"
      "__asm__(\"shrl $12,%k0\\n1:\\n"
      ".pushsection runtime_shift_d_hash_shift,\\\"a\\\"\\n.long 1b-1-.\\n.popsection\" : "
      "\"+r\"(s));";
  const Made made(function + "return s + m; }", function + "return s + m + 5; }");
  EXPECT_EQ(made.object().find_section("runtime_ptr_USER_PTR_MAX"), nullptr);
  const PackageSymbol* limit = made.symbol("USER_PTR_MAX");
  ASSERT_NE(limit, nullptr);
  EXPECT_EQ(limit->source, "constant");
  EXPECT_EQ(limit->name, "runtime_ptr_USER_PTR_MAX");
  const Section& text = *made.object().find_section(".text");
  unsigned found = 0;
  for (const Relocation& r : text.relocations) {
    const std::string& name = made.object().symbol(r.symbol).name;
    if (!name.starts_with("runtime_")) continue;
    ++found;
    const bool pointer = name == "runtime_ptr_USER_PTR_MAX";
    EXPECT_EQ(r.type, static_cast<std::uint32_t>(pointer ? R_X86_64_64 : R_X86_64_8));
    EXPECT_EQ(r.addend, 0);
    // The loader refuses to write where something stands.
    for (unsigned i = 0; i < (pointer ? 8 : 1); ++i) EXPECT_EQ(text.bytes[r.offset.value() + i], 0);
  }
  EXPECT_EQ(found, 2u);
}

TEST(NewModule, EachKindOfReference) {
  const Made made(kHead +
                      "static int kept; int f(int a) { return hidden(a) + kept++; }"
                      "void touch(void) { kept = variable; }",
                  kHead +
                      "extern int other(int); static int kept; static int fresh;"
                      "int f(int a) { fresh += printk(a) + other(a); return hidden(a) + kept++; }"
                      "void touch(void) { kept = variable; }");
  EXPECT_THAT(made.relocations(".text"), Contains("printk"));
  EXPECT_EQ(made.symbol("printk"), nullptr) << "exported: the kernel's loader finds it";

  const PackageSymbol* hidden = made.symbol("hidden");
  ASSERT_NE(hidden, nullptr);
  EXPECT_EQ(hidden->source, "pre");
  EXPECT_EQ(hidden->unit, "unit.o");
  EXPECT_EQ(made.pair().pre_object.symbol(hidden->pre_symbol).name, "hidden");

  const PackageSymbol* other = made.symbol("other");
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(other->source, "kernel") << "the pre object does not know it";

  const PackageSymbol* kept = made.symbol("kept");
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(kept->source, "pre");
  EXPECT_THAT(kept->name, HasSubstr("unit.o:")) << "a local name may stand for many";
  EXPECT_EQ(defined_symbol(made.object(), "kept"), nullptr) << "it lives in the kernel";

  EXPECT_EQ(made.symbol("fresh"), nullptr);
  EXPECT_NE(defined_symbol(made.object(), "fresh"), nullptr);
  EXPECT_EQ(made.object().find_section(".bss")->size, 4u);
}

TEST(NewModule, WhatAnotherTargetDefines) {
  const std::string post = "extern int shared(int); int f(int a) { return shared(a) + 1; }";
  const Made made("int f(int a) { return a; }", post, "unit.c", {}, {{"shared", "vmlinux"}});
  const PackageSymbol* shared = made.symbol("shared");
  ASSERT_NE(shared, nullptr);
  EXPECT_EQ(shared->source, "update");
  EXPECT_EQ(shared->target, "vmlinux");
  EXPECT_THAT(new_names_needed(made.pair(), made.diff()), ::testing::ElementsAre("shared"));
}

TEST(NewModule, NewGlobalNames) {
  const Made made("int f(int a) { return a; }",
                  "int f(int a) { return a; } int fresh = 1; static int no; int g(void)"
                  "{ return fresh + no; }",
                  "unit.c", {"g"});
  EXPECT_THAT(new_names_defined(made.pair()), ::testing::ElementsAre("fresh", "g"));
  EXPECT_EQ(made.function("g").kind, "new");
  EXPECT_EQ(made.function("g").pre_symbol, 0u);
}

TEST(NewModule, FunctionsAreDescribed) {
  const Made made(kHead + "int f(int a) { return a; }",
                  kHead +
                      "__attribute__((noinline)) static int helper(int a) { return hidden(a) + a; }"
                      "int f(int a) { return helper(a) * 2; }");
  ASSERT_EQ(made.functions().size(), 2u);
  const PackageFunction& f = made.function("f");
  EXPECT_EQ(f.kind, "replaced");
  EXPECT_EQ(f.unit, "unit.o");
  EXPECT_EQ(f.section, ".text");
  EXPECT_EQ(defined_symbol(made.object(), "f"), nullptr) << "the name is the old entry's";
  EXPECT_NE(defined_symbol(made.object(), "helper"), nullptr);
  EXPECT_EQ(f.offset, defined_symbol(made.object(), "f.splice")->value);
  EXPECT_EQ(f.size, defined_symbol(made.object(), "f.splice")->size);
  EXPECT_EQ(f.old_size, defined_symbol(made.pair().pre_object, "f")->size);
  EXPECT_EQ(made.pair().pre_object.symbol(f.pre_symbol).name, "f");
  EXPECT_FALSE(f.why.empty());
  EXPECT_EQ(f.offset % 16, 0u);
  const PackageFunction& helper = made.function("helper");
  EXPECT_EQ(helper.kind, "new");
  EXPECT_EQ(helper.old_size, 0u);
}

TEST(NewModule, AnOutOfLinePartIsChecked) {
  const auto text = [](const char* number) {
    return std::string(
               "extern void rare(int) __attribute__((cold)); extern int printk(int);\n"
               "int f(int a) { if (__builtin_expect(a > 5, 0)) { rare(") +
           number + "); rare(a); return printk(2); } return a * 3; }\n";
  };
  const Made made(text("1"), text("2"));
  const PackageFunction& cold = made.function("f.cold");
  EXPECT_EQ(cold.kind, "checked");
  EXPECT_EQ(cold.size, 0u);
  EXPECT_GT(cold.old_size, 0u);
  EXPECT_NE(made.object().find_section(".text.unlikely"), nullptr);
}

TEST(NewModule, AReplacedFunctionsAddressIsTheOldOne) {
  const auto text = [](const char* number) {
    return std::string(
               "extern void queue(void *); void helper(void);\n"
               "void again(void) { queue(again); queue(helper); queue((void *)") +
           number + "); }\nvoid helper(void) { queue(again); queue((void *)" + number + "); }\n";
  };
  const Made made(text("1"), text("2"));
  ASSERT_NE(made.symbol("again"), nullptr) << "also in its own code";
  EXPECT_EQ(made.symbol("again")->source, "pre");
  ASSERT_NE(made.symbol("helper"), nullptr);
  const auto targets = made.relocations(".text");
  EXPECT_EQ(std::count(targets.begin(), targets.end(), "again"), 2);
  for (const std::string& target : targets) EXPECT_THAT(target, Not(HasSubstr(".text+")));
}

TEST(NewModule, ANewFunctionsAddressIsInTheModule) {
  const Made made("extern void queue(void *); void f(void) { queue(0); }",
                  "extern void queue(void *); static void fresh(void) { queue(0); }"
                  "void f(void) { queue(fresh); }");
  EXPECT_EQ(made.symbol("fresh"), nullptr);
  EXPECT_THAT(made.relocations(".text"), Contains(HasSubstr(".text+")));
}

TEST(NewModule, EntriesOfTablesGoWithTheirCode) {
  const auto text = [](const char* code) {
    return std::string(".file \"unit.c\"\n") +
           ".section .text.g,\"ax\"\n.globl g\n.type g,@function\ng: nop\n2: nop\nret\n"
           ".size g,.-g\n"
           ".section .text.f,\"ax\"\n.globl f\n.type f,@function\nf: " +
           code +
           "\n1: ud2\nret\n.size f,.-f\n"
           ".section .rodata.str1.1,\"aMS\",@progbits,1\n.string \"first\"\nname: .string \"x\"\n"
           ".section __bug_table,\"aw\"\n.long 2b-., name-.\n.word 7, 1\n"
           ".long 1b-., name-.\n.word 8, 2\n"
           ".section .altinstructions,\"a\"\n.long 2b-., r0-.\n.word 1,0\n.byte 1,r1-r0\n"
           ".long 1b-., r1-.\n.word 1,0\n.byte 2,r2-r1\n"
           ".section .altinstr_replacement,\"ax\"\nr0: clc\nr1: call printk\nr2:\n";
  };
  const Made made(text("nop"), text("clc"), "unit.s");
  const Section* bugs = made.object().find_section("__bug_table");
  ASSERT_NE(bugs, nullptr);
  ASSERT_EQ(bugs->size, 12u) << "f's only";
  EXPECT_EQ(bugs->bytes[8], 8);
  EXPECT_THAT(made.relocations("__bug_table"), Contains(".text+1"));
  EXPECT_EQ(made.object().find_section(".altinstructions")->size, 14u);
  EXPECT_EQ(made.object().find_section(".altinstr_replacement")->size, 5u);
  EXPECT_THAT(made.relocations(".altinstr_replacement"), Contains("printk"));
}

TEST(NewModule, HooksAreDescribed) {
  const std::string f = kHead + "int f(int a) { return hidden(a); }\n";
  const Made made(f, f + "static int check(void) { return printk(variable); }"
                         "static int (*const __splice_check_undo_check)(void) "
                         "__attribute__((used, section(\".splice.check_undo\"))) = check;");
  ASSERT_EQ(made.hooks().size(), 1u);
  const PackageHook& hook = made.hooks()[0];
  EXPECT_EQ(hook.kind, "check_undo");
  EXPECT_EQ(hook.name, "check");
  EXPECT_EQ(hook.unit, "unit.o");
  EXPECT_EQ(hook.section, ".text");
  EXPECT_EQ(hook.offset, defined_symbol(made.object(), "check")->value);
  EXPECT_EQ(made.function("check").kind, "new");
  for (const Section& section : made.object().sections())
    EXPECT_THAT(section.name, Not(HasSubstr(".splice"))) << "the pointer stays behind";
}

// A branch that the assembler settled within .sched.text becomes a relocation, and the kernel's
// loader takes one only where nothing stands.
TEST(NewModule, RelocatedFieldsAreEmpty) {
  const auto text = [](const char* last) {
    return std::string(
               "#define SCHED __attribute__((section(\".sched.text\")))\n"
               "SCHED __attribute__((noinline)) static int f(int x)"
               "{ asm volatile(\"\"); return x * x; }\n"
               "SCHED int g(int x) { return f(x) + ") +
           last + "; }\n";
  };
  const Made made(text("1"), text("2"));
  const Section& code = *made.object().find_section(".sched.text");
  ASSERT_FALSE(code.relocations.empty());
  for (const Relocation& relocation : code.relocations) {
    const Bytes field = code.bytes.subspan(relocation.offset.value(), 4);
    EXPECT_TRUE(std::ranges::all_of(field, [](std::uint8_t byte) { return byte == 0; }));
  }
}

TEST(NewModule, TheModulesOwnSections) {
  const Made made("int f(int a) { return a; }", "int f(int a) { return a + 1; }");
  const auto text = [&](const char* name) {
    const Bytes bytes = made.object().find_section(name)->bytes;
    return std::string(bytes.begin(), bytes.end());
  };
  EXPECT_THAT(text(".gnu.linkonce.this_module"), HasSubstr(std::string(kIdPlaceholder) + "_0"));
  EXPECT_THAT(text(".modinfo"), HasSubstr("vermagic="));
  EXPECT_THAT(text("__versions"), HasSubstr("module_layout"));
}

// Before, after, and the record that leads to both and to the variable.
TEST(NewModule, ValuesInPlace) {
  const std::string head =
      "extern int printk(int), hidden(int); static int own(int a) { return a; }"
      "struct ops { long n; int (*one)(int), (*two)(int); };";
  const std::string was = "struct ops table = {1, printk, own};";
  const std::string is = "struct ops table = {1, hidden, fresh};";
  const std::string fresh = "static int fresh(int a) { return a + 1; }";
  SnippetPair pair(head + was, head + fresh + is);
  ChangedUnit unit;
  unit.diff = diff_unit(*pair, {});
  unit.unit = pair->unit;
  unit.pair = pair.take();
  const FakeKernel kernel;
  const auto glue = ModuleGlue::make(kernel.kbuild());
  ASSERT_TRUE(glue);
  const auto made = make_module({&unit}, *glue, 0, {});
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_EQ(made->values.size(), 2U);
  EXPECT_EQ(made->values[0].name, "table");
  EXPECT_EQ(made->values[0].what, "+0x8: printk -> hidden");
  EXPECT_EQ(made->values[0].section, ".splice.values");
  const auto object = ElfObject::parse(made->bytes, "new.ko");
  ASSERT_TRUE(object);
  const Section& section = *object->find_section(".splice.values");
  const auto leads_to = [&](std::uint64_t offset) -> std::string {
    for (const Relocation& r : section.relocations)
      if (r.offset == SectionOffset(offset) && r.type == R_X86_64_64)
        return object->symbol(r.symbol).name + "+" + std::to_string(r.addend);
    return "nothing";
  };
  const std::uint64_t record = made->values[0].offset;
  EXPECT_EQ(leads_to(record), "table+8");
  EXPECT_EQ(leads_to(record + 8), ".splice.values+0");
  EXPECT_EQ(leads_to(record + 16), ".splice.values+8");
  EXPECT_EQ(leads_to(0), "printk+0");
  EXPECT_EQ(leads_to(8), "hidden+0");
  EXPECT_THAT(leads_to(made->values[1].offset), ::testing::EndsWith("table+16"));
  EXPECT_THAT(leads_to(made->values[1].offset - 8), ::testing::StartsWith(".text+"))
      << "the new function is the module's own";
  EXPECT_EQ(section.bytes[record + 24], 8) << "its size";
  EXPECT_EQ(section.bytes[record + 28], 0) << "no default";
}

}  // namespace
}  // namespace splicer
