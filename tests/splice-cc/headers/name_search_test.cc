// SPDX-License-Identifier: GPL-2.0-or-later
//
// Headers that are changed, in a made-up tree, and the sources that are left.
#include "splice-cc/headers/name_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

using Files = std::map<std::string, std::string>;
using Paths = std::set<std::string>;

// `changes` are headers and their texts after the change. `index_of` is what the index was made
// from, if that is not the same.
Paths reached(const Files& files, const Files& changes, unsigned jobs = 1,
              const Files* index_of = nullptr) {
  IncludeGraph graph = IncludeGraph::from_texts(files);
  const ReadSource read = [&](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) return std::nullopt;
    return found->second;
  };
  std::vector<HeaderChange> list;
  Paths headers;
  for (const auto& [path, after] : changes) {
    list.push_back({path, read(path).value_or(""), after});
    headers.insert(path);
    graph.add_version(path, after);
  }
  const std::vector<std::string> readers = graph.reached_from(headers);

  const Files& indexed = index_of != nullptr ? *index_of : files;
  const IncludeGraph plain = IncludeGraph::from_texts(indexed);
  std::vector<IndexedFile> in_index;
  std::vector<std::string> texts;
  Paths differing;
  for (const auto& [path, text] : indexed) {
    in_index.push_back({path, !plain.included({path}).empty(), !path.ends_with(".h")});
    texts.push_back(text);
    if (read(path) != text) differing.insert(path);
  }
  const NameIndex index = NameIndex::build(
      in_index, [&](std::size_t i) { return std::optional(texts[i]); }, jobs);
  return search_by_name({index, graph, read, differing, jobs}, list,
                        {readers.begin(), readers.end()});
}

// A tree in which everything includes a.h. `user` mentions what `others` do not.
Files tree(const std::string& header, const Files& more) {
  Files files = {{"include/a.h", header}, {"none.c", "#include <a.h>\nint none;\n"}};
  for (const auto& [path, text] : more) files[path] = "#include <a.h>\n" + text;
  return files;
}
Paths changed(const std::string& before, const std::string& after, const Files& more) {
  return reached(tree(before, more), {{"include/a.h", after}});
}

const std::string kOne = "static inline int f(void) { return 1; }\n";
const std::string kTwo = "static inline int f(void) { return 2; }\n";

TEST(NameSearch, CallersOfAnInlineFunction) {
  EXPECT_THAT(changed(kOne, kTwo,
                      {{"x.c", "int x(void) { return f(); }"},
                       {"y.c", "int y(void) { return 3; } // f\n/* f */"},
                       {"z.S", "call f\n"},
                       {"ff.c", "int ff, f1, _f;"}}),
              UnorderedElementsAre("x.c", "z.S"));
}

TEST(NameSearch, NothingChanged) {
  const Files users = {{"x.c", "int x(void) { return f(); }"}};
  EXPECT_THAT(changed(kOne, kOne, users), IsEmpty());
  EXPECT_THAT(changed(kOne, "/* new */\n" + kOne + "#error no\n", users), IsEmpty());
  EXPECT_THAT(reached(tree(kOne, users), {}), IsEmpty());
}

TEST(NameSearch, ThroughOtherHeaders) {
  Files files = tree(kOne, {{"include/b.h",
                             "static inline int g(void) { return f() + 1; }\n"
                             "static inline int other(void) { return 5; }\n"},
                            {"include/c.h", "#include <b.h>\n#define CALL(x) (g() + (x))\n"}});
  files["b.c"] = "#include <b.h>\nint b(void) { return g(); }";
  files["c.c"] = "#include <c.h>\nint c(void) { return CALL(1); }";
  files["d.c"] = "#include <c.h>\nint d(void) { return other(); }";
  for (const unsigned jobs : {1u, 2u, 7u})
    EXPECT_THAT(reached(files, {{"include/a.h", kTwo}}, jobs), UnorderedElementsAre("b.c", "c.c"));
}

