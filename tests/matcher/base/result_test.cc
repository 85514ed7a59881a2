// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/base/result.h"

#include <gtest/gtest.h>

#include <string>

namespace splicer {
namespace {

struct Manifest {
  int schema = 0;
};

Result<Manifest> read_manifest(int bytes) {
  if (bytes == 0) return fail(ExitCode::bad_package, "package-manifest", "there is no manifest");
  return Manifest{bytes};
}

Result<std::string> example(int bytes) {
  // [example matcher/base/result.h]
  Result<Manifest> m = read_manifest(bytes);
  if (!m) return propagate(m);  // pass it upwards unchanged
  return fail(ExitCode::bad_package, "manifest-schema", "manifest has schema 9, expected 1")
      .at_file("update.tar")
      .hint("use the splice-apply of the release that made it");
  // [end]
}

TEST(Result, AnErrorIsHandedOnUnchanged) {
  EXPECT_EQ(example(0).error().code, "package-manifest");
  EXPECT_EQ(example(0).error().message, "there is no manifest");
  EXPECT_EQ(example(0).error().exit, ExitCode::bad_package);
}

TEST(Result, AnErrorSaysWhatWhereAndWhatToDo) {
  const auto result = example(9);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "manifest-schema");
  EXPECT_EQ(result.error().file, "update.tar");
  EXPECT_EQ(result.error().advice, "use the splice-apply of the release that made it");
}

}  // namespace
}  // namespace splicer
