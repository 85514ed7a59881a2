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

constexpr const char* kHead = "struct seen { int a; int b; };\n";
constexpr const char* kCode =
    "extern struct seen *get(void);\n"
    "int table = 3;\n"
    "int read_b(void) { return get()->b + table; }\n";

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
    after.emplace(*PatchedTree::make(kbuild, {}, kernel.folder / "after", &warnings));
    std::filesystem::remove(after->folder() / "kernel");
    kernel.folder.write("after/kernel/a.c", text);
    const auto compiled = after->compile({unit.unit}, 1, &warnings);
    ASSERT_TRUE(compiled) << compiled.error().detail;
    unit.post = after->object(unit.unit);
  }
  SourceVersions versions() const { return {kbuild, {kernel.tree().source, after->folder()}, 2}; }
  Result<SemanticCheck> check(const std::vector<std::string>& accepted = {}) {
    const auto compared = compare_unit(unit, {});
    EXPECT_TRUE(compared) << compared.error().message;
    return check_units({&unit, 1}, versions(), accepted);
  }

  FakeKernel kernel;
  Kbuild kbuild = kernel.kbuild();
  std::optional<PatchedTree> after;
  ChangedUnit unit;
};

TEST_F(SemanticCheckTest, ALayoutIsRefusedOrAccepted) {
  change("int a; int b;", "int b; int a;");
  const auto refused = check();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "layout-changed");
  EXPECT_EQ(refused.error().function, "struct seen");
  const auto accepted = check({"layout-changed:struct seen"});
  ASSERT_TRUE(accepted) << accepted.error().message;
  ASSERT_EQ(accepted->accepted.size(), 1U);
  EXPECT_EQ(accepted->accepted[0].title(), "layout-changed:struct seen");
  EXPECT_THAT(accepted->warnings, IsEmpty());
}

TEST_F(SemanticCheckTest, WhatNewCodeUsesIsListedByTarget) {
  change("+ table", "- table");
  const auto checked = check();
  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_THAT(checked->layouts.at("vmlinux"), ElementsAre(Key("struct seen")));
  EXPECT_FALSE(unit.reading) << "it is used up";
  EXPECT_EQ(check({"layout-changed:struct seen"}).error().code, "accept-matches-nothing");
}

TEST_F(SemanticCheckTest, LayoutsAloneBeforeAllUnitsAreKnown) {
  change("int a; int b;", "int b; int a;");
  std::span<ChangedUnit> units(&unit, 1);
  EXPECT_TRUE(check_layouts(units, {"kernel/other.c"}, versions(), {}));
  const auto reading = unit.reading;
  ASSERT_TRUE(reading);
  const auto refused = check_layouts(units, {"kernel/a.c"}, versions(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "layout-changed");
  EXPECT_EQ(unit.reading, reading) << "Clang does not read it again";
  EXPECT_TRUE(check_layouts(units, {"kernel/a.c"}, versions(), {"layout-changed:struct seen"}));
}

TEST_F(SemanticCheckTest, ADeclarationIsShownWithTheRefusalOfAVariable) {
  change("table = 3", "table = 4");
  auto compared = compare_unit(unit, {});
  ASSERT_FALSE(compared);
  EXPECT_EQ(compared.error().code, "initial-value-changed");
  const Error error = with_declarations(unit, compared.error(), versions()).take();
  EXPECT_EQ(error.code, "initial-value-changed");
  EXPECT_THAT(error.detail, HasSubstr("table = 4"));
}

TEST_F(SemanticCheckTest, WhatClangCannotReadIsAWarning) {
  change("+ table", "- table");
  kernel.folder.write("after/kernel/a.c", "int read_b(void) { return nothing; }\n");
  const auto checked = check();
  ASSERT_TRUE(checked);
  EXPECT_THAT(checked->warnings, ElementsAre(HasSubstr("kernel/a.c")));
  EXPECT_THAT(checked->warnings, ElementsAre(HasSubstr("nothing")));
}

}  // namespace
}  // namespace splicer
