// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/alloc_families.h"

#include <gtest/gtest.h>

#include <tuple>

namespace splicer {
namespace {

TEST(AllocFamilies, FoundByName) {
  ASSERT_NE(allocator_of("kcalloc"), nullptr);
  EXPECT_STREQ(allocator_of("kcalloc")->family, "kmalloc");
  EXPECT_STREQ(allocator_of("__vmalloc_noprof")->family, "vmalloc");
  EXPECT_STREQ(release_of("__free_pages")->family, "page");
  EXPECT_STREQ(release_of("free_pages")->family, "page address");
  EXPECT_EQ(release_of("kmem_cache_free")->argument, 1);
  EXPECT_EQ(release_of("kcalloc"), nullptr);
  EXPECT_EQ(allocator_of("kfree"), nullptr);
  EXPECT_NE(allocator_of("krealloc"), nullptr);
  EXPECT_NE(release_of("krealloc"), nullptr);
}

TEST(AllocFamilies, WhatMayBeGivenToWhat) {
  EXPECT_TRUE(accepts("kmalloc", "kmalloc"));
  EXPECT_TRUE(accepts("kmalloc", "kmem_cache:foo_cache"));
  EXPECT_TRUE(accepts("kvmalloc", "vmalloc"));
  EXPECT_FALSE(accepts("vmalloc", "kmalloc"));
  EXPECT_FALSE(accepts("kmalloc", "kvmalloc"));
  EXPECT_FALSE(accepts("kmalloc", "devm"));
  EXPECT_FALSE(accepts("kmem_cache:a", "kmalloc"));
  EXPECT_FALSE(accepts("kmem_cache:a", "kmem_cache:b"));
  EXPECT_TRUE(accepts("kmem_cache:a", "kmem_cache"));
}

// alloc_families.inc: sorted by function, an allocator before a release; each pair once.
TEST(AllocFamilies, RowsAreSortedWithoutDuplicates) {
  const auto rows = alloc_rows();
  EXPECT_GT(rows.size(), 90U);
  for (std::size_t i = 1; i < rows.size(); ++i)
    EXPECT_TRUE(std::pair(rows[i - 1].callee, rows[i - 1].argument != kAllocates) <
                std::pair(rows[i].callee, rows[i].argument != kAllocates))
        << "put this row in its place: " << rows[i].callee;
}

}  // namespace
}  // namespace splicer
