// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/memory_facts.h"

#include <fmt/core.h>
#include <gmock/gmock.h>

#include "tests/support/kernel_text.h"

namespace splicer {
namespace {

constexpr const char* kTypes =
    "void *vmalloc(unsigned long size); void vfree(const void *p); void kfree(const void *p);\n"
    "struct kmem_cache; void *kmem_cache_alloc(struct kmem_cache *c, int flags);\n"
    "void kmem_cache_free(struct kmem_cache *c, void *p);\n"
    "struct rcu_head { void *next; };\n"
    "struct ring { int *slots; struct rcu_head rcu; };\n";

// "struct ring.slots: +kmalloc -vmalloc; ..."
std::string memory(const std::string& text) {
  std::string out;
  for (const auto& [slot, facts] : facts_of(kTypes + text).memory) {
    out += fmt::format("{}{}:", out.empty() ? "" : "; ", slot);
    for (const auto& [family, call] : facts.allocated) out += " +" + family;
    for (const auto& [family, call] : facts.released) out += " -" + family;
  }
  return out;
}

TEST(MemoryFacts, MemberAndItsObject) {
  EXPECT_EQ(memory("void f(struct ring *r) { r->slots = kmalloc(8); }"),
            "struct ring.slots: +kmalloc");
  EXPECT_EQ(memory("void f(struct ring *r) { kfree(r->slots); kfree(r); }"),
            "struct ring: -kmalloc; struct ring.slots: -kmalloc");
  EXPECT_EQ(memory("static int *all; void f(void) { all = vmalloc(8); }"), "all: +vmalloc");
}

TEST(MemoryFacts, ThroughLocalVariables) {
  EXPECT_EQ(memory("void f(struct ring *r) { int *s = NULL; s = kzalloc(8); r->slots = s; }"),
            "struct ring.slots: +kmalloc");
  EXPECT_EQ(memory("void f(struct ring *r) { int *old = r->slots; r->slots = NULL; vfree(old); }"),
            "struct ring.slots: -vmalloc");
}

TEST(MemoryFacts, ThroughFunctionsWithABody) {
  EXPECT_EQ(memory("static int *make(void) { int *s = vmalloc(8); return s; }\n"
                   "static void drop(int *s) { if (s) vfree(s); }\n"
                   "void f(struct ring *r) { r->slots = make(); }\n"
                   "void g(struct ring *r) { drop(r->slots); }"),
            "struct ring.slots: +vmalloc -vmalloc");
}

TEST(MemoryFacts, MemoryOfOneCallIsItsOwn) {
  EXPECT_EQ(memory("void f(int n) { int *s = kmalloc(n); work(); kfree(s); }"), "");
  EXPECT_EQ(memory("void f(int n) { struct ring *r = kmalloc(n); kfree(r); }"),
            "struct ring: +kmalloc");
}

TEST(MemoryFacts, CachesAreDifferent) {
  EXPECT_EQ(memory("static struct kmem_cache *cache; struct ring *f(void) { "
                   "return kmem_cache_alloc(cache, 0); } "
                   "void g(struct ring *r) { kmem_cache_free(cache, r); }"),
            "struct ring: +kmem_cache:cache -kmem_cache:cache");
  EXPECT_EQ(memory("static struct kmem_cache *cache; struct ring *f(void) { "
                   "struct ring *r = kmem_cache_alloc(cache, 0); return r; }"),
            "struct ring: +kmem_cache:cache");
}

// include/linux/rcupdate.h, before and after it was given the object.
TEST(MemoryFacts, ReleasedAfterAGracePeriod) {
  EXPECT_EQ(memory("void kvfree_call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *));\n"
                   "void f(struct ring *r) { kvfree_call_rcu(&r->rcu, (void (*)(struct rcu_head *))"
                   "(unsigned long)__builtin_offsetof(struct ring, rcu)); }"),
            "struct ring: -kvmalloc");
  EXPECT_EQ(memory("void kvfree_call_rcu(struct rcu_head *head, void *ptr);\n"
                   "void f(struct ring *r) { kvfree_call_rcu(&r->rcu, (void *)r); }"),
            "struct ring: -kvmalloc");
}

}  // namespace
}  // namespace splicer
