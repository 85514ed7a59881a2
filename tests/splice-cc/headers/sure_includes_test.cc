// SPDX-License-Identifier: GPL-2.0-or-later
//
// What is surely read, and what only may be.
#include "splice-cc/headers/sure_includes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace splicer {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<std::string> sure(std::string_view text) { return sure_includes(text).includes; }

TEST(SureIncludes, UnderNoCondition) {
  EXPECT_THAT(sure("#include <a.h>\n#ifdef X\n#include <b.h>\n#else\n#include <c.h>\n#endif\n"
                   "int x;\n#include \"d.h\"\n/*\n#include <e.h>\n*/\n#include NAME\n"),
              ElementsAre("<a.h", "\"d.h"));
}

TEST(SureIncludes, AGuardIsNoCondition) {
  const std::string text = "/* x */\n#ifndef G\n#define G\n#include <a.h>\n#endif /* G */\n";
  EXPECT_THAT(sure(text), ElementsAre("<a.h"));
  EXPECT_TRUE(sure_includes(text).once);
  EXPECT_TRUE(sure_includes("#pragma once\nint x;\n").once);
  for (const char* other : {"#ifndef G\n#define H\n#include <a.h>\n#endif\n",
                            "#ifdef G\n#define G\n#include <a.h>\n#endif\n",
                            "int x;\n#ifndef G\n#define G\n#include <a.h>\n#endif\n",
                            "#if !defined(G)\n#define G\n#include <a.h>\n#endif\n",
                            "#ifndef G\nint x;\n#define G\n#include <a.h>\n#endif\n",
                            "#ifndef G\n#define G\n#else\n#include <a.h>\n#endif\n"}) {
    EXPECT_THAT(sure(other), IsEmpty()) << other;
    EXPECT_FALSE(sure_includes(other).once) << other;
  }
  // With anything behind it, or an #else, the text says something the second time as well.
  EXPECT_FALSE(sure_includes(text + "int x;\n").once);
  EXPECT_FALSE(sure_includes(text + "#include <b.h>\n").once);
  EXPECT_FALSE(sure_includes("#ifndef G\n#define G\nint x;\n#else\nint y;\n#endif\n").once);
  EXPECT_FALSE(sure_includes("int x;\n").once);
}

TEST(SureIncludes, OnlySoManyLines) {
  const std::string text =
      "#include <a.h>\n#ifdef X\n#include <b.h>\n#endif\n#include N\n#include <c.h>\n";
  EXPECT_THAT(sure_includes(text, 0).includes, IsEmpty());
  EXPECT_THAT(sure_includes(text, 3).includes, ElementsAre("<a.h"));
  EXPECT_THAT(sure_includes(text, 4).includes, ElementsAre("<a.h", "<c.h"));
}

TEST(SureIncludes, BeforeTheFirstCode) {
  EXPECT_EQ(
      sure_includes("#define pr_fmt(x) x\n#include <a.h>\n#include <b.h>\nint x;\n#include <c.h>\n")
          .leading,
      2U);
  EXPECT_EQ(sure_includes("#include <a.h>\n#ifdef X\n#endif\n#include <b.h>\n").leading, 1U);
  EXPECT_EQ(sure_includes("#ifndef G\n#define G\n#include <a.h>\n#endif\n").leading, 1U);
}

TEST(SureReads, FromFileToFile) {
  const std::map<std::string, std::string> files = {
      {"include/a.h", "#include <b.h>\n#include \"c.h\"\n"},
      {"include/b.h", "#include <a.h>\n#ifdef X\n#include <d.h>\n#endif\n"},
      {"include/c.h", ""},
      {"include/d.h", ""},
      {"include/linux/kconfig.h", "#include <generated/autoconf.h>\n"},
      {"include/generated/autoconf.h", ""},
      {"include/uapi/linux/e.h", ""},
      {"include/linux/e.h", ""},
      {"drivers/own/f.h", ""},
      {"x.c", "#include <a.h>\nint x;\n#include <linux/e.h>\n#include <own/f.h>\n"}};
  const IncludeGraph graph = IncludeGraph::from_texts(files);
  const ReadSource read = [&](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  };
  const std::map<std::string, std::string> changed = {{"include/a.h", "#include <c.h>\n"}};
  const std::map<std::string, std::string> none;
  SureReads reads(graph, read, none);
  EXPECT_THAT(reads.of("x.c"), Contains("include/c.h"));
  EXPECT_THAT(reads.of("x.c"), Contains("include/b.h"));
  EXPECT_THAT(reads.of("x.c"), Contains("include/generated/autoconf.h"));
  EXPECT_THAT(reads.of("x.c"), Not(Contains("include/d.h"))) << "under a condition";
  EXPECT_THAT(reads.of("x.c"), Contains("include/linux/e.h")) << "include/ is before include/uapi/";
  EXPECT_THAT(reads.of("x.c"), Not(Contains("include/uapi/linux/e.h")));
  EXPECT_THAT(reads.of("x.c"), Not(Contains("drivers/own/f.h"))) << "another one may be before it";
  EXPECT_THAT(reads.before_code_of("x.c"), Contains("include/c.h"));
  EXPECT_THAT(reads.before_code_of("x.c"), Not(Contains("include/linux/e.h")));
  EXPECT_THAT(reads.above("x.c", files.at("x.c"), 1), Contains("include/c.h"));
  EXPECT_THAT(reads.above("x.c", files.at("x.c"), 1), Not(Contains("include/linux/e.h")));
  // Only what both versions of a file say.
  SureReads both(graph, read, changed);
  EXPECT_THAT(both.of("x.c"), Not(Contains("include/b.h")));
  EXPECT_THAT(both.of("x.c"), Contains("include/c.h"));
}

}  // namespace
}  // namespace splicer