TEST(NameSearch, WhatDoesNotIncludeIt) {
  Files files = tree(kOne, {{"x.c", "int x(void) { return f(); }"}});
  files["y.c"] = "int y(void) { return f(); }";
  EXPECT_THAT(reached(files, {{"include/a.h", kTwo}}), ElementsAre("x.c"));
}

TEST(NameSearch, StructuresByTagTypedefAndPrototype) {
  const std::string rest =
      "typedef struct s s_t;\nstruct t { s_t *inner; };\nstruct t *get(void);\n";
  EXPECT_THAT(changed("struct s { int a; };\n" + rest, "struct s { int b; int a; };\n" + rest,
                      {{"tag.c", "int x(void *p) { return ((struct s *)p)->a; }"},
                       {"typedef.c", "int x(s_t *p) { return p->a; }"},
                       {"inner.c", "int x(struct t *p) { return p->inner->a; }"},
                       {"get.c", "int x(void) { return get()->inner->a; }"},
                       {"other.c", "struct u { int a; };"}}),
              UnorderedElementsAre("tag.c", "typedef.c", "inner.c", "get.c"));
}

TEST(NameSearch, StructuresWithAttributes) {
  const Files users = {{"x.c", "int x(s_t *p) { return p->a; }"}};
  for (const char* text :
       {"typedef struct __attribute__((packed)) { int a; } s_t;",
        "typedef struct __packed { int a; } s_t;",
        "typedef struct __attribute__((packed)) s { int a; } s_t;",
        "MAKE(1)\ntypedef struct { int a; } s_t;", "typedef struct { int a; } __packed s_t;",
        "typedef struct { int a; } s_t __aligned(8);"}) {
    std::string after = text;
    after.replace(after.find("int a"), 5, "char a");
    EXPECT_TRUE(changed(text, after, users).contains("x.c")) << text;
  }
}

TEST(NameSearch, Macros) {
  EXPECT_THAT(changed("#define LIMIT 4\n#define DOUBLE (2 * LIMIT)\n",
                      "#define LIMIT 5\n#define DOUBLE (2 * LIMIT)\n",
                      {{"x.c", "int x = LIMIT;"},
                       {"y.c", "int y = DOUBLE;"},
                       {"if.c", "#if LIMIT > 4\nint z;\n#endif"},
                       {"string.c", "asm(\"mov $LIMIT\");"}}),
              UnorderedElementsAre("x.c", "y.c", "if.c", "string.c"));
  EXPECT_THAT(changed("", "#define NEW 1\n", {{"x.c", "#ifdef NEW\nint x;\n#endif"}}),
              ElementsAre("x.c"));
  EXPECT_THAT(changed("#define OLD 1\n", "#undef OLD\n", {{"x.c", "int x = OLD;"}}),
              ElementsAre("x.c"));
}

TEST(NameSearch, EnumeratorsAndVariables) {
  EXPECT_THAT(changed("enum { A, B };\n", "enum { N, A, B };\n",
                      {{"a.c", "int x = A;"}, {"b.c", "int x = B;"}, {"c.c", "int x = C;"}}),
              UnorderedElementsAre("a.c", "b.c"));
  EXPECT_THAT(changed("extern int v __read_mostly;\n", "extern char v __read_mostly;\n",
                      {{"v.c", "int x(void) { return v; }"}, {"o.c", "int o __read_mostly;"}}),
              ElementsAre("v.c"));
  EXPECT_THAT(changed("extern int v __own;\n", "extern char v __own;\n",
                      {{"v.c", "int x(void) { return v; }"}}),
              ElementsAre("v.c"));
}

