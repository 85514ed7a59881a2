// SPDX-License-Identifier: GPL-2.0-or-later
//
// The semantic check of one unit, from its two sources.
#include "splice-cc/semantics/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "splice-cc/build/patched_tree.h"
#include "tests/support/fake_kernel.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Pair;

constexpr const char* kHead =
    "struct seen { int a; int b; };\n"
    "enum kind { UNUSED = 4, FEW = 5 };\n";
constexpr const char* kCode =
    "extern struct seen *get(void);\n"
    "int table = 3;\n"
    "int read_b(void) { return get()->b * FEW + table; }\n";

class SemanticCheckTest : public ::testing::Test {
 protected:
  // A unit of kHead and kCode, in which `from` becomes `to`.
  void change(const std::string& from, const std::string& to) {
    std::string text = std::string(kHead) + kCode;
    kernel.add("kernel/a.c", text);
    unit.unit.name = unit.unit.goal = "kernel/a.o";
    unit.unit.source = "kernel/a.c";
    unit.unit.entry = "kernel";
    unit.unit.target = "vmlinux";
    ASSERT_TRUE(kbuild.build_pre({unit.unit}, 1));
    unit.pre = kbuild.pre_object(unit.unit);
    text.replace(text.find(from), from.size(), to);
    std::vector<std::string> warnings;
    std::vector<Finding> misplaced;
    after.emplace(*PatchedTree::make(kbuild, {}, kernel.folder / "after", &misplaced));
    std::filesystem::remove(after->folder() / "kernel");
    kernel.folder.write("after/kernel/a.c", text);
    const auto compiled = after->compile({unit.unit}, 1, &warnings);
    ASSERT_TRUE(compiled) << compiled.error().detail;
    unit.post = after->object(unit.unit);
  }
  SourceVersions versions() const {
    return {kbuild, {kernel.tree().source, after->folder()}, 2, patched};
  }
  SemanticCheck check() {
    const auto compared = compare_unit(unit, {});
    EXPECT_TRUE(compared) << compared.error().message;
    return check_units({&unit, 1}, versions());
  }

  FakeKernel kernel;
  Kbuild kbuild = kernel.kbuild();
  std::optional<PatchedTree> after;
  ChangedUnit unit;
  std::set<std::string> patched = {"kernel/a.c"};
};

TEST_F(SemanticCheckTest, ALayoutIsAFinding) {
  change("int a; int b;", "int b; int a;");
  const SemanticCheck checked = check();
  ASSERT_EQ(checked.findings.size(), 1U);
  EXPECT_EQ(checked.findings[0].title(), "layout-changed:struct seen");
  EXPECT_TRUE(checked.findings[0].refuse);
}

TEST_F(SemanticCheckTest, WhatNewCodeUsesIsListedByTarget) {
  change("+ table", "- table");
  const SemanticCheck checked = check();
  EXPECT_THAT(checked.findings, IsEmpty());
  const UsedNames& used = checked.used.at("vmlinux");
  EXPECT_THAT(used.layouts, ElementsAre(Key("struct seen")));
  for (const TypeMember& member : used.layouts.at("struct seen").members)
    EXPECT_EQ(member.type, "i32") << member.name;
  EXPECT_THAT(used.enumerators, ElementsAre(Pair("FEW", 5)));
  EXPECT_THAT(used.declarations, ElementsAre(Pair("get", "()*struct seen")));
  EXPECT_FALSE(unit.reading) << "it is used up";
}

TEST_F(SemanticCheckTest, LayoutsAloneBeforeAllUnitsAreKnown) {
  change("int a; int b;", "int b; int a;");
  std::span<ChangedUnit> units(&unit, 1);
  EXPECT_THAT(check_layouts(units, {"kernel/other.c"}, versions()), IsEmpty());
  const auto reading = unit.reading;
  ASSERT_TRUE(reading);
  const auto found = check_layouts(units, {"kernel/a.c"}, versions());
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].code, "layout-changed");
  EXPECT_EQ(unit.reading, reading) << "Clang does not read it again";
}

TEST_F(SemanticCheckTest, ADeclarationIsShownWithTheRefusalOfAVariable) {
  change("table = 3", "table = 4");
  ASSERT_TRUE(compare_unit(unit, {}));
  std::vector<Finding>& findings = unit.diff->findings;
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].code, "initial-value-changed");
  explain_variables(unit, findings, versions());
  EXPECT_THAT(findings[0].is, HasSubstr("table = 4"));
}

TEST_F(SemanticCheckTest, WhatClangCannotReadIsRefused) {
  change("+ table", "- table");
  kernel.folder.write("after/kernel/a.c", "int read_b(void) { return nothing; }\n");
  const SemanticCheck checked = check();
  ASSERT_EQ(checked.findings.size(), 1U);
  EXPECT_EQ(checked.findings[0].title(), "meaning-not-checked:kernel/a.c");
  EXPECT_TRUE(checked.findings[0].refuse);
}

}  // namespace
}  // namespace splicer
