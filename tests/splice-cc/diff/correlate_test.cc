// SPDX-License-Identifier: GPL-2.0-or-later
//
// Twins, above all those of static variables of functions.
#include "splice-cc/diff/correlate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/snippet.h"

namespace splicer {
namespace {

// gcc numbers the static variables of functions from the end of a file to its beginning, so any
// variable more or less shifts the numbers of the others.
const std::string kUse = "extern void use(int *);\n";

std::string counter(const std::string& function, const std::string& type = "int") {
  return "void " + function + "(void) { static " + type + " count; use((int *)&count); }\n";
}

// The post object's only atom whose unnumbered name is this, and which `function` mentions.
std::string mentioned(const AtomTable& table, const std::string& function,
                      const std::string& base) {
  for (const Reference& r : table.at(atom_named(table, function)).references)
    if (!r.undefined && unnumbered(table.at(r.atom).name) == base) return table.at(r.atom).name;
  return "(none)";
}

// Is the count of this function, as patched, the count that it had?
bool keeps_count(const SnippetPair& pair, const std::string& function) {
  const std::string post = mentioned(*pair->post, function, "count");
  return post != "(none)" && pair.twin_of(post) == mentioned(*pair->pre, function, "count");
}

TEST(Correlate, ByName) {
  const SnippetPair pair("int a = 1; static int b = 2; int f(void) { return b; }",
                         "static int c = 3; int a = 1; static int b = 2;"
                         "int f(void) { return b + c; } void use(int *p) { *p = 1; b++; c++; }");
  EXPECT_EQ(pair.twin_of("a"), "a");
  EXPECT_EQ(pair.twin_of("f"), "f");
  EXPECT_EQ(pair.twin_of("c"), "(new)");
  EXPECT_EQ(pair.twin_of("use"), "(new)");
}

TEST(Correlate, StaticLocalsThatGetOtherNumbers) {
  const SnippetPair pair(
      kUse + counter("f") + counter("g"),
      kUse + counter("f") + "void n(void) { static int other; use(&other); }\n" + counter("g"));
  ASSERT_NE(mentioned(*pair->pre, "f", "count"), mentioned(*pair->post, "f", "count"))
      << "the compiler does not number as this test needs it";
  EXPECT_TRUE(keeps_count(pair, "f"));
  EXPECT_TRUE(keeps_count(pair, "g"));
  EXPECT_EQ(pair.twin_of(mentioned(*pair->post, "n", "other")), "(new)");
}

TEST(Correlate, AStaticLocalMoreOfTheSameName) {
  const SnippetPair pair(kUse + counter("f") + counter("h"),
                         kUse + counter("f") + counter("g") + counter("h"));
  EXPECT_TRUE(keeps_count(pair, "f"));
  EXPECT_TRUE(keeps_count(pair, "h"));
  EXPECT_EQ(pair.twin_of(mentioned(*pair->post, "g", "count")), "(new)");
  EXPECT_TRUE(pair->twins->ambiguous.empty());
}

TEST(Correlate, AStaticLocalLess) {
  const SnippetPair pair(kUse + counter("f") + counter("g") + counter("h"),
                         kUse + counter("f") + "void g(void) {}\n" + counter("h"));
  EXPECT_TRUE(keeps_count(pair, "f"));
  EXPECT_TRUE(keeps_count(pair, "h"));
}

TEST(Correlate, TwoOfOneNameInOneFunctionStayInOrder) {
  const std::string text =
      "void f(void) { { static int count; use(&count); } { static int count; use(&count); } }\n";
  const SnippetPair pair(kUse + text,
                         kUse + "void n(void) { static int count; use(&count); }\n" + text);
  const auto order = [](const AtomTable& table) {
    std::vector<std::string> names;
    for (const Reference& r : table.at(atom_named(table, "f")).references)
      if (!r.undefined && unnumbered(table.at(r.atom).name) == "count")
        names.push_back(table.at(r.atom).name);
    return names;
  };
  const auto before = order(*pair->pre);
  const auto after = order(*pair->post);
  ASSERT_EQ(before.size(), 2u);
  ASSERT_EQ(after.size(), 2u);
  EXPECT_EQ(pair.twin_of(after[0]), before[0]);
  EXPECT_EQ(pair.twin_of(after[1]), before[1]);
}

TEST(Correlate, OneMoreInAFunctionThatCannotBeTold) {
  const std::string one = "{ static int count; use(&count); }";
  const SnippetPair pair(kUse + "void f(void) {" + one + one + "}\n",
                         kUse + "void f(void) {" + one + one + one + "}\n");
  EXPECT_EQ(pair->twins->ambiguous.size(), 3u);
  EXPECT_EQ(pair.refusal(), "static-local-ambiguous");
}

// printk_ratelimited() as linux/printk.h has it.
std::string limited(int burst) {
  return "{ static struct { int lock, interval, burst; } _rs = { 0, 1250, " +
         std::to_string(burst) + " }; use(&_rs.lock); }";
}

TEST(Correlate, ARateLimitMoreMayBeFresh) {
  const std::string one = limited(10);
  const SnippetPair pair(kUse + "void f(void) {" + one + one + "}\n",
                         kUse + "void f(void) {" + one + one + one + "}\n");
  EXPECT_TRUE(pair->twins->ambiguous.empty());
  EXPECT_THAT(pair.replaced(), ::testing::ElementsAre("f"));
}

TEST(Correlate, AnotherVariableOfThatNameMayNot) {
  const std::string one = limited(10);
  const SnippetPair pair(kUse + "void f(void) {" + one + one + "}\n",
                         kUse + "void f(void) {" + one + limited(5) + limited(20) + "}\n");
  EXPECT_EQ(pair.refusal(), "static-local-ambiguous");
}

TEST(Correlate, OneMoreOfAnotherSizeCanBeTold) {
  const SnippetPair pair(kUse + "void f(void) { { static int count; use(&count); } }\n",
                         kUse +
                             "void f(void) { { static int count; use(&count); }"
                             "{ static long count[3]; use((int *)count); } }\n");
  std::vector<std::string> twins;
  for (const Reference& r : pair->post->at(atom_named(*pair->post, "f")).references)
    if (!r.undefined) twins.push_back(pair.twin_of(pair->post->at(r.atom).name));
  EXPECT_THAT(twins, ::testing::ElementsAre(mentioned(*pair->pre, "f", "count"), "(new)"));
  EXPECT_EQ(pair.refusal(), "");
}

TEST(Correlate, ConstantsOfManyFunctionsMayBeFresh) {
  const std::string name = "extern void say(const char *);\n";
  const SnippetPair pair(
      name + "void f(void) { say(__func__); } void g(void) { say(__func__); }",
      name +
          "void f(void) { say(__func__); say(__func__); } void h(void) { say(__func__); }"
          "void g(void) { say(__func__); }");
  EXPECT_THAT(pair.replaced(), ::testing::ElementsAre("f"));
  EXPECT_TRUE(pair->twins->ambiguous.empty());
}

TEST(Correlate, ConstantsAreWhatTheySay) {
  const auto text = [](const char* first, const char* second) {
    return std::string("extern void use(const char *);\nvoid f(void) {\n") +
           "{ static const char n[] = \"" + first + "\"; use(n); }\n" +
           "{ static const char n[] = \"" + second + "\"; use(n); }\n}\n";
  };
  const auto holding = [](const AtomTable& table, std::string content) {
    content += '\0';
    for (const Atom& atom : table.all()) {
      const Bytes bytes = table.bytes(atom);
      if (unnumbered(atom.name) == "n" &&
          std::equal(bytes.begin(), bytes.end(), content.begin(), content.end()))
        return atom.name;
    }
    return std::string("(none)");
  };
  const SnippetPair pair(text("one", "two"), text("two", "one"));
  for (const char* content : {"one", "two"}) {
    ASSERT_NE(holding(*pair->pre, content), "(none)");
    EXPECT_EQ(pair.twin_of(holding(*pair->post, content)), holding(*pair->pre, content));
  }
}

// Kernels have ".data.once" or ".data..once" for WARN_ONCE(); and ".data..do_once" for DO_ONCE(), which
// sets up hash keys that are in use.
TEST(Correlate, AFlagOfWarnOnceMayBeFresh) {
  const auto refusal = [](const std::string& section) {
    const std::string once = "{ static char __attribute__((section(\"" + section +
                             "\"))) warned; if (!warned) { warned = 1; use(0); } }";
    return SnippetPair(kUse + "void f(void) {" + once + once + "}",
                       kUse + "void f(void) {" + once + once + once + "}")
        .refusal();
  };
  EXPECT_EQ(refusal(".data.once"), "");
  EXPECT_EQ(refusal(".data..once"), "");
  EXPECT_EQ(refusal(".data..do_once"), "static-local-ambiguous");
}

TEST(Correlate, TwinsAreOfOneKind) {
  const SnippetPair pair("const int a = 1; int f(void) { return 1; }",
                         "int a = 1; int f(void) { return 1; }");
  EXPECT_EQ(pair.twin_of("a"), "(new)");
}

TEST(Correlate, OneToOne) {
  Twins twins(2, 2);
  EXPECT_TRUE(twins.pair(0, 1));
  EXPECT_FALSE(twins.pair(0, 0));
  EXPECT_FALSE(twins.pair(1, 1));
  EXPECT_EQ(twins.post_of(0), 1u);
  EXPECT_EQ(twins.pre_of(1), 0u);
  EXPECT_FALSE(twins.pre_of(0));
}

}  // namespace
}  // namespace splicer