// What another header chooses by what changed.
TEST(NameSearch, ByACondition) {
  const std::string inner =
      "#ifdef NEW\nstatic inline int g(void) { return 1; }\n#else\n"
      "static inline int g(void) { return 2; }\n#endif\n";
  const Files users = {{"include/b.h", inner},
                       {"x.c", "#include <b.h>\nint x(void) { return g(); }"}};
  EXPECT_THAT(changed("", "#define NEW\n", users), ElementsAre("x.c"));
  // And in the header itself.
  EXPECT_THAT(changed(inner, "#define NEW\n" + inner, {{"x.c", "int x(void) { return g(); }"}}),
              ElementsAre("x.c"));
  // What is included by it may be anything.
  EXPECT_THAT(changed("", "#define NEW\n",
                      {{"include/b.h", "#ifdef NEW\n#include <c.h>\n#endif\n"},
                       {"include/c.h", "#define HIDDEN 1\n"},
                       {"x.c", "#include <b.h>\nint x;"}}),
              ElementsAre("x.c"));
}

TEST(NameSearch, ConditionsThatMoveInAPiece) {
  EXPECT_THAT(changed("struct s {\n#ifdef X\nint a;\n#endif\nint b;\n};\n",
                      "struct s {\nint a;\n#ifdef X\nint b;\n#endif\n};\n",
                      {{"x.c", "int x(struct s *p) { return p->b; }"}}),
              ElementsAre("x.c"));
}

TEST(NameSearch, APieceThatMoves) {
  EXPECT_THAT(changed("#define A 1\n" + kOne + "#undef A\n", "#define A 1\n#undef A\n" + kOne,
                      {{"f.c", "int x(void) { return f(); }"}, {"a.c", "int x = A;"}}),
              UnorderedElementsAre("f.c", "a.c"));
  // What stays in its order does not.
  EXPECT_THAT(
      changed(kOne + "extern int v;\n", "extern int w;\n" + kOne + "extern int v;\n",
              {{"f.c", "int x(void) { return f(); }"}, {"w.c", "int x(void) { return w; }"}}),
      ElementsAre("w.c"));
}

TEST(NameSearch, WhatNoNameTells) {
  const Files users = {{"x.c", "int x;"}};
  for (const auto& [before, after] : Files{{kOne, "#include <b.h>\n" + kOne},
                                           {"", "#pragma pack(1)\n"},
                                           {"int v = 1;", "int v = 2;"},
                                           {kOne, "#ifdef X\nint g(void) {\n#endif\n"},
                                           {"{", kOne},
                                           {"#pragma pack(1)\n" + kOne + "#pragma pack()\n",
                                            kOne + "#pragma pack(1)\n#pragma pack()\n"},
                                           {"#define inline\n", "#define inline __inline\n"}})
    EXPECT_THAT(changed(before, after, users), UnorderedElementsAre("x.c", "none.c")) << after;
}

TEST(NameSearch, AHeaderThatCannotBeCut) {
  const std::string torn = "#ifdef X\nint g(void) {\n#else\nint h(void) {\n#endif\n";
  const Files users = {{"include/b.h", torn + "return f(); }\n"},
                       {"include/c.h", torn + "return 1; }\n"},
                       {"b.c", "#include <b.h>\nint x;"},
                       {"c.c", "#include <c.h>\nint x;"}};
  EXPECT_THAT(changed(kOne, kTwo, users), ElementsAre("b.c"));
}

// Code or data that a header makes is in all that read it.
TEST(NameSearch, HeadersThatMakeCode) {
  for (const char* text : {"int g(void) { return f(); }\n", "int v = f;\n", "asm(\"call f\");\n"})
    EXPECT_THAT(changed(kOne, kTwo,
                        {{"include/b.h", text},
                         {"include/c.h", "#include <b.h>\n"},
                         {"b.c", "#include <b.h>\nint x;"},
                         {"c.c", "#include <c.h>\nint x;"}}),
                UnorderedElementsAre("b.c", "c.c"))
        << text;
}

