// SPDX-License-Identifier: GPL-2.0-or-later
//
// The words of a made-up tree, and how they are kept.
#include "splice-cc/headers/name_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

NameIndex index_of(const std::vector<std::pair<IndexedFile, std::string>>& files) {
  std::vector<IndexedFile> list;
  for (const auto& [file, text] : files) list.push_back(file);
  return NameIndex::build(
      list, [&](std::size_t i) { return std::optional(files[i].second); }, 2);
}

// "PATH:FIRST NAME" of entries.
std::vector<std::string> shown(const NameIndex& index, NameIndex::Numbers entries) {
  std::vector<std::string> shown;
  for (const NameIndex::Number entry : entries) {
    std::string text(index.path(index.file_of(entry)));
    for (const NameIndex::Number name : index.names_of(entry))
      text += ":" + std::string(index.text_of(name));
    shown.push_back(text);
  }
  return shown;
}
std::vector<std::string> mentioning(const NameIndex& index, std::string_view word) {
  const auto number = index.word(word);
  return number ? shown(index, index.mentioning(*number)) : std::vector<std::string>();
}
std::vector<std::string> naming(const NameIndex& index, std::string_view word) {
  const auto number = index.word(word);
  return number ? shown(index, index.naming(*number)) : std::vector<std::string>();
}

TEST(NameIndex, Example) {
  const NameIndex index = index_of(
      {{{"include/net/ip6_fib.h", true, false},
        "static inline void fib6_get(struct dst *d)\n{ ip6_dst_hold(d); }\nint other(void);\n"},
       {{"net/ipv6/route.c", false, true},
        "#define OWN 1\nvoid f(void) { fib6_get(0); } // not\n"}});
  const auto word = index.word("ip6_dst_hold");
  EXPECT_THAT(shown(index, index.mentioning(*word)), ElementsAre("include/net/ip6_fib.h:fib6_get"));
  EXPECT_THAT(mentioning(index, "fib6_get"),
              UnorderedElementsAre("include/net/ip6_fib.h:fib6_get", "net/ipv6/route.c:OWN"));
  EXPECT_THAT(naming(index, "fib6_get"), ElementsAre("include/net/ip6_fib.h:fib6_get"));
  EXPECT_THAT(naming(index, "OWN"), ElementsAre("net/ipv6/route.c:OWN"));
  EXPECT_THAT(mentioning(index, "not"), IsEmpty());
  for (const char* none : {"", "a", "fib6_ge", "fib6_gets", "~", "zzz"})
    EXPECT_FALSE(index.word(none)) << none;
}

TEST(NameIndex, Flags) {
  const NameIndex index =
      index_of({{{"a.h", true, false},
                 "#define M 1\nstruct t { int a; };\nint f(void);\nMAKE(x)\n#include <b.h>\n"},
                {{"torn.h", true, false}, "#ifdef X\nint g(void) {\n#endif\nuser\n"},
                {{"c.c", true, true}, "int c;\n"}});
  const auto flags = [&](std::string_view word) {
    std::vector<NameIndex::Number> all;
    for (const NameIndex::Number entry : index.mentioning(index.word(word).value()))
      all.push_back(index.flags_of(entry));
    return all;
  };
  EXPECT_THAT(flags("1"), ElementsAre(NameIndex::kMacro));
  const NameIndex defaults = index_of(
      {{{"a.h", true, false},
        "#ifndef A\n#define A one\n#endif\n#ifdef B\n#ifndef A\n#define A two\n#endif\n#endif\n"
        "#ifndef B\n#define A three\n#undef B\n#endif\n#define A four\n"}});
  std::vector<std::string> words;
  for (const char* word : {"one", "two", "three", "four"})
    if ((defaults.flags_of(defaults.mentioning(*defaults.word(word))[0]) & NameIndex::kDefault) !=
        0)
      words.emplace_back(word);
  EXPECT_THAT(words, ElementsAre("one", "two"));
  EXPECT_THAT(flags("t"), ElementsAre(NameIndex::kType));
  EXPECT_THAT(flags("f"), ElementsAre(0U));
  EXPECT_THAT(flags("MAKE"), ElementsAre(NameIndex::kAnonymous));
  EXPECT_THAT(flags("user"), ElementsAre(NameIndex::kAnonymous));
  EXPECT_THAT(flags("c"), UnorderedElementsAre(NameIndex::kWhole, NameIndex::kAnonymous))
      << "as a source, and as a header that makes a variable";
}

