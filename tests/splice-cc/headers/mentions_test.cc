// SPDX-License-Identifier: GPL-2.0-or-later
//
// In which texts a name is found, and a slow oracle: all ways in which it can be taken apart.
#include "splice-cc/headers/mentions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Words = std::set<std::string>;

class Sources {
 public:
  Sources(const std::string& macros, const std::vector<std::string>& texts)
      : index_(NameIndex::build(
            std::vector<IndexedFile>(texts.size(), {"x.c", false, true}),
            [&](std::size_t i) { return std::optional(texts[i]); }, 1)),
        pasting_(learn_pasting(
            1, [&](std::size_t) { return std::optional(macros); }, 1)),
        mentions_(index_, pasting_) {}
  // Of which text each is.
  std::set<NameIndex::Number> of(std::string_view name) const {
    const auto found = mentions_.of(name);
    return {found.begin(), found.end()};
  }

 private:
  NameIndex index_;
  TokenPasting pasting_;
  Mentions mentions_;
};

TEST(Mentions, WordsAndParts) {
  const Sources sources("#define DO(op) spin_##op##_end()\n",
                        {"spin_one_end", "one", "DO(one)", "spin_one", "spin_, one_end", "two"});
  EXPECT_THAT(sources.of("spin_one_end"), ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(sources.of("spin_"), ElementsAre(4));
  EXPECT_THAT(sources.of("other"), IsEmpty());
  EXPECT_THAT(sources.of(""), IsEmpty());
}

TEST(Mentions, ManyPiecesOnlyWhereAMacroJoinsThem) {
  const Sources sources(
      "#define FOUR(a, b, c, d) a##b##c##d\n#define OVER(x) FOUR(x)\n",
      {"FOUR(aa, bb, cc, dd)", "aa bb cc dd", "OVER(aa) bb cc dd", "FOUR(aa, bb, cc)"});
  EXPECT_THAT(sources.of("aabbccdd"), ElementsAre(0, 2));
}

// A name of 48 letters has 16,215 splits into four; a thousand names must cost next to nothing.
TEST(Mentions, LongNamesCostNothing) {
  const Sources sources("#define FOUR(a, b, c, d) a##b##c##d\n", {"FOUR(a, bb, a, b)"});
  for (int i = 0; i < 1000; ++i)
    EXPECT_THAT(sources.of(std::string(48, static_cast<char>('c' + i % 20)) + std::to_string(i)),
                IsEmpty());
}

// All splits of a name, one after the other.
bool is_made_of(std::string_view name, const TokenPasting::Chain& chain, std::size_t at,
                const Words& words) {
  if (at == chain.size()) return name.empty();
  if (!chain[at].empty())
    return name.starts_with(chain[at]) &&
           is_made_of(name.substr(chain[at].size()), chain, at + 1, words);
  for (std::size_t size = 1; size <= name.size(); ++size)
    if (words.contains(std::string(name.substr(0, size))) &&
        is_made_of(name.substr(size), chain, at + 1, words))
      return true;
  return false;
}

bool is_mentioned(const std::string& name, const Words& words, const TokenPasting& pasting) {
  for (std::size_t begin = 0; begin < name.size(); ++begin)
    for (std::size_t end = begin + 1; end <= name.size(); ++end)
      if ((begin == 0 || pasting.contains(name.substr(0, begin))) &&
          (end == name.size() || pasting.contains(name.substr(end))) &&
          words.contains(name.substr(begin, end - begin)))
        return true;
  for (std::size_t i = 1; i < name.size(); ++i)
    if (words.contains(name.substr(0, i)) && words.contains(name.substr(i))) return true;
  const bool joins = std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    return pasting.is_chaining(word);
  });
  return joins && std::any_of(pasting.chains().begin(), pasting.chains().end(),
                              [&](const auto& chain) { return is_made_of(name, chain, 0, words); });
}

TEST(Mentions, AgreeWithAllSplits) {
  const std::string macros =
      "#define TWO(x) aa##x\n#define END(x) x##_b\n#define THREE(x, y) x##_##y\n"
      "#define FOUR(a, b, c, d) a##b##c##d\n#define MID(x, y) ab##x##_##y\n#define OVER(x) "
      "THREE(x, b)\n";
  const TokenPasting pasting = learn_pasting(
      1, [&](std::size_t) { return std::optional(macros); }, 1);
  std::mt19937 random(1);  // NOLINT: the same each time
  const auto word = [&](std::size_t longest) {
    std::string text;
    for (std::size_t size = 1 + random() % longest; size > 0; --size) text += "ab_"[random() % 3];
    return text;
  };
  std::size_t found = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> texts;
    std::vector<Words> words;
    for (int i = 0; i < 10; ++i) {
      Words some;
      for (std::size_t count = random() % 5; count > 0; --count) some.insert(word(3));
      if (random() % 2 == 0) some.insert(std::array{"FOUR", "THREE", "OVER", "MID"}[random() % 4]);
      std::string text;
      for (const std::string& one : some) text += one + " ";
      texts.push_back(text);
      words.push_back(std::move(some));
    }
    const Sources sources(macros, texts);
    for (int i = 0; i < 10; ++i) {
      const std::string name = word(8);
      const auto entries = sources.of(name);
      for (NameIndex::Number text = 0; text < texts.size(); ++text) {
        EXPECT_EQ(entries.contains(text), is_mentioned(name, words[text], pasting))
            << name << " in " << texts[text];
        found += entries.contains(text) ? 1 : 0;
      }
    }
  }
  EXPECT_GT(found, 1000U);
}

}  // namespace
}  // namespace splicer
