// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which readers of a patched header are left, in a tree of three files.
#include "splice-cc/headers/affected_readers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/fake_kernel.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kHeader =
    "static inline int one(void)\n{\n\treturn 1;\n}\n\nstatic inline int two(void)\n{\n\treturn "
    "2;\n}\n";

class AffectedReadersTest : public ::testing::Test {
 protected:
  AffectedReadersTest() {
    kernel.add("include/linux/a.h", kHeader);
    kernel.add("kernel/uses.c", "#include <linux/a.h>\nint f(void) { return two(); }\n");
    kernel.add("kernel/reads.c", "#include <linux/a.h>\nint g(void) { return one(); }\n");
    kernel.add("kernel/asm.S", "#include <linux/a.h>\n");
    for (const char* name : {"asm", "reads", "uses"}) {
      Unit unit;
      unit.name = unit.goal = std::string("kernel/") + name + ".o";
      unit.source = std::string("kernel/") + name + (name == std::string("asm") ? ".S" : ".c");
      unit.entry = "kernel";
      unit.target = "vmlinux";
      units.push_back(unit);
    }
  }

  PatchSet patch(const std::string& from, const std::string& to) const {
    const auto added = 4 + std::count(to.begin(), to.end(), '\n');
    kernel.folder.write(
        "fix.patch",
        fmt::format("--- a/include/linux/a.h\n+++ b/include/linux/a.h\n@@ -6,4 +6,{} @@\n static "
                    "inline int two(void)\n {{\n-\treturn {};\n+\treturn {};\n }}\n",
                    added, from, to));
    auto set = PatchSet::load({(kernel.folder / "fix.patch").string()}, kernel.tree().source);
    EXPECT_TRUE(set) << set.error().message;
    return std::move(*set);
  }

  std::vector<std::string> affected(const PatchSet& base, const PatchSet& patches) const {
    const Kbuild kbuild = kernel.kbuild();
    std::vector<std::string> warnings;
    std::vector<Finding> findings;
    auto after = PatchedTree::make(kbuild, {&base, &patches}, kernel.folder / "after", &findings);
    auto before = PatchedTree::make(kbuild, {&base}, kernel.folder / "before", &findings);
    EXPECT_TRUE(before && after);
    const std::set<std::string> headers = {"include/linux/a.h"};
    const auto found = affected_units({kbuild, base.patches().empty() ? nullptr : &*before, *after,
                                       headers, kernel.folder / "plain", 2},
                                      units);
    if (!found) return {found.error().code, found.error().detail};
    EXPECT_THAT(found->read, ElementsAre("include/linux/a.h"));
    EXPECT_EQ(found->readers.size(), 2U);
    std::vector<std::string> names;
    for (const Unit& unit : found->units) names.push_back(unit.source);
    return names;
  }

  FakeKernel kernel;
  std::vector<Unit> units;
};

TEST_F(AffectedReadersTest, OnlyThoseThatUseWhatChangedAreLeft) {
  EXPECT_THAT(affected({}, patch("2", "3")), ElementsAre("kernel/asm.S", "kernel/uses.c"));
}

TEST_F(AffectedReadersTest, WhatTheKernelHasAlreadyIsNoChange) {
  const PatchSet base = patch("2", "3");
  const PatchSet on_top = patch("3", "4");
  EXPECT_THAT(affected(base, on_top), ElementsAre("kernel/asm.S", "kernel/uses.c"));
}

TEST_F(AffectedReadersTest, WhatDoesNotPreprocessStays) {
  EXPECT_THAT(affected({}, patch("2", "3;\n+#error")),
              ElementsAre("kernel/asm.S", "kernel/reads.c", "kernel/uses.c"));
}

}  // namespace
}  // namespace splicer
