// SPDX-License-Identifier: GPL-2.0-or-later
//
// An #include line that comes, goes or moves, in made-up trees.
#include "splice-cc/headers/new_includes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "splice-cc/headers/name_search.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

using Files = std::map<std::string, std::string>;
using Paths = std::set<std::string>;

std::string guarded(const std::string& name, const std::string& text) {
  return "#ifndef " + name + "\n#define " + name + "\n" + text + "#endif\n";
}

// The sources that a new text of include/h.h may concern.
Paths reached(const Files& files, const std::string& after) {
  IncludeGraph graph = IncludeGraph::from_texts(files);
  graph.add_version("include/h.h", after);
  const ReadSource read = [&](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  };
  std::vector<IndexedFile> list;
  std::vector<std::string> texts;
  for (const auto& [path, text] : files) {
    list.push_back({path, !graph.included({path}).empty(), path.ends_with(".c")});
    texts.push_back(text);
  }
  const NameIndex index = NameIndex::build(
      list, [&](std::size_t i) { return std::optional(texts[i]); }, 1);
  const std::vector<std::string> readers = graph.reached_from({"include/h.h"});
  const Paths found =
      search_by_name({index, graph, read}, {{"include/h.h", files.at("include/h.h"), after}},
                     {readers.begin(), readers.end()});
  return found;
}

// A line comes, and a line goes: both mean the same.
Paths added(Files files, const std::string& line, const std::string& rest = "") {
  files["include/h.h"] = rest;
  const Paths come = reached(files, line + rest);
  files["include/h.h"] = line + rest;
  EXPECT_EQ(reached(files, rest), come) << line;
  return come;
}

const std::string kKref =
    guarded("KREF_H",
            "struct kref { int count; };\nstatic inline int kref_get(struct kref *k) "
            "{ return ++k->count; }\n#define KREF_INIT 1\n");

Files tree(const Files& more) {
  Files files = {
      {"include/h.h", ""}, {"include/kref.h", kKref}, {"none.c", "#include <h.h>\nint none;\n"}};
  for (const auto& [path, text] : more) files[path] = text;
  return files;
}

TEST(NewIncludes, WhatNobodyMentions) {
  EXPECT_THAT(added(tree({}), "#include <kref.h>\n"), IsEmpty());
}

TEST(NewIncludes, AMacro) {
  const Files files =
      tree({{"x.c", "#include <h.h>\nint KREF_INIT;\n"},
            {"include/g.h", "static inline int g(void) { int KREF_INIT = 0; return KREF_INIT; }\n"},
            {"y.c", "#include <h.h>\n#include <g.h>\nint y(void) { return g(); }\n"},
            {"if.c", "#include <h.h>\n#ifdef KREF_INIT\nint x;\n#endif\n"}});
  EXPECT_THAT(added(files, "#include <kref.h>\n"), UnorderedElementsAre("x.c", "y.c", "if.c"));
}

// Who reads it first of all sees its macros in both versions.
TEST(NewIncludes, WhoReadsItAlready) {
  Files files = tree({{"x.c", "#include <h.h>\n#include <kref.h>\nint x = KREF_INIT;\n"},
                      {"include/g.h", guarded("G_H", "#include <kref.h>\n#define G KREF_INIT\n")},
                      {"y.c", "#include <h.h>\n#include <g.h>\nint y = G;\n"}});
  EXPECT_THAT(added(files, "#include <kref.h>\n"), IsEmpty());
  // Not if that is behind the text, under a condition, or by way of a file that is not sure.
  files["x.c"] = "#include <h.h>\nint x = KREF_INIT;\n#include <kref.h>\n";
  EXPECT_THAT(added(files, "#include <kref.h>\n"), ElementsAre("x.c"));
  files["x.c"] = "#include <h.h>\n#ifdef X\n#include <kref.h>\n#endif\nint x = KREF_INIT;\n";
  EXPECT_THAT(added(files, "#include <kref.h>\n"), ElementsAre("x.c"));
  files["x.c"] = "#include <h.h>\n#include <own/g.h>\nint x = KREF_INIT;\n";
  files["drivers/own/g.h"] = "#include <kref.h>\n";
  EXPECT_THAT(added(files, "#include <kref.h>\n"), ElementsAre("x.c"));
}

