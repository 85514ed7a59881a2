// SPDX-License-Identifier: GPL-2.0-or-later
//
// Prepared trees: made once, found again, never half made, and the source itself left alone.
#include "splice-cc/source/tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "splice-cc/source/process.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class TreeTest : public ::testing::Test {
 protected:
  TreeTest() : cache("XDG_CACHE_HOME", (folder / "cache").string()) {
    console.quiet = true;
    host.kernel.release = "6.1.0-99-test";
    host.headers = folder / "headers";
    host.config = folder / "headers/.config";
    host.source = folder / "source";
    host.tools = folder / "tools";
    folder.write("headers/.config", "CONFIG_X=y\n");
    folder.write("headers/Module.symvers", "0x0\tf\tvmlinux\tEXPORT_SYMBOL\n");
    folder.write("headers/include/generated/autoconf.h", "#define CONFIG_X 1\n");
    folder.write("headers/include/config/auto.conf", "CONFIG_X=y\n");
    folder.write("headers/include/linux/both.h", "of the headers\n");
    folder.write("headers/arch/x86/include/generated/a.h", "generated\n");
    folder.write("source/Makefile", "prepare:\n\techo $(KERNELRELEASE) >prepared\n");
    folder.write("source/kernel/fork.c", "fork\n");
    folder.write("source/include/linux/both.h", "of the source\n");
    folder.write("tools/scripts/mod/modpost",
                 "\x7f"
                 "ELF modpost");
    folder.write("tools/scripts/Makefile.build", "not ours to take\n");
    folder.write("tools/tools/objtool/objtool",
                 "\x7f"
                 "ELF objtool");
  }
  Result<Tree> prepare() { return prepare_tree(host, console, 1); }
  Tree made() {
    auto tree = prepare();
    EXPECT_TRUE(tree) << tree.error().message << tree.error().detail;
    return tree ? *tree : Tree{};
  }
  static std::string text(const fs::path& path) {
    std::ifstream in(path);
    EXPECT_TRUE(in) << path;
    return {std::istreambuf_iterator<char>(in), {}};
  }

  TemporaryFolder folder;
  EnvironmentVariable cache;
  Console console;
  Host host;
};

TEST_F(TreeTest, SourceHeadersAndTools) {
  const Tree tree = made();
  EXPECT_THAT(tree.folder.string(), HasSubstr("cache/splice/6.1.0-99-test-"));
  EXPECT_EQ(text(tree.source / "kernel/fork.c"), "fork\n");
  EXPECT_EQ(text(tree.source / ".config"), "CONFIG_X=y\n");
  EXPECT_EQ(text(tree.source / "include/linux/both.h"), "of the headers\n");
  EXPECT_EQ(text(tree.source / "arch/x86/include/generated/a.h"), "generated\n");
  EXPECT_EQ(text(tree.source / "scripts/mod/modpost"),
            "\x7f"
            "ELF modpost");
  EXPECT_EQ(text(tree.source / "tools/objtool/objtool"),
            "\x7f"
            "ELF objtool");
  EXPECT_FALSE(fs::exists(tree.source / "scripts/Makefile.build")) << "only programs are taken";
  EXPECT_FALSE(fs::exists(tree.source / "prepared")) << "nothing had to be built";
}

TEST_F(TreeTest, NothingLooksNewerThanTheConfiguration) {
  const Tree tree = made();
  const auto config = fs::last_write_time(tree.source / ".config");
  for (const char* name : {"include/config/auto.conf", "include/config/auto.conf.cmd",
                           "include/generated/autoconf.h"}) {
    ASSERT_TRUE(fs::exists(tree.source / name)) << name;
    EXPECT_GT(fs::last_write_time(tree.source / name), config) << name;
  }
}

TEST_F(TreeTest, IsUsedAgain) {
  const Tree first = made();
  std::ofstream(first.source / "mark") << "x";
  const Tree second = made();
  EXPECT_EQ(second.folder, first.folder);
  EXPECT_TRUE(fs::exists(second.source / "mark"));
}

TEST_F(TreeTest, IsAnotherWhenAnythingItIsMadeFromChanges) {
  std::set<fs::path> folders = {made().folder};
  const auto is_new = [&] { return folders.insert(made().folder).second; };
  folder.write("headers/.config", "CONFIG_X=y\nCONFIG_Y=y\n");
  EXPECT_TRUE(is_new());
  folder.write("headers/Module.symvers", "other\n");
  EXPECT_TRUE(is_new());
  folder.write("source/kernel/fork.c", "fork, changed\n");
  EXPECT_TRUE(is_new());
  folder.write("source/kernel/new.c", "");
  EXPECT_TRUE(is_new());
  host.kernel.version = "#2";
  EXPECT_TRUE(is_new());
  host.kernel.release = "6.1.0-98-test";
  EXPECT_TRUE(is_new());
  host.config = folder.write("own.config", "CONFIG_Z=y\n");
  EXPECT_TRUE(is_new());
  host.tools = folder / "headers";
  EXPECT_TRUE(is_new());
  EXPECT_FALSE(is_new());
}

