// SPDX-License-Identifier: GPL-2.0-or-later
//
// What kbuild, fixdep and gcc write beside an object, read back.
#include "splice-cc/build/saved_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(SavedCommand, OfBothSpellings) {
  EXPECT_EQ(saved_command("cmd_a/b.o := gcc -c a/b.c\n", "a/b.o"), "gcc -c a/b.c");
  EXPECT_EQ(saved_command("savedcmd_a/b.o := gcc -c a/b.c\n\nsource_a/b.o := a/b.c\n", "a/b.o"),
            "gcc -c a/b.c");
  EXPECT_EQ(saved_command("cmd_a/b.o := gcc\n", "a/c.o"), "");
}

TEST(SavedCommand, AsTheShellReadsIt) {
  EXPECT_EQ(saved_command("cmd_x.o := gcc -DA='\"$(pound)$$\"' x.c ; objtool x.o\n", "x.o"),
            "gcc -DA='\"#$\"' x.c ; objtool x.o");
}

TEST(SavedCommand, DependenciesOverSeveralLines) {
  const std::string text =
      "cmd_x.o := gcc\n\ndeps_x.o := \\\n  include/linux/../linux/a.h \\\n"
      "    $(wildcard include/config/SMP) \\\n  kernel/b.h \\\n\nx.o: $(deps_x.o)\n";
  EXPECT_THAT(dependency_paths(saved_dependencies(text, "x.o")),
              ElementsAre("include/linux/a.h", "kernel/b.h"));
  EXPECT_THAT(dependency_paths(saved_dependencies(text, "y.o")), IsEmpty());
}

TEST(SavedCommand, TheCompilersOwnDependencyFile) {
  EXPECT_THAT(paths_in_dependency_file("a/x.o: a/x.c \\\n include/a.h \\\n a/../b.h\n"),
              ElementsAre("a/x.c", "include/a.h", "a/../b.h"));
  EXPECT_THAT(paths_in_dependency_file(""), IsEmpty());
}

TEST(SavedCommand, FilesAreBesideTheObject) {
  EXPECT_EQ(beside("kernel/fork.o", ".cmd"), "kernel/.fork.o.cmd");
  EXPECT_EQ(beside("top.o", ".d"), ".top.o.d");
}

}  // namespace
}  // namespace splicer
