// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a source may include when it is parsed here.
#include "splice-cc/semantics/readable_files.h"

#include <gtest/gtest.h>

#include "splice-cc/semantics/clang_unit.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

class ReadableFilesTest : public ::testing::Test {
 protected:
  // The first error of a file that includes this.
  std::string error_of(const std::string& included) const {
    overlay_.write("unit.c", "#include \"" + included + "\"\nint b;\n");
    return with_syntax_tree({overlay_.path(), "unit.c", {}, {tree_.path()}},
                            [](clang::ASTContext&) {})
        .value_or("");
  }
  TemporaryFolder tree_;
  TemporaryFolder overlay_;
  TemporaryFolder other_;
};

TEST_F(ReadableFilesTest, InTheFolders) {
  tree_.write("include/a.h", "int a;");
  overlay_.write("own.h", "int a;");
  std::filesystem::create_symlink(tree_.path() / "include/a.h", overlay_.path() / "link.h");
  EXPECT_EQ(error_of("own.h"), "");
  EXPECT_EQ(error_of("link.h"), "");
  EXPECT_EQ(error_of(tree_.path() / "include/a.h"), "");
  EXPECT_EQ(error_of(tree_.path() / "include/../include/a.h"), "");
}

TEST_F(ReadableFilesTest, NotOutside) {
  other_.write("secret", "int a;");
  std::filesystem::create_symlink(other_.path() / "secret", overlay_.path() / "secret.h");
  std::filesystem::create_symlink("/dev/zero", overlay_.path() / "zero.h");
  EXPECT_NE(error_of(other_.path() / "secret"), "");
  EXPECT_NE(error_of("secret.h"), "");
  EXPECT_NE(error_of("zero.h"), "");
  EXPECT_NE(error_of("/dev/zero"), "");
  EXPECT_NE(error_of("/etc/passwd"), "");
}

}  // namespace
}  // namespace splicer
