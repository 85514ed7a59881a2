// SPDX-License-Identifier: GPL-2.0-or-later
//
// From a header to the files that may include it.
#include "splice-cc/headers/include_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::vector<std::string> reached(const std::map<std::string, std::string>& files,
                                 const std::set<std::string>& from) {
  return IncludeGraph::from_texts(files).reached_from(from);
}

TEST(IncludeLines, EveryFormOfTheDirective) {
  EXPECT_THAT(
      include_lines("#include <linux/fs.h>\n  #  include\t\"a.h\"  /* x */\n#include\"b.h\""),
      ElementsAre("<linux/fs.h", "\"a.h", "\"b.h"));
  EXPECT_THAT(include_lines("int x; #include <a.h>\n#include NAME\n#include <a.h\n#define x\n"
                            "#include \"a.h\n#includes\n#include"),
              IsEmpty());
  EXPECT_THAT(include_lines("#ifdef X\n#include <a.h>\n#else\n#include <b.h>\n#endif"),
              ElementsAre("<a.h", "<b.h"));
  EXPECT_THAT(include_lines(""), IsEmpty());
}

TEST(HeaderReach, BySuffixOfThePath) {
  EXPECT_THAT(reached({{"include/linux/fs.h", ""},
                       {"include/uapi/linux/fs.h", ""},
                       {"a/x.c", "#include <linux/fs.h>\n"},
                       {"b/y.S", "#include <uapi/linux/fs.h>\n"},
                       {"c/z.c", "#include <notlinux/fs.h>\n"},
                       {"d/w.c", "#include <fs.h>\n"}},
                      {"include/linux/fs.h"}),
              UnorderedElementsAre("a/x.c", "d/w.c"));
  EXPECT_THAT(reached({{"include/xlinux/fs.h", ""}, {"a/x.c", "#include <linux/fs.h>\n"}},
                      {"include/xlinux/fs.h"}),
              IsEmpty());
}

TEST(HeaderReach, AQuotedNameMeansTheFileBeside) {
  const std::map<std::string, std::string> files = {{"a/own.h", ""},
                                                    {"b/own.h", ""},
                                                    {"a/x.c", "#include \"own.h\"\n"},
                                                    {"b/y.c", "#include \"own.h\"\n"},
                                                    {"c/z.c", "#include \"own.h\"\n"}};
  EXPECT_THAT(reached(files, {"a/own.h"}), UnorderedElementsAre("a/x.c", "c/z.c"));
  EXPECT_THAT(reached(files, {"b/own.h"}), UnorderedElementsAre("b/y.c", "c/z.c"));
}

TEST(HeaderReach, AnAngledNameDoesNotMeanTheFileBesideOnly) {
  EXPECT_THAT(
      reached({{"a/own.h", ""}, {"b/own.h", ""}, {"a/x.c", "#include <own.h>\n"}}, {"b/own.h"}),
      ElementsAre("a/x.c"));
}

TEST(HeaderReach, FromFoldersAbove) {
  EXPECT_THAT(reached({{"fs/internal.h", ""},
                       {"fs/proc/x.c", "#include \"../internal.h\"\n"},
                       {"fs/ext4/deep/y.c", "#include \"../../internal.h\"\n"},
                       {"mm/z.c", "#include \"../mm/internal.h\"\n"},
                       {"mm/internal.h", ""}},
                      {"fs/internal.h"}),
              UnorderedElementsAre("fs/proc/x.c", "fs/ext4/deep/y.c"));
  // By an -I path, not from the including file's folder.
  EXPECT_THAT(reached({{"drivers/gpu/dc/os.h", ""},
                       {"drivers/gpu/dm/x.c", "#include \"./../dc/os.h\"\n"},
                       {"drivers/other/y.c", "#include \"../dc/os.h\"\n"}},
                      {"drivers/gpu/dc/os.h"}),
              UnorderedElementsAre("drivers/gpu/dm/x.c", "drivers/other/y.c"));
}

