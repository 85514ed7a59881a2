// SPDX-License-Identifier: GPL-2.0-or-later
//
// From a source file to its object and what that is linked into.
#include "splice-cc/build/unit_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_kernel.h"

namespace splicer {
namespace {

class UnitListTest : public ::testing::Test {
 protected:
  UnitListTest() {
    kernel.add("Makefile", std::string(kMakefile) + "obj-y := kernel/ drivers/ virt/\n");
    kernel.add("kernel/Makefile", "obj-y := fork.o sched/\n");
    kernel.add("kernel/sched/Makefile", "obj-y := core.o\n");
    kernel.add("kernel/off/Makefile", "obj-y := never.o\n");
    kernel.add("drivers/Makefile",
               "obj-m := tun-dev.o multi.o second.o\nmulti-objs := one.o sub/two.o both.o\n"
               "second-y := both.o\n");
    kernel.add("virt/Makefile", "obj-m := kvm.o\nkvm-y := ../arch/x86/lib/shared.o\n");
  }
  std::optional<Unit> find(const std::string& source) {
    auto unit = list.find(source);
    EXPECT_TRUE(unit) << unit.error().message << unit.error().detail;
    return unit ? *unit : std::nullopt;
  }

  FakeKernel kernel;
  Kbuild kbuild = kernel.kbuild();
  UnitList list{kbuild};
};

TEST_F(UnitListTest, BuiltIn) {
  const auto unit = find("kernel/fork.c");
  ASSERT_TRUE(unit);
  EXPECT_EQ(unit->name, "kernel/fork.o");
  EXPECT_EQ(unit->source, "kernel/fork.c");
  EXPECT_EQ(unit->target, "vmlinux");
  EXPECT_EQ(unit->entry, "kernel");
  EXPECT_EQ(find("kernel/sched/core.c")->entry, "kernel");
}

TEST_F(UnitListTest, NotBuilt) {
  EXPECT_FALSE(find("kernel/other.c"));
  EXPECT_FALSE(find("kernel/off/never.c")) << "no Makefile leads there";
  EXPECT_FALSE(find("kernel/fork.h"));
  EXPECT_FALSE(find("nowhere/at/all.c"));
}

TEST_F(UnitListTest, Modules) {
  EXPECT_EQ(find("drivers/tun-dev.c")->target, "tun_dev") << "as in /proc/modules";
  EXPECT_EQ(find("drivers/one.c")->target, "multi");
  const auto below = find("drivers/sub/two.c");
  ASSERT_TRUE(below) << "the Makefile above names it";
  EXPECT_EQ(below->name, "drivers/sub/two.o");
  EXPECT_EQ(below->target, "multi");
  EXPECT_FALSE(find("drivers/multi.c")) << "only a name for its parts";
}

// As drivers/Makefile names char/ipmi/ beside char/: from drivers kbuild makes its objects twice.
TEST_F(UnitListTest, AFolderThatTheMakefileAboveItsParentNames) {
  kernel.add("drivers/Makefile", "obj-y := char/ char/ipmi/\n");
  kernel.add("drivers/char/Makefile", "obj-y := mem.o\n");
  kernel.add("drivers/char/ipmi/Makefile", "obj-m := ipmi.o\n");
  EXPECT_EQ(find("drivers/char/ipmi/ipmi.c")->entry, "drivers/char/ipmi");
  EXPECT_EQ(find("drivers/char/ipmi/ipmi.c")->target, "ipmi");
  EXPECT_EQ(find("drivers/char/mem.c")->entry, "drivers");
}

TEST_F(UnitListTest, AnObjectOfTwoModules) {
  const auto unit = list.find("drivers/both.c");
  ASSERT_TRUE(unit && *unit);
  EXPECT_TRUE((*unit)->shared) << "whoever needs it refuses; many only look whether it matters";
}

TEST_F(UnitListTest, AMakefileThatLooksElsewhere) {
  const auto unit = find("arch/x86/lib/shared.c");
  ASSERT_TRUE(unit);
  EXPECT_EQ(unit->name, "arch/x86/lib/shared.o");
  EXPECT_EQ(unit->goal, "virt/../arch/x86/lib/shared.o");
  EXPECT_EQ(unit->target, "kvm");
  EXPECT_EQ(unit->entry, "virt");
}

// Whatever names them: a folder above, a folder elsewhere, several modules.
TEST_F(UnitListTest, SourcesOfAllUnits) {
  const std::set<std::string> built = {
      "kernel/fork.c",     "kernel/sched/core.S", "drivers/tun-dev.c", "drivers/one.c",
      "drivers/sub/two.c", "drivers/both.c",      "drivers/both.S",    "arch/x86/lib/shared.c"};
  for (const std::string& source : built) kernel.add(source, "");
  for (const char* source :
       {"kernel/other.c", "kernel/off/never.c", "drivers/multi.c", "virt/kvm.c"})
    kernel.add(source, "");
  for (int time = 0; time < 2; ++time) {
    const auto sources = UnitList(kbuild).sources(2);
    ASSERT_TRUE(sources) << sources.error().message << sources.error().detail;
    for (const std::string& source : built) EXPECT_TRUE(sources->contains(source)) << source;
    for (const std::string& source : *sources) EXPECT_TRUE(find(source)) << source;
    EXPECT_FALSE(sources->contains("kernel/other.c"));
    EXPECT_FALSE(sources->contains("kernel/off/never.c"));
    // The second time from the store.
    kernel.add("Makefile", std::string(kMakefile) + "obj-y := kernel/\n");
  }
}

TEST_F(UnitListTest, HalfAListIsNotKept) {
  kernel.add("kernel/sched/Makefile", "$(error stop)\n");
  EXPECT_EQ(list.sources(1).error().code, "kbuild-folder");
  EXPECT_FALSE(kernel.folder.has("tree/store/sources"));
}

// find() is asked for units of a list that all() has made.
TEST_F(UnitListTest, AllAgreesWithFind) {
  kernel.add("drivers/Makefile", "obj-y := char/ char/ipmi/\n");
  kernel.add("drivers/char/Makefile", "obj-y := mem.o\n");
  kernel.add("drivers/char/ipmi/Makefile", "obj-m := ipmi.o\n");
  kernel.add("drivers/char/ipmi/ipmi.c", "");
  kernel.add("kernel/fork.c", "");
  const auto units = list.all(2);
  ASSERT_TRUE(units);
  ASSERT_EQ(units->size(), 2U);
  for (const Unit& unit : *units) {
    UnitList other(kbuild);
    const auto same = other.find(unit.source);
    ASSERT_TRUE(same && *same);
    EXPECT_EQ((*same)->entry, unit.entry) << unit.source;
    EXPECT_EQ((*same)->target, unit.target) << unit.source;
  }
}

TEST_F(UnitListTest, ABrokenMakefile) {
  kernel.add("kernel/Makefile", "$(error stop)\n");
  const auto unit = list.find("kernel/fork.c");
  ASSERT_FALSE(unit);
  EXPECT_EQ(unit.error().code, "kbuild-folder");
}

}  // namespace
}  // namespace splicer
