// SPDX-License-Identifier: GPL-2.0-or-later
//
// The kernel's functions that give memory and that take it back, by family: a table by name
// (alloc_families.inc, to which a function is added by a line), and which of the second may be given
// what the first have given.
//
//     allocator_of("kcalloc")      {"kmalloc"}
//     release_of("kvfree")         {"kvmalloc"}, of its first argument
//     accepts("kvmalloc", "kmalloc")   true: kvfree() looks where the memory is (mm/util.c)
//     accepts("vmalloc", "kmalloc")    false: vfree() of it is a bug
//
// Leading underscores and the ending "_noprof" (include/linux/alloc_tag.h) do not count.
//
// Invariant: the table is sorted by name, each name once as an allocator and once as a release.
// Cost: a binary search.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace splicer {

struct AllocRow {
  std::string_view callee;
  const char* family;
  int argument;  // what is released; kAllocates for an allocator, which returns it
};
inline constexpr int kAllocates = -1;

std::span<const AllocRow> alloc_rows();
// Null if the function does neither.
const AllocRow* allocator_of(std::string_view callee);
const AllocRow* release_of(std::string_view callee);
// May memory of that family be given to a function that releases this one? A family may have a cache
// behind a colon: "kmem_cache:epi_cache".
bool accepts(std::string_view released, std::string_view allocated);

}  // namespace splicer