TEST(HeaderReach, ThroughOtherHeadersAndCircles) {
  EXPECT_THAT(reached({{"include/a.h", "#include <b.h>\n"},
                       {"include/b.h", "#include <c.h>\n#include <a.h>\n"},
                       {"include/c.h", "#include <b.h>\n"},
                       {"x.c", "#include <a.h>\n"},
                       {"y.c", "#include <c.h>\n"},
                       {"z.c", ""}},
                      {"include/c.h"}),
              UnorderedElementsAre("x.c", "y.c"));
}

TEST(HeaderReach, SourceFilesThatAreIncluded) {
  EXPECT_THAT(
      reached({{"kernel/sched/core.c", ""}, {"kernel/sched/build.c", "#include \"core.c\"\n"}},
              {"kernel/sched/core.c"}),
      ElementsAre("kernel/sched/build.c"));
}

TEST(HeaderReach, ForcedIncludesReachEverything) {
  EXPECT_THAT(reached({{"include/linux/compiler_types.h", "#include <linux/attributes.h>\n"},
                       {"include/linux/attributes.h", ""},
                       {"x.c", ""},
                       {"y.S", ""},
                       {"z.h", ""}},
                      {"include/linux/attributes.h"}),
              UnorderedElementsAre("x.c", "y.S"));
}

std::set<std::string> read_by(const std::map<std::string, std::string>& files,
                              const std::set<std::string>& from) {
  return IncludeGraph::from_texts(files).read_by(from);
}

TEST(HeaderReach, ReadByASource) {
  const std::map<std::string, std::string> files = {
      {"include/a.h", "#include <b.h>\n"},
      {"include/b.h", "#include <a.h>\n#include <none.h>\n"},
      {"include/c.h", "#include <a.h>\n"},
      {"x.c", "#include <a.h>\n"},
      {"y.c", "#include \"x.c\"\n#include <c.h>\n"},
      {"z.S", ""}};
  EXPECT_THAT(read_by(files, {"x.c"}), ElementsAre("include/a.h", "include/b.h", "x.c"));
  EXPECT_THAT(read_by(files, {"y.c"}),
              ElementsAre("include/a.h", "include/b.h", "include/c.h", "x.c", "y.c"));
  EXPECT_THAT(read_by(files, {"z.S", "include/c.h"}),
              ElementsAre("include/a.h", "include/b.h", "include/c.h", "z.S"));
  EXPECT_THAT(read_by(files, {}), IsEmpty());
  EXPECT_THAT(read_by(files, {"unknown.c"}), IsEmpty());
}

TEST(HeaderReach, ReadByTheSuffixOfAPath) {
  const std::map<std::string, std::string> files = {
      {"include/linux/fs.h", ""},
      {"include/uapi/linux/fs.h", ""},
      {"include/xlinux/fs.h", ""},
      {"a/own.h", ""},
      {"b/own.h", ""},
      {"a/x.c", "#include <linux/fs.h>\n#include \"own.h\"\n"},
      {"c/y.c", "#include \"own.h\"\n#include \"../b/own.h\"\n"},
      {"d/z.c", "#include \"./../b/own.h\"\n"}};
  EXPECT_THAT(read_by(files, {"a/x.c"}),
              ElementsAre("a/own.h", "a/x.c", "include/linux/fs.h", "include/uapi/linux/fs.h"));
  EXPECT_THAT(read_by(files, {"c/y.c"}), ElementsAre("a/own.h", "b/own.h", "c/y.c"));
  EXPECT_THAT(read_by(files, {"d/z.c"}), ElementsAre("b/own.h", "d/z.c"));
}

// What reads a file is what the file is read by.
TEST(HeaderReach, BothWaysAgree) {
  const std::map<std::string, std::string> files = {
      {"include/linux/compiler_types.h", "#include <linux/attributes.h>\n"},
      {"include/linux/attributes.h", ""},
      {"include/a.h", "#include \"sub/b.h\"\n"},
      {"include/sub/b.h", "#include \"../a.h\"\n#include \"c.h\"\n"},
      {"include/c.h", ""},
      {"x.c", "#include <a.h>\n"},
      {"sub/y.c", "#include \"b.h\"\n"},
      {"z.S", ""}};
  const IncludeGraph graph = IncludeGraph::from_texts(files);
  for (const auto& [header, text] : files) {
    const std::vector<std::string> sources = graph.reached_from({header});
    for (const std::string source : {"x.c", "sub/y.c", "z.S"}) {
      if (source == header) continue;
      EXPECT_EQ(std::count(sources.begin(), sources.end(), source) == 1,
                graph.read_by({source}).contains(header))
          << header << " " << source;
    }
  }
}