TEST(NameSearch, CallsOfMacrosThatMakeCode) {
  for (const char* text : {"late_initcall(f);\n", "MAKE(f)\n", "static MAKE(f);\n"})
    EXPECT_THAT(changed(kOne, kTwo, {{"include/b.h", text}, {"b.c", "#include <b.h>\nint x;"}}),
                ElementsAre("b.c"))
        << text;
}

// A macro may declare names that stand in it alone.
TEST(NameSearch, NamesThatStandInAMacroOnly) {
  for (const char* text : {"MAKE(1)\n", "MAKE(1);\n", "static MAKE(1);\n"})
    EXPECT_THAT(changed("#define LIMIT 4\n", "#define LIMIT 5\n",
                        {{"include/m.h",
                          "#define MAKE(x) static inline int get(void) { return LIMIT + x; }\n"},
                         {"include/b.h", "#include <m.h>\n" + std::string(text)},
                         {"b.c", "#include <b.h>\nint x(void) { return get(); }"},
                         {"m.c", "#include <m.h>\nint x;"}}),
                ElementsAre("b.c"))
        << text;
}

TEST(NameSearch, SourcesThatOthersInclude) {
  EXPECT_THAT(changed(kOne, kTwo,
                      {{"core.c",
                        "static int inner(void) { return f(); }\n"
                        "int outer(void) { return inner(); }\n"},
                       {"build.c", "#include \"core.c\"\n"},
                       {"start.c", "static int begin(void) { return f(); }\ninitcall(begin);\n"},
                       {"built.c", "#include \"start.c\"\n"}}),
              UnorderedElementsAre("core.c", "build.c", "start.c", "built.c"));
}

TEST(NameSearch, NamesPutTogether) {
  const std::string before = "static inline int spin_one_end(void) { return 1; }\n";
  const std::string after = "static inline int spin_one_end(void) { return 2; }\n";
  // By a macro that has the beginning, the end, or both.
  for (const char* macro : {"#define DO(op) spin_##op()\n", "#define DO(op) op##_end()\n",
                            "#define DO(op) spin_##op##_end()\n"}) {
    const std::string text = macro;
    const std::string word = text.find("##_end") == std::string::npos    ? "one_end"
                             : text.find("spin_##") == std::string::npos ? "spin_one"
                                                                         : "one";
    EXPECT_THAT(changed(before, after,
                        {{"include/m.h", text},
                         {"x.c", "#include <m.h>\nint x(void) { return DO(" + word + "); }"},
                         {"y.c", "#include <m.h>\nint y(void) { return DO(two); }"}}),
                ElementsAre("x.c"))
        << text;
  }
  // By two words of the file.
  EXPECT_THAT(
      changed(before, after,
              {{"x.c", "#define JOIN(a, b) a##b\nint x(void) { return JOIN(spin_, one_end)(); }"},
               {"y.c", "int spin_, one_en;"}}),
      ElementsAre("x.c"));
}

// Where the macro gets a part from another, or from a macro that it is given.
TEST(NameSearch, NamesPutTogetherByTwoMacros) {
  const std::string before = "static inline int spin_one_end(void) { return 1; }\n";
  const std::string after = "static inline int spin_one_end(void) { return 2; }\n";
  for (const auto& [macro, use] :
       Files{{"#define DO(a) a(one)\n#define D(b) spin_##b##_end()\n", "DO(D)"},
             {"#define DO D(one)\n#define D(b) spin_##b##_end()\n", "DO"},
             {"#define DO(a) D(spin_one, a)\n#define D(a, b) a##b()\n", "DO(_end)"}})
    EXPECT_THAT(changed(before, after,
                        {{"include/m.h", macro},
                         {"x.c", "#include <m.h>\nint x(void) { return " + use + "; }"},
                         {"y.c", "#include <m.h>\nint y;"}}),
                ElementsAre("x.c"))
        << macro;
}

