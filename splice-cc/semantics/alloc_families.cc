// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/alloc_families.h"

#include <algorithm>
#include <iterator>

namespace splicer {

namespace {

// The rows, so that alloc_families.inc can be read without any C++.
constexpr int argument_0 = 0;
constexpr int argument_1 = 1;
constexpr int argument_2 = 2;
#define ALLOCATES(callee, family) {#callee, family, kAllocates},
#define RELEASES(callee, family, object) {#callee, family, object},
constexpr AllocRow kRows[] = {
#include "splice-cc/semantics/alloc_families.inc"
};
#undef ALLOCATES
#undef RELEASES

// What __free_pages() is given is a struct page, and free_pages() an address (mm/page_alloc.c).
constexpr AllocRow kFreePages = {"__free_pages", "page", 0};

std::string_view plain(std::string_view name) {
  while (name.starts_with('_')) name.remove_prefix(1);
  constexpr std::string_view kNotProfiled = "_noprof";
  if (name.ends_with(kNotProfiled)) name.remove_suffix(kNotProfiled.size());
  return name;
}

const AllocRow* find(std::string_view name, bool allocates) {
  for (const auto* row = std::ranges::lower_bound(kRows, name, {}, &AllocRow::callee);
       row != std::end(kRows) && row->callee == name; ++row)
    if ((row->argument == kAllocates) == allocates) return row;
  return nullptr;
}

std::string_view kind(std::string_view family) { return family.substr(0, family.find(':')); }

}  // namespace

std::span<const AllocRow> alloc_rows() { return kRows; }

const AllocRow* allocator_of(std::string_view callee) { return find(plain(callee), true); }

const AllocRow* release_of(std::string_view callee) {
  if (callee == kFreePages.callee) return &kFreePages;
  return find(plain(callee), false);
}

bool accepts(std::string_view released, std::string_view allocated) {
  if (released == allocated) return true;
  const std::string_view from = kind(allocated);
  // mm/slab_common.c, kfree(): of whichever cache the object is. mm/util.c, kvfree(): vfree() or
  // kfree(), by its address; kfree_const(): nothing that is in .rodata.
  if (released == "kmalloc") return from == "kmem_cache";
  if (released == "kstrdup_const") return from == "kmalloc";
  if (released == "kvmalloc") return from == "kmalloc" || from == "vmalloc" || from == "kmem_cache";
  // mm/swap.c: the last reference of a page releases it, whoever allocated it.
  if (released == "page reference") return from == "page";
  // A cache that is not known by name, on either side.
  return kind(released) == from && (released == from || allocated == from);
}

}  // namespace splicer