TEST(HeaderReach, ReadWithoutAnIncludeLine) {
  const std::map<std::string, std::string> files = {
      {"include/linux/kconfig.h", "#include <generated/autoconf.h>\n"},
      {"include/generated/autoconf.h", ""},
      {"include/other.h", ""},
      {"x.c", ""}};
  EXPECT_THAT(read_by(files, {"x.c"}),
              ElementsAre("include/generated/autoconf.h", "include/linux/kconfig.h", "x.c"));
  EXPECT_THAT(
      IncludeGraph::from_texts(files).included(
          {"include/generated/autoconf.h", "include/linux/kconfig.h", "include/other.h", "x.c"}),
      ElementsAre("include/generated/autoconf.h", "include/linux/kconfig.h"));
}

TEST(HeaderReach, Included) {
  const IncludeGraph graph = IncludeGraph::from_texts({{"a/own.h", ""},
                                                       {"b/own.h", ""},
                                                       {"a/x.c", "#include \"own.h\"\n"},
                                                       {"a/y.c", "#include \"x.c\"\n"}});
  EXPECT_THAT(graph.included({"a/own.h", "b/own.h", "a/x.c", "a/y.c", "unknown.h"}),
              ElementsAre("a/own.h", "a/x.c"));
  EXPECT_THAT(graph.included({"b/own.h"}), IsEmpty());
  EXPECT_THAT(graph.included({}), IsEmpty());
}

TEST(HeaderReach, OfAFileThatNobodyIncludes) {
  EXPECT_THAT(reached({{"include/a.h", ""}, {"x.c", "#include <b.h>\n"}}, {"include/a.h"}),
              IsEmpty());
  EXPECT_THAT(reached({}, {"include/a.h"}), IsEmpty());
}

TEST(HeaderReach, Example) {
  const TemporaryFolder folder;
  Tree tree;
  tree.source = folder / "source";
  tree.store = folder / "store";
  folder.write("source/include/linux/time_namespace.h", "");
  folder.write("source/fs/proc/namespaces.c", "#include <linux/time_namespace.h>\n");
  // [example splice-cc/headers/include_graph.h]
  auto graph = IncludeGraph::of(tree);
  auto files = graph->reached_from({"include/linux/time_namespace.h"});
  // [end]
  EXPECT_THAT(files, ElementsAre("fs/proc/namespaces.c"));
}

TEST(HeaderReach, ReadsATreeOnce) {
  const TemporaryFolder folder;
  Tree tree;
  tree.source = folder / "source";
  tree.store = folder / "store";
  folder.write("source/include/linux/a.h", "#include \"b.h\"\n");
  folder.write("source/include/linux/b.h", "");
  folder.write("source/kernel/x.c", "#include <linux/a.h>\n");
  folder.write("source/kernel/text.txt", "#include <linux/a.h>\n");
  for (int time = 0; time < 2; ++time) {
    const auto graph = IncludeGraph::of(tree);
    ASSERT_TRUE(graph) << graph.error().message;
    EXPECT_THAT(graph->reached_from({"include/linux/b.h"}), ElementsAre("kernel/x.c"));
    std::filesystem::remove_all(folder / "source");  // the second time from the store
  }
}

TEST(HeaderReach, HalfATreeIsNotKept) {
  const TemporaryFolder folder;
  Tree tree;
  tree.source = folder / "source";
  tree.store = folder / "store";
  EXPECT_EQ(IncludeGraph::of(tree).error().code, "file-unreadable");
  EXPECT_FALSE(folder.has("store/includes"));
}

}  // namespace
}  // namespace splicer
