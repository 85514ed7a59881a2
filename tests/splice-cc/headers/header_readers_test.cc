// SPDX-License-Identifier: GPL-2.0-or-later
//
// From a patched header to its readers, in a tree of which not all is built.
#include "splice-cc/headers/header_readers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_kernel.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class HeaderReadersTest : public ::testing::Test {
 protected:
  HeaderReadersTest() {
    kernel.add("Makefile", std::string(kMakefile) + "obj-y := kernel/\n");
    kernel.add("kernel/Makefile", "obj-y := uses.o reads.o late.o\n");
    kernel.add("include/linux/a.h", "#define ONE 1\n#define TWO 2\n");
    kernel.add("kernel/uses.c", "#include <linux/a.h>\nint f(void) { return TWO; }\n");
    kernel.add("kernel/reads.c", "#include <linux/a.h>\nint g(void) { return ONE; }\n");
    kernel.add("kernel/unbuilt.c", "#include <linux/a.h>\nint h(void) { return TWO; }\n");
    kernel.add("kernel/late.c", "int l(void) { return 0; }\n");
  }

  PatchSet patch(const std::string& name, const std::string& text) const {
    kernel.folder.write(name, text);
    auto set = PatchSet::load({(kernel.folder / name).string()}, kernel.tree().source);
    EXPECT_TRUE(set) << set.error().message;
    return std::move(*set);
  }

  // The sources of the affected units; `possible` and `read` are set, too.
  std::vector<std::string> affected(const PatchSet& base, const PatchSet& patches) {
    const Kbuild kbuild = kernel.kbuild();
    std::vector<Finding> findings;
    auto before = PatchedTree::make(kbuild, {&base}, kernel.folder / "before", &findings);
    auto after = PatchedTree::make(kbuild, {&base, &patches}, kernel.folder / "after", &findings);
    EXPECT_TRUE(before && after);
    const std::set<std::string> headers = {"include/linux/a.h"};
    const HeaderVersions versions = {kbuild,
                                     base.patches().empty() ? nullptr : &*before,
                                     *after,
                                     headers,
                                     kernel.folder / "plain",
                                     2};
    auto graph = IncludeGraph::of(kernel.tree());
    UnitList list(kbuild);
    auto found = possible_readers(versions, *graph, list);
    EXPECT_TRUE(found) << found.error().message << found.error().detail;
    possible = *found;
    auto result = find_readers(versions, *graph, possible, list, {}, Console());
    EXPECT_TRUE(result) << result.error().message << result.error().detail;
    read = result->read;
    std::vector<std::string> sources;
    for (const Unit& unit : result->units) sources.push_back(unit.source);
    return sources;
  }

  const std::string two_changes =
      "--- a/include/linux/a.h\n+++ b/include/linux/a.h\n@@ -1,2 +1,2 @@\n #define ONE 1\n"
      "-#define TWO 2\n+#define TWO 3\n";
  FakeKernel kernel;
  std::set<std::string> possible;
  std::set<std::string> read;
};

TEST_F(HeaderReadersTest, OnlyWhatTheConfigurationBuilds) {
  EXPECT_THAT(affected({}, patch("fix.patch", two_changes)), ElementsAre("kernel/uses.c"));
  EXPECT_THAT(possible, ElementsAre("kernel/reads.c", "kernel/uses.c"));
  EXPECT_THAT(read, ElementsAre("include/linux/a.h"));
}

// It is read all the same: nobody should be told that it is not built.
TEST_F(HeaderReadersTest, AChangeThatNobodyUses) {
  EXPECT_THAT(affected({}, patch("fix.patch",
                                 "--- a/include/linux/a.h\n+++ b/include/linux/a.h\n@@ -1,2 +1,3 "
                                 "@@\n #define ONE 1\n+/* x */\n #define TWO 2\n")),
              IsEmpty());
  EXPECT_THAT(read, ElementsAre("include/linux/a.h"));
}

// An update that is applied already has made it a reader.
TEST_F(HeaderReadersTest, ALineThatTheTreeHasNot) {
  const PatchSet base =
      patch("base.patch",
            "--- a/kernel/late.c\n+++ b/kernel/late.c\n@@ -1 +1,2 @@\n-int l(void) { return 0; }\n"
            "+#include <linux/a.h>\n+int l(void) { return TWO; }\n");
  EXPECT_THAT(affected(base, patch("fix.patch", two_changes)),
              ElementsAre("kernel/late.c", "kernel/uses.c"));
}

}  // namespace
}  // namespace splicer
