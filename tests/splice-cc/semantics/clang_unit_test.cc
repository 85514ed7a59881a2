// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/clang_unit.h"

#include <gmock/gmock.h>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ClangUnit, OptionsThatSayWhatTheSourceMeans) {
  EXPECT_THAT(
      clang_options("gcc-12 -Wp,-MMD,fs/.a.o.d -nostdinc -I./include -I ./other -include "
                    "./include/k.h -DNAME='\"a b\"' -D X=1 -std=gnu11 -mindirect-branch=thunk "
                    "-fconserve-stack -O2 -Wall -c -o fs/a.o fs/a.c ; ./objtool -DX fs/a.o"),
      ElementsAre("-nostdinc", "-I./include", "-I", "./other", "-include", "./include/k.h",
                  "-DNAME=\"a b\"", "-D", "X=1", "-std=gnu11"));
}

TEST(ClangUnit, FirstErrorIsGiven) {
  const TemporaryFolder folder;
  folder.write("a.c", "int x;\nnonsense here;\nmore nonsense;\n");
  bool used = false;
  const auto error =
      with_syntax_tree({folder.path(), "a.c", {}}, [&used](clang::ASTContext&) { used = true; });
  ASSERT_TRUE(error);
  EXPECT_THAT(*error, HasSubstr("a.c:2: unknown type name 'nonsense'"));
  EXPECT_FALSE(used);
}

TEST(ClangUnit, MissingFileIsAnError) {
  const TemporaryFolder folder;
  EXPECT_TRUE(with_syntax_tree({folder.path(), "none.c", {}}, [](clang::ASTContext&) {}));
  EXPECT_TRUE(with_syntax_tree({folder.path() / "none", "a.c", {}}, [](clang::ASTContext&) {}));
}

}  // namespace
}  // namespace splicer
