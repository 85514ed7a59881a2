// SPDX-License-Identifier: GPL-2.0-or-later
//
// Overlays: patched files are copies, the rest is linked, and nothing reaches the tree through a link.
#include "splice-cc/build/overlay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "splice-cc/build/kbuild.h"
#include "splice-cc/source/patch_set.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

namespace fs = std::filesystem;

// Compiled only.
[[maybe_unused]] bool example(const Tree& tree, const fs::path& folder,
                              const std::set<std::string>& files, const PatchSet& patches,
                              const fs::path& scratch, const Kbuild& kbuild, const Unit& unit) {
  std::vector<Finding> findings;
  // [example splice-cc/build/overlay.h]
  auto overlay = Overlay::make(tree, folder, files);  // symbolic links into the tree
  auto applied = patches.apply(overlay->folder(), scratch, &findings);  // to copies
  auto compiled = kbuild.compile(unit, overlay->folder());
  // [end]
  return applied && compiled;
}

class OverlayTest : public ::testing::Test {
 protected:
  OverlayTest() {
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
  Overlay make(const std::set<std::string>& files) {
    auto overlay = Overlay::make(tree, folder / "overlay", files);
    EXPECT_TRUE(overlay) << overlay.error().message;
    return std::move(*overlay);
  }
  bool is_link(const std::string& path) const {
    return fs::is_symlink(folder / ("overlay/" + path));
  }

  TemporaryFolder folder;
  Tree tree;
};

TEST_F(OverlayTest, CopiesWhatIsPatchedAndLinksTheRest) {
  const Overlay overlay = make({"kernel/fork.c"});
  EXPECT_EQ(overlay.folder(), folder / "overlay");
  EXPECT_FALSE(is_link("kernel"));
  EXPECT_FALSE(is_link("kernel/fork.c"));
  EXPECT_EQ(folder.read("overlay/kernel/fork.c"), "fork\n");
  EXPECT_TRUE(is_link("kernel/exit.c"));
  EXPECT_TRUE(is_link("kernel/sched"));
  EXPECT_TRUE(is_link("include"));
  EXPECT_TRUE(is_link("Makefile"));
  EXPECT_FALSE(folder.has("overlay/kernel/fork.o")) << "a compile would write through it";
  EXPECT_FALSE(folder.has("overlay/kernel/.fork.o.cmd"));
  folder.write("overlay/kernel/fork.c", "patched\n");
  EXPECT_EQ(folder.read("tree/source/kernel/fork.c"), "fork\n");
}

TEST_F(OverlayTest, ACopyCanBeWrittenEvenIfTheSourceCannot) {
  fs::permissions(tree.source / "kernel/fork.c", fs::perms::owner_read);
  make({"kernel/fork.c"});
  EXPECT_NE(fs::status(folder / "overlay/kernel/fork.c").permissions() & fs::perms::owner_write,
            fs::perms::none);
}

TEST_F(OverlayTest, AFileThatThePatchAdds) {
  make({"kernel/new/deep/file.c", "kernel/sched/new.c"});
  EXPECT_TRUE(fs::is_directory(folder / "overlay/kernel/new/deep"));
  EXPECT_FALSE(folder.has("overlay/kernel/new/deep/file.c"));
  EXPECT_FALSE(is_link("kernel/sched"));
  EXPECT_TRUE(is_link("kernel/sched/core.c"));
  folder.write("overlay/kernel/sched/new.c", "new\n");
  EXPECT_FALSE(folder.has("tree/source/kernel/sched/new.c"));
}

TEST_F(OverlayTest, AFileAtTheTop) {
  make({"Makefile"});
  EXPECT_FALSE(is_link("Makefile"));
  EXPECT_TRUE(is_link("kernel"));
}

TEST_F(OverlayTest, OpeningAFolderKeepsWhatIsReal) {
  Overlay overlay = make({"kernel/fork.c"});
  folder.write("overlay/kernel/fork.c", "patched\n");
  ASSERT_TRUE(overlay.open_folder("kernel"));
  ASSERT_TRUE(overlay.open_folder("kernel/sched"));
  EXPECT_EQ(folder.read("overlay/kernel/fork.c"), "patched\n");
  EXPECT_TRUE(is_link("kernel/sched/core.c"));
}

TEST_F(OverlayTest, CheckPassesACompileThatSawThePatchedFiles) {
  Overlay overlay = make({"kernel/internal.h"});
  const auto right = overlay.check({"kernel/fork.c", "kernel/internal.h", "include/linux/fs.h",
                                    "/usr/include/stdio.h", "no/such/file.h"});
  ASSERT_TRUE(right);
  EXPECT_TRUE(*right);
}

TEST_F(OverlayTest, CheckOpensFoldersUntilTheFileIsThePatchedOne) {
  Overlay overlay = make({"kernel/internal.h"});
  folder.write("overlay/kernel/internal.h", "patched\n");
  // From inside a linked folder, ../ leads back into the tree.
  EXPECT_EQ(folder.read("overlay/kernel/sched/../internal.h"), "internal\n");
  const auto wrong = overlay.check({"kernel/sched/core.c", "kernel/sched/../internal.h"});
  ASSERT_TRUE(wrong);
  EXPECT_FALSE(*wrong);
  EXPECT_FALSE(is_link("kernel/sched"));
  EXPECT_EQ(folder.read("overlay/kernel/sched/../internal.h"), "patched\n");
  EXPECT_TRUE(*overlay.check({"kernel/sched/core.c", "kernel/sched/../internal.h"}));
}

TEST_F(OverlayTest, CheckNeverPromisesWhatItCannotDo) {
  // Another name of the same file in the tree: no folder can be opened to make it the patched one.
  folder.link("tree/source/include/link.h", "../kernel/internal.h");
  Overlay overlay = make({"kernel/internal.h"});
  const auto right = overlay.check({"include/link.h"});
  ASSERT_FALSE(right) << "a compile would be repeated for ever";
  EXPECT_EQ(right.error().code, "patched-file-linked");
  EXPECT_EQ(right.error().file, "include/link.h");
}

TEST_F(OverlayTest, WhereNothingCanBeWritten) {
  const auto overlay = Overlay::make(tree, "/proc/nothing", {});
  ASSERT_FALSE(overlay);
  EXPECT_EQ(overlay.error().code, "scratch-unwritable");
}

}  // namespace
}  // namespace splicer
