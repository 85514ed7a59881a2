// SPDX-License-Identifier: GPL-2.0-or-later
//
// Single objects from a build system that speaks as kbuild does.
#include "splice-cc/build/kbuild.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "matcher/base/file.h"
#include "matcher/elf/elf_object.h"
#include "splice-cc/build/overlay.h"
#include "tests/support/defined_symbol.h"
#include "tests/support/fake_kernel.h"

namespace splicer {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Compiled only.
[[maybe_unused]] bool example(const Tree& tree, const Host& host, const fs::path& driver,
                              const std::vector<Unit>& units, const Unit& unit,
                              const Overlay& overlay, unsigned jobs) {
  // [example splice-cc/build/kbuild.h]
  Kbuild kbuild = *Kbuild::open(tree, host, driver);
  auto pre = kbuild.build_pre(units, jobs);            // pre objects, into the store
  auto post = kbuild.compile(unit, overlay.folder());  // the same command, elsewhere
  // [end]
  return pre && post;
}

Unit unit_of(const std::string& source) {
  Unit unit;
  unit.source = source;
  unit.name = fs::path(source).replace_extension(".o").string();
  unit.goal = unit.name;
  unit.entry = fs::path(source).begin()->string();
  unit.target = "vmlinux";
  return unit;
}

class KbuildTest : public ::testing::Test {
 protected:
  KbuildTest() {
    kernel.add(
        "kernel/fork.c",
        "#include <linux/a.h>\nconst char text[] = HASH DOLLAR; int f(void) { return A; }\n");
  }
  FakeKernel kernel;
  Unit fork = unit_of("kernel/fork.c");
};

TEST_F(KbuildTest, BuildsIntoTheStoreOnce) {
  const Kbuild kbuild = kernel.kbuild();
  const auto built = kbuild.build_pre({fork}, 1);
  ASSERT_TRUE(built) << built.error().detail;
  const auto object = ElfObject::load(kbuild.pre_object(fork));
  ASSERT_TRUE(object);
  EXPECT_NE(defined_symbol(*object, "f"), nullptr);
  const auto time = fs::last_write_time(kbuild.pre_object(fork));
  ASSERT_TRUE(kbuild.build_pre({fork}, 1));
  EXPECT_EQ(fs::last_write_time(kbuild.pre_object(fork)), time);
}

TEST_F(KbuildTest, TheSavedCommandIsTheRealOne) {
  const Kbuild kbuild = kernel.kbuild();
  ASSERT_TRUE(kbuild.build_pre({fork}, 1));
  const std::string command = kernel.folder.read("tree/store/pre/kernel/.fork.o.command");
  EXPECT_THAT(command, StartsWith("@SPLICE_CC@ -O2 -Iinclude")) << "no path of the driver";
  EXPECT_THAT(command, HasSubstr("-DHASH=\\\"#\\\" -DDOLLAR=\\\"$\\\""));
}

TEST_F(KbuildTest, Dependencies) {
  const Kbuild kbuild = kernel.kbuild();
  ASSERT_TRUE(kbuild.build_pre({fork}, 1));
  EXPECT_THAT(*kbuild.dependencies(fork), ElementsAre("kernel/fork.c", "include/linux/a.h"));
  EXPECT_FALSE(kbuild.dependencies(unit_of("kernel/none.c")));
}

TEST_F(KbuildTest, CompilesTheSameInAnOverlay) {
  const Kbuild kbuild = kernel.kbuild();
  ASSERT_TRUE(kbuild.build_pre({fork}, 1));
  const auto overlay = Overlay::make(kernel.tree(), kernel.folder / "overlay", {"kernel/fork.c"});
  ASSERT_TRUE(overlay);
  const auto compiled = kbuild.compile(fork, overlay->folder());
  ASSERT_TRUE(compiled) << compiled.error().detail;
  EXPECT_EQ(*read_text(overlay->folder() / "kernel/fork.o"), *read_text(kbuild.pre_object(fork)));
  EXPECT_THAT(Kbuild::dependencies_in(overlay->folder() / fork.name),
              Contains("include/linux/a.h"));
  EXPECT_TRUE(Kbuild::dependencies_in(kernel.folder / "none.o").empty());
}

TEST_F(KbuildTest, HooksAreFoundWhereTheyAreWanted) {
  kernel.folder.write("it's/splice.h", "#define HOOKS 3\n");
  auto opened = Kbuild::open(kernel.tree(), kernel.host(), SPLICE_CC, kernel.folder / "it's");
  ASSERT_TRUE(opened);
  ASSERT_TRUE(opened->build_pre({fork}, 1));
  const auto overlay = Overlay::make(kernel.tree(), kernel.folder / "overlay", {"kernel/fork.c"});
  ASSERT_TRUE(overlay);
  kernel.folder.write("overlay/kernel/fork.c", "#include <splice.h>\nint hooks = HOOKS;\n");
  EXPECT_FALSE(opened->compile(fork, overlay->folder()));
  const auto compiled = opened->compile(fork, overlay->folder(), true);
  EXPECT_TRUE(compiled) << compiled.error().detail;
}

TEST_F(KbuildTest, PreprocessesAsItCompiles) {
  const Kbuild kbuild = kernel.kbuild();
  const fs::path plain = kernel.folder / "plain";
  kernel.add("kernel/bad.c", "#include <linux/not-there.h>\n");
  const auto made = kbuild.preprocess_pre({unit_of("kernel/bad.c"), fork}, plain, 1);
  ASSERT_TRUE(made) << made.error().detail;
  ASSERT_EQ(made->size(), 1U);
  EXPECT_EQ(made->front().name, fork.name);
  EXPECT_THAT(*read_text(plain / "kernel/fork.i"), HasSubstr("return 1;"));
  EXPECT_FALSE(fs::exists(kernel.tree().source / "kernel/fork.i"));
  EXPECT_THAT(*Kbuild::preprocessed_dependencies(fork, plain),
              ElementsAre("kernel/fork.c", "include/linux/a.h"));

  auto overlay = Overlay::make(kernel.tree(), kernel.folder / "overlay", {"include/linux/a.h"});
  ASSERT_TRUE(overlay && overlay->open_folder("kernel"));
  kernel.folder.write("overlay/include/linux/a.h", "#define A 2\n");
  const auto again = kbuild.preprocess(fork, plain, overlay->folder());
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_THAT(*read_text(overlay->folder() / "kernel/fork.i"), HasSubstr("return 2;"));
  EXPECT_THAT(Kbuild::dependencies_in(overlay->folder() / "kernel/fork.i"),
              Contains("include/linux/a.h"));
}

TEST_F(KbuildTest, WhatDoesNotCompile) {
  const Kbuild kbuild = kernel.kbuild();
  ASSERT_TRUE(kbuild.build_pre({fork}, 1));
  const auto overlay = Overlay::make(kernel.tree(), kernel.folder / "overlay", {"kernel/fork.c"});
  kernel.folder.write("overlay/kernel/fork.c", "\n\nint f(void) { return missing; }\n");
  kernel.folder.write("overlay/kernel/fork.o", "an old one");
  const auto compiled = kbuild.compile(fork, overlay->folder());
  ASSERT_FALSE(compiled);
  EXPECT_EQ(compiled.error().code, "compile-failed");
  EXPECT_EQ(compiled.error().file, "kernel/fork.c");
  EXPECT_THAT(compiled.error().detail, HasSubstr("kernel/fork.c:3:"));
  EXPECT_FALSE(compiled.error().advice.empty());

  kernel.add("kernel/bad.c", "error\n");
  const auto bad = kbuild.build_pre({unit_of("kernel/bad.c")}, 1);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, "compile-failed");
  EXPECT_FALSE(fs::exists(kbuild.pre_object(unit_of("kernel/bad.c"))));
}