TEST(NameSearch, NamesPutTogetherOfManyPieces) {
  const std::string one = "static inline int spin_one_end(void) { return 1; }\n";
  const std::string two = "static inline int spin_one_end(void) { return 2; }\n";
  const Files macros = {
      {"#define DO(a, b) a##_one_##b()\n", "DO(spin, end)"},
      {"#define DO(a, b, c) a##b##c()\n", "DO(spin_, one, _end)"},
      {"#define DO(a, b) a##_##b##_end()\n", "DO(spin, one)"},
      {"#define DO(a, b) spin_##a##b##_end()\n", "DO(on, e)"},
  };
  for (const auto& [macro, call] : macros)
    EXPECT_THAT(changed(one + macro, two + macro,
                        {{"x.c", "int x(void) { return " + call + "; }"},
                         {"y.c", "int y(void) { return DO(other, words, here); }"}}),
                ElementsAre("x.c"))
        << macro;
}

TEST(NameSearch, APartThatIsAWordOfTheLanguage) {
  EXPECT_THAT(changed("extern int ops_int;\n", "extern char ops_int;\n",
                      {{"include/m.h", "#define OPS(t) ops_##t\n#define OWN OPS(int)\n"},
                       {"x.c", "#include <m.h>\nlong x(void) { return OWN; }"},
                       {"y.c", "long y;"}}),
              UnorderedElementsAre("x.c", "none.c"));  // that has the part, too
}

// DECLARE(foo) may declare anything.
TEST(NameSearch, DeclarationsMadeByMacros) {
  for (const std::string kind : {"", "static "})
    EXPECT_THAT(changed(kind + "DECLARE(foo, 1);\n", kind + "DECLARE(foo, 2);\n",
                        {{"x.c", "int x(void) { return get_foo_value(); }"}}),
                UnorderedElementsAre("x.c", "none.c"));
  // A changed structure that it is about.
  EXPECT_THAT(changed("struct s { int a; };\n", "struct s { char a; };\n",
                      {{"include/b.h", "DECLARE_PER_CPU(struct s, mine);\n"},
                       {"include/c.h", "DECLARE_PER_CPU(struct t, other);\n"},
                       {"x.c", "#include <b.h>\nint x(void) { return this_cpu_ptr(&mine)->a; }"},
                       {"y.c", "#include <c.h>\nint y(void) { return this_cpu_ptr(&other)->a; }"}}),
              ElementsAre("x.c"));
}

TEST(NameSearch, EnumeratorsMadeByMacros) {
  const std::string rest = "#define AS_NAME(x) NR_##x,\nenum all { EACH(AS_NAME) };\n";
  EXPECT_TRUE(changed("#define EACH(of) of(read) of(write)\n" + rest,
                      "#define EACH(of) of(open) of(read) of(write)\n" + rest,
                      {{"x.c", "int x = NR_read;"}})
                  .contains("x.c"));
}

TEST(NameSearch, SeveralHeadersAtOnce) {
  Files files = tree(kOne, {{"x.c", "int x(void) { return f(); }"}});
  files["include/b.h"] = "#define B 1\n";
  files["y.c"] = "#include <b.h>\nint y = B;";
  files["z.c"] = "#include <b.h>\nint z;";
  EXPECT_THAT(reached(files, {{"include/a.h", kTwo}, {"include/b.h", "#define B 2\n"}}),
              UnorderedElementsAre("x.c", "y.c"));
  // What no name tells concerns the readers of that header; none.c reads the other one.
  EXPECT_THAT(reached(files, {{"include/a.h", kTwo}, {"include/b.h", "#include <c.h>\n"}}),
              UnorderedElementsAre("x.c", "y.c", "z.c"));
}