TEST_F(TreeTest, ABuildInTheSourceDoesNotMakeItAnother) {
  const fs::path first = made().folder;
  folder.write("source/kernel/fork.o", "object");
  folder.write("source/kernel/.fork.o.cmd", "command");
  folder.write("source/.git/index", "x");
  folder.write("source/.git/objects/12/34", "x");
  EXPECT_EQ(made().folder, first);
}

TEST_F(TreeTest, ObjectsOfTheSourceStayBehindAndLinksStayLinks) {
  folder.write("source/kernel/fork.o", "object");
  folder.write("source/kernel/.fork.o.cmd", "command");
  folder.write("source/.git/index", "x");
  folder.link("source/kernel/link.c", "fork.c");
  folder.link("source/scripts/dtc/include-prefixes/x86", "../../../kernel");
  folder.link("source/dangling", "nowhere");
  const Tree tree = made();
  for (const char* name : {"kernel/fork.o", "kernel/.fork.o.cmd", ".git"})
    EXPECT_FALSE(fs::exists(tree.source / name)) << name;
  EXPECT_EQ(fs::read_symlink(tree.source / "kernel/link.c"), "fork.c");
  EXPECT_EQ(fs::read_symlink(tree.source / "scripts/dtc/include-prefixes/x86"), "../../../kernel");
  EXPECT_EQ(fs::read_symlink(tree.source / "dangling"), "nowhere");
  EXPECT_EQ(folder.read("source/kernel/fork.c"), "fork\n");
  EXPECT_FALSE(folder.has("source/.config")) << "the user's source is not changed";
  EXPECT_EQ(folder.read("source/include/linux/both.h"), "of the source\n");
}

TEST_F(TreeTest, WhatAKilledRunLeftIsReplaced) {
  const Tree tree = made();
  const fs::path part = tree.folder.string() + ".part";
  fs::rename(tree.folder, part);
  std::ofstream(part / "source/half-made") << "x";
  EXPECT_EQ(made().folder, tree.folder);
  EXPECT_FALSE(fs::exists(part));
  EXPECT_FALSE(fs::exists(tree.source / "half-made"));
}

TEST_F(TreeTest, AFailureLeavesNoTree) {
  fs::remove_all(folder / "headers/arch");
  const auto tree = prepare();
  ASSERT_FALSE(tree);
  EXPECT_EQ(tree.error().code, "tree-prepare");
  for (const auto& entry : fs::directory_iterator(folder / "cache/splice"))
    EXPECT_EQ(entry.path().extension(), ".lock") << entry.path();
}

TEST_F(TreeTest, ATarballIsUnpackedWithoutWhatIsNeverCompiled) {
  folder.write("linux-6.1/Makefile", "x\n");
  folder.write("linux-6.1/kernel/fork.c", "fork\n");
  folder.write("linux-6.1/arch/x86/x.c", "x\n");
  folder.write("linux-6.1/arch/arm/x.c", "x\n");
  folder.write("linux-6.1/tools/testing/x.c", "x\n");
  folder.write("linux-6.1/drivers/arch/arm.c", "x\n");
  host.source = folder / "source.tar.xz";
  ASSERT_EQ(
      run_program({"tar", "-cJf", host.source.string(), "linux-6.1"}, {.folder = folder.path()})
          ->status,
      0);
  const Tree tree = made();
  for (const char* name : {"Makefile", "kernel/fork.c", "arch/x86/x.c", "drivers/arch/arm.c"})
    EXPECT_TRUE(fs::exists(tree.source / name)) << name;
  for (const char* name : {"arch/arm/x.c", "tools/testing/x.c"})
    EXPECT_FALSE(fs::exists(tree.source / name)) << name;
}

TEST_F(TreeTest, ATarballThatIsNone) {
  host.source = folder.write("source.tar.xz", "text");
  const auto tree = prepare();
  ASSERT_FALSE(tree);
  EXPECT_EQ(tree.error().code, "source-unpack");
  EXPECT_EQ(tree.error().file, host.source.string());
}

TEST_F(TreeTest, WithoutReadyToolsTheyAreBuilt) {
  host.tools.clear();
  host.compiler = "gcc-12";
  EXPECT_EQ(text(made().source / "prepared"), "6.1.0-99-test\n");
  folder.write("source/Makefile", "prepare:\n\t@echo why it stops; exit 1\n");
  const auto tree = prepare();
  ASSERT_FALSE(tree);
  EXPECT_EQ(tree.error().code, "tree-prepare");
  EXPECT_THAT(tree.error().detail, HasSubstr("why it stops"));
}

TEST_F(TreeTest, ACacheThatCannotBeWritten) {
  const EnvironmentVariable nowhere("XDG_CACHE_HOME", "/proc/nothing");
  const auto tree = prepare();
  ASSERT_FALSE(tree);
  EXPECT_EQ(tree.error().code, "cache-unwritable");
  EXPECT_THAT(tree.error().advice, HasSubstr("XDG_CACHE_HOME"));
}

}  // namespace
}  // namespace splicer