TEST_F(KbuildTest, HeadersThatMustBeMadeFirst) {
  kernel.add("kernel/needs.c", "#include <generated/made.h>\nint made = PREPARED;\n");
  const Kbuild kbuild = kernel.kbuild();
  const auto built = kbuild.build_pre({unit_of("kernel/needs.c")}, 1);
  ASSERT_TRUE(built) << built.error().detail;
}

TEST_F(KbuildTest, WhatAKilledRunLeftIsNotTrusted) {
  const Kbuild kbuild = kernel.kbuild();
  kernel.folder.write("tree/store/pre/kernel/.fork.o.command", "half of it");
  kernel.add("kernel/.fork.o.cmd", "half of it");
  kernel.add("kernel/fork.o", "half of it");
  fs::last_write_time(kernel.tree().source / "kernel/fork.o",
                      fs::file_time_type::clock::now() + std::chrono::hours(1));
  const auto built = kbuild.build_pre({fork}, 1);
  ASSERT_TRUE(built) << built.error().message;
  EXPECT_TRUE(ElfObject::load(kbuild.pre_object(fork)));
}

TEST_F(KbuildTest, TheEnvironmentIsReadOnce) {
  kernel.kbuild();
  kernel.add("Makefile", "$(error never read again)\n");
  EXPECT_TRUE(kernel.open());
}

TEST_F(KbuildTest, AMakefileThatStops) {
  kernel.add("Makefile", "$(error why it stops)\n");
  const auto kbuild = kernel.open();
  ASSERT_FALSE(kbuild);
  EXPECT_EQ(kbuild.error().code, "kbuild-environment");
  EXPECT_THAT(kbuild.error().detail, HasSubstr("why it stops"));
}

TEST_F(KbuildTest, Asks) {
  kernel.add("kernel/Makefile", "obj-y := fork.o\n");
  const Kbuild kbuild = kernel.kbuild();
  EXPECT_EQ(*kbuild.ask("kernel", "@echo $(real-obj-y) $(KBUILD_CFLAGS)"), "kernel/fork.o -O2\n");
  kernel.add("kernel/Makefile", "$(error stop)\n");
  EXPECT_EQ(kbuild.ask("kernel", "@echo").error().code, "kbuild-folder");
}

}  // namespace
}  // namespace splicer