TEST(NameIndex, SeveralVersionsOfAFile) {
  const NameIndex index = index_of(
      {{{"a.h", true, false}, "#define M OLD\n"}, {{"a.h", true, false}, "#define M NEW\n"}});
  EXPECT_THAT(mentioning(index, "OLD"), ElementsAre("a.h:M"));
  EXPECT_THAT(mentioning(index, "NEW"), ElementsAre("a.h:M"));
  EXPECT_THAT(naming(index, "M"), ElementsAre("a.h:M", "a.h:M"));
}

TEST(NameIndex, FilesThatCannotBeRead) {
  const NameIndex index = NameIndex::build(
      {{"a.c", false, true}, {"b.c", false, true}},
      [](std::size_t i) { return i == 0 ? std::nullopt : std::optional<std::string>("int b;"); },
      1);
  EXPECT_TRUE(index.is_unread(0));
  EXPECT_FALSE(index.is_unread(1));
  const NameIndex nothing = index_of({});
  EXPECT_FALSE(nothing.word("a"));
  EXPECT_EQ(nothing.files(), 0U);
}

class KeptIndex : public ::testing::Test {
 protected:
  KeptIndex() {
    tree.source = folder / "source";
    tree.store = folder / "store";
    folder.write("source/include/a.h", "#define DO(op) spin_##op\n");
    folder.write("source/x.c", "#include <a.h>\nint x;\n");
    folder.write("source/y.c", "#include <a.h>\nint y;\n");
    folder.write("source/include/none.h", "int none;\n");
  }
  NameIndex get() {
    if (auto kept = NameIndex::kept(tree)) return std::move(*kept);
    auto graph = IncludeGraph::of(tree);
    auto index = NameIndex::make(tree, *graph, {"x.c"}, 2);
    EXPECT_TRUE(index) << index.error().message;
    EXPECT_TRUE(index->keep(tree));
    return std::move(*index);
  }
  void expect_whole(const NameIndex& index) {
    EXPECT_EQ(index.files(), 2U) << "what the sources may read, and no more";
    EXPECT_THAT(mentioning(index, "x"), ElementsAre("x.c"));
    EXPECT_FALSE(index.word("y"));
    EXPECT_THAT(naming(index, "DO"), ElementsAre("include/a.h:DO"));
    EXPECT_TRUE(index.pasting().contains("spin_"));
  }
  const TemporaryFolder folder;
  Tree tree;
};

TEST_F(KeptIndex, IsMadeOnce) {
  expect_whole(get());
  folder.write("source/x.c", "int changed;\n");  // no tree does that
  expect_whole(get());
}

TEST_F(KeptIndex, IsMadeAgainWhenItIsDamaged) {
  expect_whole(get());
  const std::string whole = folder.read("store/names");
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    folder.write("store/names", whole.substr(0, size));
    expect_whole(get());
  }
  for (std::size_t at = 0; at < whole.size(); at += 5) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    folder.write("store/names", damaged);
    expect_whole(get());
  }
  EXPECT_EQ(folder.read("store/names"), whole);
}

TEST_F(KeptIndex, HalfATreeIsAnError) {
  auto graph = IncludeGraph::of(tree);
  std::filesystem::remove(folder / "source/include/a.h");
  EXPECT_EQ(NameIndex::make(tree, *graph, {"x.c"}, 1).error().code, "file-unreadable");
  EXPECT_FALSE(NameIndex::kept(tree));
}

}  // namespace
}  // namespace splicer
