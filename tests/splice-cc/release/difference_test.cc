// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/release/difference.h"

#include <gmock/gmock.h>

#include "splice-cc/source/process.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Difference : public ::testing::Test {
 protected:
  Difference() {
    for (const char* path : {"cache/6.1-1/source/", "older/linux/"}) {
      const std::string at = path;
      folder.write(at + "kernel/fork.c", "int a;\nint fork(void)\n{\n\treturn 1;\n}\n");
      folder.write(at + "kernel/same.c", "int b;\n");
      folder.write(at + "kernel/gone.c", "int c;\n");
      folder.write(at + "kernel/Makefile", "obj-y += fork.o\n");
      folder.write(at + "arch/arm/mm/x.c", "int d;\n");
    }
    tree.folder = folder.path() / "cache/6.1-1";
    tree.source = tree.folder / "source";
    tree.store = tree.folder / "store";
    folder.write("newer/linux/kernel/fork.c", "int a;\nint fork(void)\n{\n\treturn 2;\n}\n");
    folder.write("newer/linux/kernel/same.c", "int b;\n");
    folder.write("newer/linux/kernel/Makefile", "obj-y += fork.o new.o\n");
    folder.write("newer/linux/include/linux/new.h", "int e;\n");
    folder.write("newer/linux/arch/arm/mm/x.c", "int changed;\n");
  }
  std::filesystem::path pack(const std::string& name) {
    const auto tar = folder.path() / (name + ".tar.xz");
    const auto run =
        run_program({"tar", "-C", (folder.path() / name).string(), "-cJf", tar.string(), "linux"});
    EXPECT_TRUE(run && run->status == 0);
    return tar;
  }
  Result<ReleaseDifference> difference(const std::filesystem::path& newer) {
    return release_difference(tree, folder.path() / "older/linux", newer, folder.path() / "scratch",
                              "linux 6.1-1 to 6.1-2", Console());
  }

  TemporaryFolder folder;
  Tree tree;
};

TEST_F(Difference, IsAPatchOfWhatAnX86KernelIsBuiltFrom) {
  const auto found = difference(pack("newer"));
  ASSERT_TRUE(found) << found.error().message << found.error().detail;
  EXPECT_EQ(found->patch.title, "linux 6.1-1 to 6.1-2");
  ASSERT_THAT(found->patch.files, SizeIs(2));
  EXPECT_EQ(found->patch.files[0].path, "include/linux/new.h");
  EXPECT_TRUE(found->patch.files[0].added);
  EXPECT_EQ(found->patch.files[1].path, "kernel/fork.c");
  EXPECT_THAT(found->patch.files[1].text, HasSubstr("-\treturn 1;\n+\treturn 2;\n"));
  EXPECT_THAT(found->patch.prose, IsEmpty());
  EXPECT_THAT(found->other, ElementsAre("kernel/Makefile"));
  EXPECT_THAT(found->gone, ElementsAre("kernel/gone.c"));
}

TEST_F(Difference, IsTheSameFromTheCache) {
  const auto newer = pack("newer");
  const auto first = difference(newer);
  folder.write("cache/6.1-1/source/kernel/fork.c", "it is not compared again\n");
  const auto second = difference(newer);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->patch.text, second->patch.text);
  EXPECT_EQ(first->gone, second->gone);
}

TEST_F(Difference, OfATarballOfTheOlderSourceIsTheSame) {
  const auto older = pack("older");
  const auto newer = pack("newer");
  const auto found =
      release_difference(tree, older, newer, folder.path() / "scratch", "t", Console());
  ASSERT_TRUE(found);
  EXPECT_THAT(found->gone, ElementsAre("kernel/gone.c"));
}

TEST_F(Difference, RefusesWhatIsNoSource) {
  folder.write("bad.tar.xz", "no tarball");
  folder.write("empty/linux/README.rst", "text");
  for (const auto& newer : {folder.path() / "bad.tar.xz", pack("empty"), folder.path() / "none"}) {
    const auto found = difference(newer);
    ASSERT_FALSE(found) << newer;
    EXPECT_EQ(found.error().code, "release-source");
  }
}

}  // namespace
}  // namespace splicer
