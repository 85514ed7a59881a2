// SPDX-License-Identifier: GPL-2.0-or-later
//
// Views: patched files are copies, the rest is linked, and nothing reaches the tree through a link.
#include "splice-cc/build/overlay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

namespace fs = std::filesystem;

class ViewTest : public ::testing::Test {
 protected:
  ViewTest() {
    tree.source = folder / "tree/source";
    folder.write("tree/source/kernel/fork.c", "fork\n");
    folder.write("tree/source/kernel/exit.c", "exit\n");
    folder.write("tree/source/kernel/sched/core.c", "core\n");
    folder.write("tree/source/kernel/fork.o", "object\n");
    folder.write("tree/source/kernel/.fork.o.cmd", "command\n");
    folder.write("tree/source/kernel/internal.h", "internal\n");
    folder.write("tree/source/include/linux/fs.h", "fs\n");
    folder.write("tree/source/Makefile", "make\n");
  }
  View make(const std::set<std::string>& files) {
    auto view = View::make(tree, folder / "view", files);
    EXPECT_TRUE(view) << view.error().message;
    return std::move(*view);
  }
  bool is_link(const std::string& path) const { return fs::is_symlink(folder / ("view/" + path)); }

  TemporaryFolder folder;
  Tree tree;
};

TEST_F(ViewTest, CopiesWhatIsPatchedAndLinksTheRest) {
  const View view = make({"kernel/fork.c"});
  EXPECT_EQ(view.folder(), folder / "view");
  EXPECT_FALSE(is_link("kernel"));
  EXPECT_FALSE(is_link("kernel/fork.c"));
  EXPECT_EQ(folder.read("view/kernel/fork.c"), "fork\n");
  EXPECT_TRUE(is_link("kernel/exit.c"));
  EXPECT_TRUE(is_link("kernel/sched"));
  EXPECT_TRUE(is_link("include"));
  EXPECT_TRUE(is_link("Makefile"));
  EXPECT_FALSE(folder.has("view/kernel/fork.o")) << "a compile would write through it";
  EXPECT_FALSE(folder.has("view/kernel/.fork.o.cmd"));
  folder.write("view/kernel/fork.c", "patched\n");
  EXPECT_EQ(folder.read("tree/source/kernel/fork.c"), "fork\n");
}

TEST_F(ViewTest, ACopyCanBeWrittenEvenIfTheSourceCannot) {
  fs::permissions(tree.source / "kernel/fork.c", fs::perms::owner_read);
  make({"kernel/fork.c"});
  EXPECT_NE(fs::status(folder / "view/kernel/fork.c").permissions() & fs::perms::owner_write,
            fs::perms::none);
}

TEST_F(ViewTest, AFileThatThePatchAdds) {
  make({"kernel/new/deep/file.c", "kernel/sched/new.c"});
  EXPECT_TRUE(fs::is_directory(folder / "view/kernel/new/deep"));
  EXPECT_FALSE(folder.has("view/kernel/new/deep/file.c"));
  EXPECT_FALSE(is_link("kernel/sched"));
  EXPECT_TRUE(is_link("kernel/sched/core.c"));
  folder.write("view/kernel/sched/new.c", "new\n");
  EXPECT_FALSE(folder.has("tree/source/kernel/sched/new.c"));
}

TEST_F(ViewTest, AFileAtTheTop) {
  make({"Makefile"});
  EXPECT_FALSE(is_link("Makefile"));
  EXPECT_TRUE(is_link("kernel"));
}

TEST_F(ViewTest, OpeningAFolderKeepsWhatIsReal) {
  View view = make({"kernel/fork.c"});
  folder.write("view/kernel/fork.c", "patched\n");
  ASSERT_TRUE(view.open_folder("kernel"));
  ASSERT_TRUE(view.open_folder("kernel/sched"));
  EXPECT_EQ(folder.read("view/kernel/fork.c"), "patched\n");
  EXPECT_TRUE(is_link("kernel/sched/core.c"));
}

TEST_F(ViewTest, CheckPassesACompileThatSawThePatchedFiles) {
  View view = make({"kernel/internal.h"});
  const auto right = view.check({"kernel/fork.c", "kernel/internal.h", "include/linux/fs.h",
                                 "/usr/include/stdio.h", "no/such/file.h"});
  ASSERT_TRUE(right);
  EXPECT_TRUE(*right);
}

TEST_F(ViewTest, CheckOpensFoldersUntilTheFileIsThePatchedOne) {
  View view = make({"kernel/internal.h"});
  folder.write("view/kernel/internal.h", "patched\n");
  // From inside a linked folder, ../ leads back into the tree.
  EXPECT_EQ(folder.read("view/kernel/sched/../internal.h"), "internal\n");
  const auto wrong = view.check({"kernel/sched/core.c", "kernel/sched/../internal.h"});
  ASSERT_TRUE(wrong);
  EXPECT_FALSE(*wrong);
  EXPECT_FALSE(is_link("kernel/sched"));
  EXPECT_EQ(folder.read("view/kernel/sched/../internal.h"), "patched\n");
  EXPECT_TRUE(*view.check({"kernel/sched/core.c", "kernel/sched/../internal.h"}));
}

TEST_F(ViewTest, CheckNeverPromisesWhatItCannotDo) {
  // Another name of the same file in the tree: no folder can be opened to make it the patched one.
  folder.link("tree/source/include/link.h", "../kernel/internal.h");
  View view = make({"kernel/internal.h"});
  const auto right = view.check({"include/link.h"});
  ASSERT_FALSE(right) << "a compile would be repeated for ever";
  EXPECT_EQ(right.error().code, "patched-file-linked");
  EXPECT_EQ(right.error().file, "include/link.h");
}

TEST_F(ViewTest, WhereNothingCanBeWritten) {
  const auto view = View::make(tree, "/proc/nothing", {});
  ASSERT_FALSE(view);
  EXPECT_EQ(view.error().code, "scratch-unwritable");
}

}  // namespace
}  // namespace splicer