// Types that come in addition change nothing: what needs them did not compile without.
TEST(NewIncludes, TypesAndFunctionsThatAreMentioned) {
  const Files files = tree(
      {{"include/device.h",
        guarded("DEVICE_H",
                "#include <kref.h>\nstruct device { struct kref k; };\n"
                "static inline int device_get(struct device *d) { return kref_get(&d->k); }\n")},
       {"include/opaque.h", "struct kref;\nvoid take(struct kref *k);\n"},
       {"x.c",
        "#include <h.h>\n#include <device.h>\nint x(struct device *d) { return device_get(d); }\n"},
       {"y.c", "#include <h.h>\n#include <opaque.h>\nvoid y(struct kref *k) { take(k); }\n"}});
  EXPECT_THAT(added(files, "#include <kref.h>\n"), IsEmpty());
}

// A declaration more may have attributes.
TEST(NewIncludes, FunctionsThatAreDeclaredTwice) {
  const Files files = tree(
      {{"include/panic.h", guarded("PANIC_H", "void panic(void) __attribute__((noreturn));\n")},
       {"include/own.h", "void panic(void);\nstatic inline void stop(void) { panic(); }\n"},
       {"x.c", "#include <h.h>\n#include <own.h>\nvoid x(void) { stop(); }\n"},
       {"defines.c", "#include <h.h>\nvoid panic(void) { }\n"},
       {"reads.c", "#include <panic.h>\n#include <h.h>\nvoid y(void) { panic(); }\n"}});
  // A name that is declared twice is looked for everywhere.
  EXPECT_THAT(added(files, "#include <panic.h>\n"),
              UnorderedElementsAre("x.c", "defines.c", "reads.c"));
}

// It is read earlier now, before a macro is defined that it depends on.
TEST(NewIncludes, WhatDependsOnAMacro) {
  Files files =
      tree({{"include/f.h", guarded("F_H",
                                    "#ifdef MODE\nstatic inline int f(void) { return 1; }\n#else\n"
                                    "static inline int f(void) { return 2; }\n#endif\n")},
            {"x.c", "#include <h.h>\n#define MODE\n#include <f.h>\nint x(void) { return f(); }\n"},
            {"y.c", "#include <h.h>\n#include <f.h>\nint y(void) { return f(); }\n"}});
  EXPECT_THAT(added(files, "#include <f.h>\n"), ElementsAre("x.c"));
  files["include/mode.h"] = "#define MODE\n";
  files["z.c"] = "#include <h.h>\n#include <mode.h>\n#include <f.h>\nint z(void) { return f(); }\n";
  EXPECT_THAT(added(files, "#include <f.h>\n"), UnorderedElementsAre("x.c", "z.c"));
  // A macro of a header that very many read.
  for (int i = 0; i < 60; ++i)
    files["many" + std::to_string(i) + ".c"] = "#include <mode.h>\n#include <h.h>\nint many;\n";
  EXPECT_THAT(added(files, "#include <f.h>\n"), UnorderedElementsAre("x.c", "y.c", "z.c"));
  // Where it is surely defined before, all is as it was.
  files["x.c"] = "int x;\n";
  EXPECT_THAT(added(files, "#include <f.h>\n", ""), UnorderedElementsAre("y.c", "z.c"));
  files["include/mode.h"] = guarded("MODE_H", "#define MODE\n");
  files["include/h.h"] = "#include <mode.h>\n";
  EXPECT_THAT(reached(files, "#include <mode.h>\n#include <f.h>\n"), IsEmpty());
}

// A macro that is there already is not defined once more by who asks for it.
TEST(NewIncludes, DefaultsOfMacros) {
  const std::string f =
      guarded("F_H", "#include <base.h>\nstatic inline int f(void) { return NONE; }\n");
  Files files = tree(
      {{"include/f.h", f},
       {"include/base.h", guarded("BASE_H", "#define NONE 0\n")},
       {"include/own.h", "#ifndef NONE\n#define NONE 1\n#endif\n"},
       {"x.c", "#include <h.h>\n#include <own.h>\n#include <f.h>\nint x(void) { return f(); }\n"}});
  files["include/h.h"] = "#include <base.h>\n";
  EXPECT_THAT(reached(files, "#include <base.h>\n#include <f.h>\n"), IsEmpty());
  files["include/own.h"] = "#undef NONE\n#define NONE 1\n";
  EXPECT_THAT(reached(files, "#include <base.h>\n#include <f.h>\n"), ElementsAre("x.c"));
}

