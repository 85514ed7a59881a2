// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/compare_memory.h"

#include <gmock/gmock.h>

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Families = std::vector<std::string>;
using Memory = std::map<std::string, MemoryFacts>;

Memory memory(const Families& allocated, const Families& released) {
  MemoryFacts facts;
  for (const std::string& family : allocated)
    facts.allocated[family] = {family, "make", {"fs/foo.c", 3}};
  for (const std::string& family : released)
    facts.released[family] = {"free of " + family, "drop", {"fs/foo.c", 9}};
  return {{"struct foo.ring", facts}};
}

std::vector<std::string> titles(const Memory& pre, const Memory& post) {
  std::vector<std::string> out;
  for (const Finding& finding : compare_memory(pre, post))
    out.push_back((finding.refuse ? "refuse " : "warn ") + finding.title());
  return out;
}

TEST(CompareMemory, OneFamilyInPlaceOfAnother) {
  const auto findings =
      compare_memory(memory({"kmalloc"}, {"kmalloc"}), memory({"vmalloc"}, {"vmalloc"}));
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].title(), "release-changed:struct foo.ring");
  EXPECT_TRUE(findings[0].refuse);
  EXPECT_THAT(findings[0].message, HasSubstr("drop now gives the memory of struct foo.ring to"));
  EXPECT_THAT(findings[0].was, HasSubstr("allocated by kmalloc() in make"));
}

TEST(CompareMemory, WhoAllocatesIsInAnotherFile) {
  EXPECT_THAT(titles(memory({}, {"kmalloc"}), memory({}, {"vmalloc"})),
              ElementsAre("refuse release-changed:struct foo.ring"));
  EXPECT_THAT(titles(memory({}, {"kmalloc"}), memory({}, {"kvmalloc"})), IsEmpty());
}

TEST(CompareMemory, ReleaseThatTakesBothIsOnlyInTheWayOfAnUndo) {
  EXPECT_THAT(titles(memory({"kmalloc"}, {"kmalloc"}), memory({"kvmalloc"}, {"kvmalloc"})),
              ElementsAre("warn allocator-changed:struct foo.ring"));
}

TEST(CompareMemory, NewReleaseOfWhatTheDeviceReleased) {
  EXPECT_THAT(titles(memory({"devm"}, {}), memory({"kmalloc"}, {"kmalloc"})),
              ElementsAre("refuse release-changed:struct foo.ring"));
}

TEST(CompareMemory, AllocatorWithoutARelease) {
  EXPECT_THAT(titles(memory({"kmalloc"}, {}), memory({"vmalloc"}, {})),
              ElementsAre("refuse allocator-changed:struct foo.ring"));
  EXPECT_THAT(titles(memory({"kmalloc"}, {}), memory({"kmem_cache:a"}, {})), IsEmpty());
}

TEST(CompareMemory, WhatComesInAdditionIsNone) {
  EXPECT_THAT(titles(memory({"kmalloc"}, {"kmalloc"}),
                     memory({"kmalloc", "vmalloc"}, {"kmalloc", "vmalloc"})),
              IsEmpty());
  EXPECT_THAT(titles(memory({"kmalloc"}, {}), memory({"kmalloc"}, {"kmalloc"})), IsEmpty());
}

TEST(CompareMemory, WhatNobodyOwnedBefore) {
  EXPECT_THAT(titles({}, memory({"kmalloc"}, {"kmalloc"})),
              ElementsAre("refuse release-changed:struct foo.ring"));
  EXPECT_THAT(titles({}, memory({"kmalloc"}, {})), IsEmpty());
  EXPECT_THAT(titles({}, memory({}, {"kmalloc"})), IsEmpty()) << "a leak that is mended";
}

TEST(CompareMemory, ReleaseThatIsMended) {
  EXPECT_THAT(titles(memory({"kvmalloc"}, {"kmalloc"}), memory({"kvmalloc"}, {"kvmalloc"})),
              IsEmpty());
}

TEST(CompareMemory, FilesAreLookedAtTogether) {
  Memory all = memory({"kmalloc"}, {});
  merge_memory(all, memory({}, {"vmalloc"}));
  EXPECT_TRUE(all.at("struct foo.ring").allocated.contains("kmalloc"));
  EXPECT_TRUE(all.at("struct foo.ring").released.contains("vmalloc"));
}

TEST(CompareMemory, AReleaseByRcuTellsNothingOfTheAllocator) {
  Memory before = memory({}, {"kvmalloc"});
  before["struct foo.ring"].released["kvmalloc"].callee = "kvfree_call_rcu";
  EXPECT_THAT(titles(before, memory({}, {"kmalloc"})),
              ElementsAre("warn release-changed:struct foo.ring"));
  EXPECT_THAT(titles(memory({}, {"kvmalloc"}), memory({}, {"kmalloc"})),
              ElementsAre("refuse release-changed:struct foo.ring"));
}

}  // namespace
}  // namespace splicer