// However many names change, only those that mention one are reached.
TEST(NameSearch, ThousandsOfNames) {
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "#define N" + std::to_string(i) + " 1\n";
  Files files = tree(kOne, {{"x.c", "int x(void) { return f(); }"}});
  files["include/b.h"] = "#include <a.h>\n";
  files["y.c"] = "#include <b.h>\nint y = N4999;";
  files["z.c"] = "#include <b.h>\nint z = G;";
  EXPECT_THAT(reached(files, {{"include/a.h", kTwo}, {"include/b.h", "#include <a.h>\n" + many}}),
              UnorderedElementsAre("x.c", "y.c"));
  // What the one changes may be mentioned in what the other changes.
  EXPECT_THAT(reached(files, {{"include/a.h", kTwo + many},
                              {"include/b.h", "#include <a.h>\n#define G f()\n"}}),
              UnorderedElementsAre("x.c", "y.c", "z.c"));
}

// What the changed header itself calls, before and after.
TEST(NameSearch, InsideOfTheHeader) {
  const std::string user = "static inline int g(void) { return f(); }\n";
  const Files users = {{"x.c", "int x(void) { return g(); }"}};
  EXPECT_THAT(changed(kOne + user, kTwo + user, users), ElementsAre("x.c"));
  EXPECT_THAT(changed(kOne, kTwo + user, users), ElementsAre("x.c"));
  EXPECT_THAT(changed(kOne + user, kTwo, users), ElementsAre("x.c"));
}

TEST(NameSearch, AFileThatCannotBeRead) {
  const IncludeGraph graph =
      IncludeGraph::from_texts({{"include/a.h", ""}, {"x.c", "#include <a.h>\n"}});
  const auto none = [](const auto&) { return std::nullopt; };
  const NameIndex index =
      NameIndex::build({{"include/a.h", true, false}, {"x.c", false, true}}, none, 2);
  EXPECT_THAT(search_by_name({index, graph, none, {}, 2}, {{"include/a.h", kOne, kTwo}}, {"x.c"}),
              ElementsAre("x.c"));
}

// The kernel has other texts than the tree: an update is applied already.
TEST(NameSearch, TextsThatTheIndexWasNotMadeFrom) {
  const Files tree_of_index = tree(kOne, {{"x.c", "int x(void) { return f(); }"},
                                          {"include/b.h", "#define B 1\n"},
                                          {"b.c", "#include <b.h>\nint b = B;"},
                                          {"include/m.h", "#define DO(op) op\n"},
                                          {"m.c", "#include <m.h>\nint m = DO(one);"}});
  Files now = tree_of_index;
  now["x.c"] = "#include <a.h>\nint x;";
  now["include/b.h"] = "#include <a.h>\n#define B f()\n";
  now["include/m.h"] = "#include <a.h>\n#define DO(op) op##_two()\n";
  EXPECT_THAT(reached(now, {{"include/a.h", kTwo}}, 1, &tree_of_index), ElementsAre("b.c"));
  // Macros that join names, too; here one that calls a macro of a file that is as it was.
  EXPECT_THAT(
      reached(now, {{"include/a.h", kOne + "static inline int one_two(void) { return 1; }\n"}}, 1,
              &tree_of_index),
      ElementsAre("m.c"));
  // What only the new texts include.
  now["include/b.h"] = "#include <c.h>\n#define B G\n";
  now["include/c.h"] = "#include <a.h>\n#define G f()\n";
  EXPECT_THAT(reached(now, {{"include/a.h", kTwo}}, 1, &tree_of_index), ElementsAre("b.c"));
}

// A line that uses a member called "used" took all readers with it: it was taken for the attribute.
TEST(NameSearch, MembersWithTheNamesOfAttributes) {
  EXPECT_THAT(changed("static inline int f(struct s *x) { return x->used; }\n",
                      "static inline int f(struct s *x) { return !x->used; }\n",
                      {{"x.c", "int x(struct s *s) { return f(s); }"}}),
              ElementsAre("x.c"));
  EXPECT_THAT(changed("struct n { int used; };\n", "struct m;\nstruct n { int used; };\n",
                      {{"x.c", "int x(struct m *m);"}}),
              ElementsAre("x.c"));
}

}  // namespace
}  // namespace splicer
