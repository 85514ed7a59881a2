// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/top_level.h"

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "splice-cc/headers/c_scanner.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> constructs(const std::string& text) {
  std::vector<std::string> found;
  for (const Construct& one : top_level(text))
    found.push_back(fmt::format("{}-{} {}", one.first, one.last, trimmed(one.head)));
  return found;
}

TEST(TopLevel, FunctionsStructuresTablesAndDeclarations) {
  EXPECT_THAT(
      constructs("/* } */\n"
                 "static int limit(void)\n"
                 "{\n"
                 "\tif (max) { return '}'; }\n"
                 "\treturn 0;\n"
                 "}\n"
                 "EXPORT_SYMBOL(limit);\n"
                 "\n"
                 "struct task {\n"
                 "\tint n;\n"
                 "};\n"
                 "int f(int a,\n"
                 "      int b);\n"
                 "static const int t[] = { 1, 2 };\n"),
      ElementsAre("2-6 static int limit(void)", "7-7 EXPORT_SYMBOL(limit);", "9-11 struct task",
                  "12-13 int f(int a,  int b);", "14-14 static const int t[] ="));
}

TEST(TopLevel, Macros) {
  EXPECT_THAT(constructs("#include <a.h>\n"
                         "#define SET(x) do { \\\n"
                         "\tx = 1; \\\n"
                         "} while (0)\n"
                         "int a;\n"),
              ElementsAre("2-4 define SET(x) do {  \tx = 1;  } while (0)", "5-5 int a;"));
}

TEST(TopLevel, BracesThatAreOpenedInEitherBranch) {
  EXPECT_THAT(constructs("#ifdef A\n"
                         "int f(int a) {\n"
                         "#else\n"
                         "int f(void) {\n"
                         "#endif\n"
                         "\treturn 0;\n"
                         "}\n"
                         "int g(void) { return 1; }\n"),
              ElementsAre("2-7 int f(int a)", "8-8 int g(void)"));
}

TEST(TopLevel, WhatDoesNotEnd) {
  EXPECT_THAT(constructs("int f(void) {\n\tif (1) {\n"), ElementsAre("1-3 int f(void)"));
  EXPECT_THAT(constructs("} } ;\n#endif\n#else\nint a;\n"), ::testing::SizeIs(3));
  EXPECT_THAT(constructs(""), ElementsAre());
}

}  // namespace
}  // namespace splicer
