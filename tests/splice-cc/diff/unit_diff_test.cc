// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which functions a change replaces, what comes along, and what is refused.
#include "splice-cc/diff/unit_diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/snippet.h"

namespace splicer {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

const std::string kOut = "extern int out(int); extern void say(const char *);\n";

TEST(Diff, NothingChanged) {
  const std::string text = kOut + "static int n; int f(int a) { return out(a + n++); }";
  const SnippetPair pair(text, "/* a comment */\n\n" + text);
  EXPECT_THAT(pair.replaced(), IsEmpty());
  EXPECT_THAT(pair.included(), IsEmpty());
}

TEST(Diff, OneFunctionOfSeveral) {
  const SnippetPair pair(kOut + "int f(int a) { return a + 1; } int g(int a) { return out(a); }",
                         kOut + "int f(int a) { return a + 2; } int g(int a) { return out(a); }");
  EXPECT_THAT(pair.replaced(), ElementsAre("f"));
  EXPECT_THAT(pair.included(), ElementsAre("f"));
  EXPECT_THAT(pair.why("f"), HasSubstr("its code differs from +0x"));
}

TEST(Diff, WhySaysTheSizes) {
  const SnippetPair pair(kOut + "int f(int a) { return a; }",
                         kOut + "int f(int a) { return out(a) + out(a + 1); }");
  EXPECT_THAT(pair.why("f"), MatchesRegex("its code was [0-9]+ bytes long and is [0-9]+"));
}

TEST(Diff, InlinedIntoItsCallers) {
  const std::string rest =
      "int f(int a) { return in(a) + 1; } int g(int a) { return in(a) * 3; }"
      "int h(int a) { return a - 1; }";
  const SnippetPair pair("static inline int in(int a) { return a ^ 5; }" + rest,
                         "static inline int in(int a) { return a ^ 6; }" + rest);
  EXPECT_THAT(pair.replaced(), UnorderedElementsAre("f", "g"));
}

TEST(Diff, AStringIsWhatItSays) {
  const SnippetPair pair(kOut + "void f(void) { say(\"old\\n\"); } void g(void) { say(\"same\"); }",
                         kOut +
                             "void n(void) { say(\"another\"); }"
                             "void f(void) { say(\"new \\\"one\\\"\"); }"
                             "void g(void) { say(\"same\"); }");
  EXPECT_THAT(pair.replaced(), ElementsAre("f"));
  EXPECT_EQ(pair.why("f"), "a string that it uses changed: \"old\\n\" -> \"new \\\"one\\\"\"");
}

TEST(Diff, LongStringsAreShortened) {
  const SnippetPair pair(
      kOut + "void f(void) { say(\"" + std::string(300, 'a') + "\"); }",
      kOut + "void f(void) { say(\"\\001\\377\\t" + std::string(300, 'b') + "\"); }");
  EXPECT_LT(pair.why("f").size(), 160u);
  EXPECT_THAT(pair.why("f"), HasSubstr("aaa...\" -> \"\\x01\\xff\\tbbb"));
}

TEST(Diff, AnotherFunctionIsCalled) {
  const SnippetPair pair("extern int a(void), b(void); int f(void) { return a() + 1; }",
                         "extern int a(void), b(void); int f(void) { return b() + 1; }");
  EXPECT_THAT(pair.replaced(), ElementsAre("f"));
  EXPECT_THAT(pair.why("f"), HasSubstr("refers to b at +0x"));
  EXPECT_THAT(pair.why("f"), HasSubstr("referred to a"));
}

TEST(Diff, AConstantThatOnlyTheCodeReads) {
  const SnippetPair pair(
      "static const int t[] = {1, 2, 3}; int f(int i) { return t[i]; } int g(int i) { return i; }",
      "static const int t[] = {1, 2, 4}; int f(int i) { return t[i]; } int g(int i) { return i; }");
  EXPECT_THAT(pair.replaced(), ElementsAre("f"));
  EXPECT_THAT(pair.included(), UnorderedElementsAre("f", "t"));
  EXPECT_THAT(pair.why("f"), HasSubstr("what it uses of t at +0x"));
}

TEST(Diff, AConstantThatOthersUse) {
  const std::string f = " int f(int i) { return t[i]; }";
  EXPECT_EQ(SnippetPair("const int t[] = {1, 2};" + f, "const int t[] = {1, 3};" + f).refusal(),
            "readonly-data-changed");
  EXPECT_EQ(SnippetPair("static const int t[] = {1, 2}; const int *p = t;" + f,
                        "static const int t[] = {1, 3}; const int *p = t;" + f)
                .refusal(),
            "readonly-data-changed");
}

TEST(Diff, ATableOfFunctions) {
  const std::string head =
      "static int a(void) { return 1; } static int b(void) { return 2; }"
      "static int (*const ops[])(void) = ";
  const std::string tail = "; int f(int i) { return ops[i](); }";
  EXPECT_EQ(SnippetPair(head + "{a, b, a}" + tail, head + "{a, b, b}" + tail).refusal(),
            "function-table-changed");
}

// What is a finding all the same: whether it may be written is a question of meaning.
TEST(Diff, AnEntryOfATableIsAValue) {
  const std::string head =
      "extern int gone(void); static int a(void) { return 1; } static int b(void) { return 2; }"
      "static int n(void) { return 3; } struct ops { int (*one)(void), (*two)(void); long size; };";
  const std::string tail =
      " extern void give(const struct ops *); void f(void) { give(&table); }"
      "const struct ops *const seen = &table;";
  const auto values = [&](const std::string& was, const std::string& is) {
    const SnippetPair pair(head + "static const struct ops table = {" + was + "};" + tail,
                           head + "static const struct ops table = {" + is + "};" + tail);
    const UnitDiff diff = diff_unit(*pair, {});
    EXPECT_TRUE(diff.replaced.empty()) << "the table is the kernel's";
    EXPECT_EQ(diff.findings.size(), 1U);
    std::vector<std::string> found;
    for (const UnitValue& value : diff.values) found.push_back(value.what);
    return found;
  };
  EXPECT_THAT(values("a, 0, 1", "a, b, 1"), ElementsAre("+0x8: 0 -> b"));
  EXPECT_THAT(values("a, b, 1", "gone, 0, 1"), ElementsAre("+0x0: a -> gone", "+0x8: b -> 0"));
  EXPECT_THAT(values("a, b, 1", "a, b, 0x20"), ElementsAre("+0x10: 0x1 -> 0x20"));
}

TEST(Diff, ANewFunctionInATable) {
  const std::string ops = "static int a(void) { return 1; }";
  const std::string next = "static int n(void) { return 3; }";
  const SnippetPair pair(ops + "int (*const table[2])(void) = {a, a};",
                         ops + next + "int (*const table[2])(void) = {a, n};");
  EXPECT_EQ(pair.refusal(), "function-table-changed");
  const UnitDiff diff = diff_unit(*pair, {});
  ASSERT_EQ(diff.values.size(), 1U);
  EXPECT_TRUE(diff.included.contains(atom_named(*pair->post, "n")));
  EXPECT_FALSE(diff.included.contains(atom_named(*pair->post, "table")));
}

// The kernel's string cannot be named, so nothing could be compared.
TEST(Diff, AStringInATableIsNoValue) {
  const std::string head = "struct one { const char *name; int (*f)(void); }; extern int f(void);";
  const SnippetPair pair(head + "const struct one table = {\"old\", f};",
                         head + "const struct one table = {\"new\", f};");
  EXPECT_EQ(pair.refusal(), "function-table-changed");
  EXPECT_THAT(diff_unit(*pair, {}).values, IsEmpty());
}

TEST(Diff, ADefaultIsAValue) {
  const std::string f = " int f(void) { return n; }";
  const auto value = [&](const std::string& was, const std::string& is) {
    const SnippetPair pair(was + f, is + f);
    const UnitDiff diff = diff_unit(*pair, {});
    EXPECT_EQ(diff.values.size(), 1U);
    return diff.values.at(0);
  };
  EXPECT_TRUE(value("int n = 5;", "int n = 6;").is_default);
  EXPECT_EQ(value("int n = 5;", "int n = 6;").what, "+0x0: 0x5 -> 0x6");
  EXPECT_EQ(value("int n;", "int n = 6;").what, "+0x0: 0 -> 0x6");
  EXPECT_FALSE(value("extern int g(void); int (*p)(void) = g; int n;",
                     "extern int h(void); int (*p)(void) = h; int n;")
                   .is_default);
  const std::string per_cpu = "__attribute__((section(\".data..percpu\"))) int n = ";
  EXPECT_THAT(diff_unit(*SnippetPair(per_cpu + "5;" + f, per_cpu + "6;" + f), {}).values,
              IsEmpty());
}

TEST(Diff, DataOfTheKernel) {
  const std::string f = " int *f(void) { return v; }";
  EXPECT_EQ(SnippetPair("int v[4];" + f, "int v[5];" + f).refusal(), "data-size-changed");
  EXPECT_EQ(SnippetPair("int v[4] = {1};" + f, "int v[4] = {2};" + f).refusal(),
            "initial-value-changed");
  EXPECT_EQ(SnippetPair("int v[4];" + f, "int v[4] = {2};" + f).refusal(), "initial-value-changed");
  EXPECT_EQ(SnippetPair("int v[4] = {0};" + f, "int v[4];" + f).refusal(), "");
  const auto refused = SnippetPair("int v[4];" + f, "int v[5];" + f).diff();
  EXPECT_EQ(refused.error().function, "v");
  EXPECT_THAT(refused.error().message, HasSubstr("was 16 bytes long and is 20"));
}

TEST(Diff, AVariableMayNotGrowIntoPadding) {
  const std::string next = " __attribute__((section(\".data..x\"), aligned(64))) char next = 2;";
  const std::string name = "__attribute__((section(\".data..x\"), aligned(64))) ";
  EXPECT_EQ(
      SnippetPair(name + "char v[4] = {1};" + next, name + "char v[8] = {1};" + next).refusal(),
      "data-size-changed");
}

TEST(Diff, Registries) {
  const auto text = [](int value) {
    return "__attribute__((section(\"__param\"), used)) static int param = " +
           std::to_string(value) + "; int f(void) { return 1; }";
  };
  EXPECT_EQ(SnippetPair(text(1), text(2)).refusal(), "special-section-changed");
  EXPECT_EQ(SnippetPair(text(1), "int f(void) { return 1; }").refusal(), "special-section-changed");
  EXPECT_EQ(SnippetPair(text(1), text(1)).refusal(), "");
}

TEST(Diff, StartUpCodeIsTold) {
  const auto text = [](int value) {
    return "__attribute__((section(\".init.text\"))) int start(void) { return " +
           std::to_string(value) + "; } int f(void) { return 1; }";
  };
  const SnippetPair pair(text(1), text(2));
  EXPECT_THAT(pair.replaced(), IsEmpty());
  EXPECT_THAT(pair.diff()->init_changes, ElementsAre(Field(&InitChange::name, "start")));
}

TEST(Diff, OnlyTheStartUpFunctionThatChangesIsNamed) {
  const auto text = [](const std::string& body) {
    return "static int state; int out(int);"
           "__attribute__((section(\".init.text\"))) int first(void) { " +
           body +
           " return 1; }"
           "__attribute__((section(\".init.text\"))) int second(void) { return out(2); }"
           "__attribute__((section(\".init.data\"))) int (*table[])(void) = {first, second};"
           "int f(void) { return state; }";
  };
  const auto diff = SnippetPair(text(""), text("state = out(7);")).diff();
  ASSERT_TRUE(diff);
  ASSERT_EQ(diff->init_changes.size(), 1U);
  EXPECT_EQ(diff->init_changes[0].name, "first");
  EXPECT_THAT(diff->init_changes[0].gained, UnorderedElementsAre("out", "state"));
}

TEST(Diff, AnEntryThatWaitsForAReboot) {
  const auto text = [](const std::string& entry) { return "int f(void) { return 1; } " + entry; };
  const std::string blacklist =
      "__attribute__((section(\"_kprobe_blacklist\"), used)) static long _kbl_f = 1;";
  const auto added = SnippetPair(text(""), text(blacklist)).diff();
  ASSERT_TRUE(added) << added.error().message;
  ASSERT_EQ(added->findings.size(), 1U);
  EXPECT_EQ(added->findings[0].code, "not-in-force");
  EXPECT_FALSE(added->findings[0].refuse);
  const auto removed = SnippetPair(text(blacklist), text("")).diff();
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_EQ(removed->findings.size(), 1U);
}

TEST(Diff, AllFindingsInOneRun) {
  const UnitDiff diff = diff_unit(*SnippetPair("int a = 1; int b[2]; int f(void) { return a; }",
                                               "int a = 2; int b[3]; int f(void) { return a; }"),
                                  {});
  std::vector<std::string> titles;
  for (const Finding& finding : diff.findings) titles.push_back(finding.title());
  EXPECT_THAT(titles, UnorderedElementsAre("initial-value-changed:a", "data-size-changed:b"));
}

TEST(Diff, EntryAndNoinstrCode) {
  const auto text = [](const std::string& section, const std::string& body) {
    return "extern void enter_from_user_mode(void); extern int out(int);"
           "__attribute__((section(\"" +
           section + "\"))) int f(void) { " + body + " }";
  };
  EXPECT_EQ(
      SnippetPair(text(".entry.text", "return out(1);"), text(".entry.text", "return out(2);"))
          .refusal(),
      "entry-code");
  EXPECT_EQ(
      SnippetPair(text(".noinstr.text", "return out(1);"), text(".noinstr.text", "return out(2);"))
          .refusal(),
      "noinstr-code");
  EXPECT_EQ(SnippetPair(text(".noinstr.text", "enter_from_user_mode(); return out(1);"),
                        text(".noinstr.text", "enter_from_user_mode(); return out(2);"))
                .refusal(),
            "")
      << "an entry from programs";
}

TEST(Diff, NewFunctionVariableAndStringComeAlong) {
  const SnippetPair pair(
      kOut + "static int kept; int f(int a) { return out(a + kept++); }",
      kOut +
          "static int kept; static int fresh = 3;"
          "__attribute__((noinline)) static void helper(int a) { fresh += a; say(\"text\"); }"
          "int f(int a) { helper(a); return out(a + kept++); }");
  EXPECT_THAT(pair.replaced(), ElementsAre("f"));
  EXPECT_THAT(pair.included(), IsSupersetOf({"f", "helper", "fresh"}));
  EXPECT_THAT(pair.included(), Not(Contains("kept"))) << "it lives in the kernel";
  EXPECT_THAT(pair.diff()->added, UnorderedElementsAre("helper", "fresh"));
}

TEST(Diff, ANewFunctionThatNobodyCallsIsNotIncluded) {
  const SnippetPair pair("int f(void) { return 1; }",
                         "int f(void) { return 1; } int g(void) { return 2; }");
  EXPECT_THAT(pair.included(), IsEmpty());
  const auto wanted = pair.diff({"g"});
  ASSERT_TRUE(wanted);
  EXPECT_THAT(wanted->included, ElementsAre(atom_named(*pair->post, "g")));
  EXPECT_THAT(wanted->replaced, IsEmpty());
}

std::string with_cold(const std::string& number) {
  return "extern void rare(int) __attribute__((cold)); extern int out(int);\n"
         "int f(int a) { if (__builtin_expect(a > 5, 0)) { rare(" +
         number +
         "); rare(a); return out(2); } return a * 3; }\n"
         "int g(int a) { return a - 1; }";
}

TEST(Diff, TheOutOfLinePartComesAlong) {
  const SnippetPair pair(with_cold("1"), with_cold("2"));
  ASSERT_THAT(atom_names(*pair->post), Contains("f.cold")) << "the compiler made none";
  EXPECT_THAT(pair.replaced(), ElementsAre("f"));
  EXPECT_THAT(pair.included(), UnorderedElementsAre("f", "f.cold"));
  const auto diff = pair.diff();
  ASSERT_EQ(diff->checked.size(), 1u);
  EXPECT_EQ(pair->pre_object.symbol(diff->checked[0]).name, "f.cold");
}

// A function of assembly and the tables about it, with a new line between them where it matters.
std::string assembly(const std::string& tables, const std::string& code = "nop\n") {
  return ".file \"unit.c\"\n.section .text.f,\"ax\"\n.globl f\n.type f,@function\nf: " + code +
         "f1: ud2\nret\n.size f,.-f\n"
         ".section .rodata.str1.1,\"aMS\",@progbits,1\nname: .string \"unit.c\"\n" +
         tables;
}
std::string bug(int line, int flags) {
  return assembly(".section __bug_table,\"aw\"\n.long f1-., name-.\n.word " + std::to_string(line) +
                  ", " + std::to_string(flags) + "\n");
}

TEST(Diff, TheLineOfAWarningIsNoChange) {
  EXPECT_THAT(SnippetPair(bug(10, 1), bug(11, 1), "unit.s").replaced(), IsEmpty());
}

TEST(Diff, TheFlagsOfAWarningAre) {
  const SnippetPair pair(bug(10, 1), bug(10, 3), "unit.s");
  EXPECT_THAT(pair.replaced(), ElementsAre("f")) << "the code itself is the same";
  EXPECT_EQ(pair.why("f"), "its entries in __bug_table differ");
}

TEST(Diff, AnEntryMoreOrLess) {
  const std::string table = ".section __ex_table,\"a\"\n.long f-., f1-., 1\n";
  EXPECT_THAT(SnippetPair(assembly(""), assembly(table), "unit.s").replaced(), ElementsAre("f"));
  EXPECT_THAT(SnippetPair(assembly(table), assembly(""), "unit.s").replaced(), ElementsAre("f"));
  EXPECT_THAT(SnippetPair(assembly(table), assembly(table), "unit.s").replaced(), IsEmpty());
}

std::string alternatives(const std::string& of_f, const std::string& of_g) {
  return assembly(
      ".section .text.g,\"ax\"\n.globl g\n.type g,@function\ng: nop\nnop\nret\n.size g,.-g\n"
      ".section .altinstructions,\"a\"\n.long f-., r0-.\n.word 1,0\n.byte 1,r1-r0\n"
      ".long g-., r1-.\n.word 1,0\n.byte 1,r2-r1\n"
      ".section .altinstr_replacement,\"ax\"\nr0: " +
      of_f + "\nr1: " + of_g + "\nr2:\n");
}

TEST(Diff, AnAlternativeBelongsToItsFunction) {
  EXPECT_THAT(
      SnippetPair(alternatives("clc", "stc"), alternatives("clc", "cmc"), "unit.s").replaced(),
      ElementsAre("g"));
  EXPECT_THAT(
      SnippetPair(alternatives("clc", "stc"), alternatives("cmc", "stc"), "unit.s").replaced(),
      ElementsAre("f"));
}

// Three functions in one section, as assembly has them.
std::string functions(const std::string& a, const std::string& b, const std::string& c,
                      const std::string& tables = "") {
  std::string text = ".text\n";
  for (const auto& [name, code] : {std::pair{"a", a}, std::pair{"b", b}, std::pair{"c", c}})
    text += std::string(".globl ") + name + "\n.type " + name + ",@function\n" + name + ": " +
            code + "\nret\n.size " + name + ",.-" + name + "\n";
  return text + tables;
}

TEST(Diff, AnExportedFunctionOfAssemblyMayMove) {
  const std::string exported =
      ".section ___ksymtab+c,\"a\"\n__ksymtab_c: .long c - .\n.size __ksymtab_c,4\n";
  const SnippetPair pair(functions("nop", "nop", "nop", exported),
                         functions("nop", "nop\nnop", "nop", exported), "unit.s");
  EXPECT_THAT(pair.replaced(), ElementsAre("b"));
  EXPECT_EQ(pair.refusal(), "");
}

// `last`: how f of .x.text ends.
std::string sharing(const std::string& last, const std::string& g) {
  return "asm(\".section .x.text,\\\"ax\\\"\\n.type f,@function\\nf: " + last +
         "\\n.size f,.-f\\n.type g,@function\\ng: " + g + "\\n ret\\n.size g,.-g\\n.text\");\n";
}

TEST(Diff, FunctionsThatAShortJumpKeepsTogetherMustBeTogetherInBoth) {
  EXPECT_THAT(SnippetPair(sharing("jmp g", "nop"), sharing("jmp g", "clc")).replaced(),
              ElementsAre("g"));
  for (const auto& [before, after] : {std::pair{"jmp g", "ret"}, std::pair{"ret", "jmp g"}}) {
    const SnippetPair pair(sharing(before, "nop"), sharing(after, "clc"));
    EXPECT_EQ(pair.refusal(), "code-outside-functions");
  }
}

TEST(Diff, OfAssemblyOnlyTheFunctionsThatDiffer) {
  const std::string before = functions("nop", "nop", "nop");
  EXPECT_THAT(SnippetPair(before, functions("clc", "nop", "nop"), "unit.s").replaced(),
              ElementsAre("a"));
  EXPECT_THAT(SnippetPair(before, functions("nop", "clc", "nop"), "unit.s").replaced(),
              ElementsAre("b"));
  EXPECT_THAT(SnippetPair(before, functions("nop", "nop", "clc"), "unit.s").replaced(),
              ElementsAre("c"));
  const SnippetPair longer(before, functions("nop", "nop\nnop", "nop"), "unit.s");
  EXPECT_THAT(longer.replaced(), ElementsAre("b"));
  EXPECT_EQ(longer.why("b"), "its code was 2 bytes long and is 3") << "not the section's size";
  const SnippetPair other(before, functions("nop", "nop", "clc"), "unit.s");
  EXPECT_EQ(other.why("c"), "its code differs from +0x0 on") << "counted from the function";
}

TEST(Diff, OfAssemblyAlsoThoseWhoseEntriesDiffer) {
  const auto table = [](const char* to) {
    return std::string(".section __ex_table,\"a\"\n.long b-., ") + to + "-., 1\n";
  };
  const std::string b = "nop\n1: nop\n2:";
  EXPECT_THAT(SnippetPair(functions("nop", b, "nop", table("1b")),
                          functions("nop", b, "nop", table("2b")), "unit.s")
                  .replaced(),
              ElementsAre("b"));
  EXPECT_THAT(SnippetPair(functions("nop", b, "nop", table("1b")),
                          functions("nop\nnop", b, "nop", table("1b")), "unit.s")
                  .replaced(),
              ElementsAre("a"))
      << "b and its entry only moved";
}

TEST(Diff, CodeInNoFunctionCannotBeReplaced) {
  const auto text = [](const char* code) {
    return functions("nop", "nop", "nop") +
           ".section .entry.text,\"ax\"\n.globl entry\nentry: " + code + "\nret\n";
  };
  EXPECT_EQ(SnippetPair(text("nop"), text("clc"), "unit.s").refusal(), "code-outside-functions");
  EXPECT_EQ(SnippetPair(text("nop"), text("nop"), "unit.s").refusal(), "");
}

TEST(Diff, AliasesGetOneJump) {
  const auto text = [](const char* code) {
    return std::string(
               ".section .text.f,\"ax\"\n.globl f\n.type f,@function\n.globl g\n"
               ".type g,@function\nf:\ng: ") +
           code + "\nret\n.size f,.-f\n.size g,.-g\n";
  };
  EXPECT_EQ(SnippetPair(text("nop"), text("clc"), "unit.s").replaced().size(), 1u);
}

TEST(Diff, TheMiddleOfAFunctionIsOwnContent) {
  // g jumps into the middle of f; when f changes there, g must come along.
  const auto text = [](const char* code) {
    return assembly(std::string(".section .text.h,\"ax\"\n.globl h\n.type h,@function\nh: nop\n"
                                "middle: ") +
                    code +
                    "\nret\n.size h,.-h\n"
                    ".section .text.g,\"ax\"\n.globl g\n.type g,@function\ng: nop\n jmp middle\n"
                    ".size g,.-g\n");
  };
  EXPECT_THAT(SnippetPair(text("nop"), text("clc"), "unit.s").replaced(),
              UnorderedElementsAre("g", "h"));
  const auto entry = [](const char* code) {
    return assembly(std::string(".section .text.h,\"ax\"\n.globl h\n.type h,@function\nh: ") +
                    code +
                    "\nret\n.size h,.-h\n"
                    ".section .text.g,\"ax\"\n.globl g\n.type g,@function\ng: nop\n jmp h\n"
                    ".size g,.-g\n");
  };
  EXPECT_THAT(SnippetPair(entry("nop"), entry("clc"), "unit.s").replaced(), ElementsAre("h"));
}

// BTF_ID_LIST() of linux/btf_ids.h: the ids are zeros until the kernel is linked.
TEST(Diff, AListOfTypeIdsIsNotCopied) {
  const auto text = [](const std::string& f) {
    return "asm(\".pushsection .BTF_ids,\\\"a\\\"\\nids:\\n__BTF_ID__struct__task_struct__1:\\n\"\n"
           "    \".zero 4\\n.popsection\");\n"
           "extern unsigned int ids[]; int f(void) { return " +
           f + "; }";
  };
  const SnippetPair pair(text("ids[0]"), text("ids[0] + 1"));
  EXPECT_THAT(pair.included(), ElementsAre("f")) << "the list is the kernel's own";
  const auto fresh = SnippetPair("int f(void) { return 1; }", text("ids[0]")).diff();
  ASSERT_FALSE(fresh);
  EXPECT_EQ(fresh.error().code, "unknown-special-section");
  EXPECT_THAT(fresh.error().message, HasSubstr(".BTF_ids, whose content comes only when"));
}

TEST(Diff, AReferenceIntoAnUnknownSection) {
  const auto text = [](const std::string& f) {
    return "__attribute__((section(\".init.data\"))) int start = 1;"
           "int f(void) { return " +
           f + "; }";
  };
  EXPECT_EQ(SnippetPair(text("1"), text("start"), "unit.c").refusal(), "unknown-special-section");
}

TEST(Diff, ExitCodeOfAModuleIsTold) {
  const auto text = [](int value) {
    return "extern void out(int); __attribute__((section(\".exit.text\"))) void end(void) { out(" +
           std::to_string(value) + "); } int f(void) { return 1; }";
  };
  const SnippetPair pair(text(1), text(2), "unit.c", "some_module");
  EXPECT_THAT(pair.replaced(), ElementsAre("end"));
  EXPECT_THAT(pair.diff()->exit_changes, ElementsAre(Field(&InitChange::name, "end")));
  EXPECT_THAT(SnippetPair(text(1), text(2)).replaced(), IsEmpty()) << "built in: it never runs";
}

// As include/splice.h has it.
std::string hook(const std::string& kind, const std::string& function) {
  return "static int (*const __splice_" + kind + "_" + function +
         ")(void) __attribute__((used, section(\".splice." + kind +
         "\"), no_reorder)) = " + function + ";\n";
}

TEST(Diff, HooksAlone) {
  const std::string text = kOut + "int f(int a) { return out(a); }\n";
  const SnippetPair pair(text, text + "static int n; static int b(void) { return n++; }" +
                                   hook("check_apply", "b") +
                                   "static int a(void) { return f(n); }" +
                                   hook("check_apply", "a") + hook("pre_undo", "a"));
  EXPECT_THAT(pair.replaced(), IsEmpty());
  EXPECT_THAT(pair.included(), UnorderedElementsAre("a", "b", "n"));
  const auto diff = pair.diff();
  ASSERT_TRUE(diff) << diff.error().message;
  std::vector<std::string> found;
  for (const UnitHook& one : diff->hooks)
    found.push_back(one.kind + " " + pair->post_object.symbol(one.post_symbol).name);
  EXPECT_THAT(found, UnorderedElementsAre("check_apply b", "check_apply a", "pre_undo a"));
  const auto at = [&](const char* what) {
    return std::find(found.begin(), found.end(), what) - found.begin();
  };
  EXPECT_LT(at("check_apply b"), at("check_apply a")) << "the order of the file";
}

TEST(Diff, HooksOfAnEarlierUpdate) {
  const std::string first =
      "static int n; static int a(void) { return n++; }" + hook("pre_apply", "a");
  const SnippetPair pair(first,
                         first + "static int b(void) { return n--; }" + hook("pre_apply", "b"));
  ASSERT_TRUE(pair.diff());
  ASSERT_EQ(pair.diff()->hooks.size(), 1u);
  EXPECT_THAT(pair.included(), ElementsAre("b"));
  EXPECT_EQ(SnippetPair(first,
                        "static int n; static int a(void) { return n--; }" + hook("pre_apply", "a"))
                .refusal(),
            "hook-unusable");
}

TEST(Diff, UnusableHooks) {
  const std::string text = kOut + "int f(void) { return out(1); }\n";
  EXPECT_EQ(SnippetPair(text, text + hook("pre_apply", "f")).refusal(), "hook-unusable")
      << "the kernel has it already";
  EXPECT_EQ(SnippetPair(text, text + hook("pre_apply", "out")).refusal(), "hook-unusable")
      << "another file's";
  EXPECT_EQ(
      SnippetPair(text, text + "static int a(void) { return 0; }" + hook("reboot", "a")).refusal(),
      "hook-unusable");
}

TEST(UnitPair, UnreadableObjects) {
  BuiltUnit built;
  built.pre = "/nothing/here.o";
  EXPECT_FALSE(UnitPair::open(built));
}

}  // namespace
}  // namespace splicer