TEST(NewIncludes, WhatMakesCode) {
  for (const char* text : {"#pragma pack(1)\n", "asm(\"nop\");\n", "int variable = 1;\n",
                           "#include NAME\n", "#ifdef X\nint g(void) {\n#endif\n"})
    EXPECT_THAT(added(tree({{"include/f.h", text}}), "#include <f.h>\n"), ElementsAre("none.c"))
        << text;
  EXPECT_THAT(added(tree({{"include/f.h", "#pragma once\nint f(void);\n"}}), "#include <f.h>\n"),
              IsEmpty());
}

// What has been read above the line has no effect when it is asked for again.
TEST(NewIncludes, WhatIsThereAlready) {
  Files files = tree({{"include/a.h", guarded("A_H", "#include <kref.h>\n")},
                      {"include/b.h", guarded("B_H", "#include <kref.h>\n#define B 1\n")},
                      {"x.c", "#include <h.h>\nint x = KREF_INIT;\n"},
                      {"y.c", "#include <h.h>\nint B;\n"}});
  EXPECT_THAT(added(files, "#include <b.h>\n"), UnorderedElementsAre("x.c", "y.c"));
  files["include/h.h"] = "#include <a.h>\n";
  EXPECT_THAT(reached(files, "#include <a.h>\n#include <b.h>\n"), ElementsAre("y.c"));
  EXPECT_THAT(reached(files, "#include <a.h>\n#include <kref.h>\n"), IsEmpty());
  // Who reads the header has all of it before its own text, in whatever order.
  EXPECT_THAT(reached(files, "#include <b.h>\n#include <a.h>\n"), ElementsAre("y.c"));
  // Under a condition, it is not sure.
  files["include/h.h"] = "#ifdef X\n#include <a.h>\n#endif\n";
  EXPECT_THAT(reached(files, "#ifdef X\n#include <a.h>\n#endif\n#include <b.h>\n"),
              UnorderedElementsAre("x.c", "y.c"));
  // Without a guard, it is read again.
  files["include/kref.h"] = "#define KREF_INIT 1\n";
  files["include/h.h"] = "#include <a.h>\n";
  EXPECT_THAT(reached(files, "#include <a.h>\n#include <kref.h>\n"), ElementsAre("x.c"));
}

// What the header itself says below the line.
TEST(NewIncludes, InTheHeaderItself) {
  const std::string rest = "static inline int own(void) { int KREF_INIT = 0; return KREF_INIT; }\n";
  const Files files = tree({{"x.c", "#include <h.h>\nint x(void) { return own(); }\n"},
                            {"y.c", "#include <kref.h>\n#include <h.h>\nint y;\n"}});
  EXPECT_THAT(added(files, "#include <kref.h>\n", rest), ElementsAre("x.c"));
}

TEST(NewIncludes, ALineThatMoves) {
  Files files = tree({{"x.c", "#include <h.h>\nint x(void) { return own(); }\n"},
                      {"y.c", "#include <h.h>\nint y;\n"}});
  const std::string line = "#include <kref.h>\n";
  const std::string user = "static inline int own(void) { return KREF_INIT; }\n";
  files["include/h.h"] = line + user;
  EXPECT_THAT(reached(files, user + line), ElementsAre("x.c"));
}

// A file that the patch adds, and one that is nowhere.
TEST(NewIncludes, FilesThatAreNotThere) {
  Files files = tree({{"x.c", "#include <h.h>\nint x = NEW;\n"}});
  EXPECT_THAT(reached(files, "#include <nowhere.h>\n"), UnorderedElementsAre("none.c", "x.c"));
  IncludeGraph graph = IncludeGraph::from_texts(files);
  graph.add_version("include/h.h", "#include <new.h>\n");
  graph.add_version("include/new.h", "#define NEW 1\n");
  const ReadSource read = [&](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional(found->second);
  };
  const NameIndex index = NameIndex::build(
      {{"include/h.h", true, false}, {"x.c", false, true}, {"none.c", false, true}},
      [&](std::size_t i) {
        return read(std::array{"include/h.h", "x.c", "none.c"}.at(i));
      },
      1);
  EXPECT_THAT(search_by_name({index, graph, read},
                             {{"include/h.h", "", "#include <new.h>\n"},
                              {"include/new.h", "", "#define NEW 1\n"}},
                             {"none.c", "x.c"}),
              ElementsAre("x.c"));
}

}  // namespace
}  // namespace splicer
