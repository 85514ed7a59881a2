// SPDX-License-Identifier: GPL-2.0-or-later
//
// Facts of a C text, with enough of the kernel's words declared before it.
//
//     const UnitFacts facts = facts_of("struct foo { int a; }; int f(struct foo *x) { return x->a;
//     }");
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "splice-cc/semantics/changed_code.h"
#include "splice-cc/semantics/clang_unit.h"
#include "splice-cc/semantics/read_facts.h"
#include "tests/support/temporary_folder.h"

namespace splicer {

// In a header, as in the kernel: what stands there is not the file's own.
constexpr const char* kKernelHeader = R"(
#define NULL ((void *)0)
#define __always_inline inline __attribute__((always_inline))
typedef unsigned int u32;
typedef unsigned char u8;
struct raw_spinlock { int v; };
struct spinlock { union { struct raw_spinlock rlock; }; };
typedef struct spinlock spinlock_t;
struct mutex { int v; };
struct kref { int v; };
void mutex_lock(struct mutex *m);
int mutex_trylock(struct mutex *m);
int mutex_lock_killable(struct mutex *m);
void mutex_unlock(struct mutex *m);
void _raw_spin_lock(struct raw_spinlock *l);
unsigned long _raw_spin_lock_irqsave(struct raw_spinlock *l);
void _raw_spin_unlock(struct raw_spinlock *l);
void _raw_spin_unlock_irqrestore(struct raw_spinlock *l, unsigned long flags);
static __always_inline struct raw_spinlock *spinlock_check(spinlock_t *l) { return &l->rlock; }
#define spin_lock_irqsave(l, flags) do { flags = _raw_spin_lock_irqsave(spinlock_check(l)); } while (0)
static __always_inline void spin_lock(spinlock_t *l) { _raw_spin_lock(&l->rlock); }
static __always_inline void spin_unlock(spinlock_t *l) { _raw_spin_unlock(&l->rlock); }
static __always_inline void spin_unlock_irqrestore(spinlock_t *l, unsigned long flags) {
  _raw_spin_unlock_irqrestore(&l->rlock, flags);
}
void kref_get(struct kref *k);
int kref_put(struct kref *k, void (*release)(struct kref *));
int kref_get_unless_zero(struct kref *k);
void *kzalloc(unsigned long size);
void *kmalloc(unsigned long size);
struct file;
struct file *fget(int fd);
void fput(struct file *f);
struct thing { struct mutex lock; spinlock_t spin; struct kref ref; int n; };
struct thing *thing_find(int n);
void thing_put(struct thing *t);
void work(void);
void panic(void) __attribute__((noreturn));
)";

inline UnitFacts facts_of(const std::string& text) {
  const TemporaryFolder folder;
  folder.write("kernel.h", kKernelHeader);
  folder.write("unit.c", "#include \"kernel.h\"\n" + text);
  UnitFacts facts;
  const auto error =
      with_syntax_tree({folder.path(), "unit.c", {"-std=gnu11"}},
                       [&facts](clang::ASTContext& context) { facts = read_facts(context); });
  EXPECT_EQ(error, std::nullopt);
  return facts;
}

// A patch that replaces all functions of the text but those called "kept".
inline ChangedCode all_but_kept(const UnitFacts& facts) {
  ChangedCode code;
  for (const auto& [name, function] : facts.functions)
    if (name != "kept") code.replaced.insert(name);
  code.compiled = code.replaced;
  return code;
}

}  // namespace splicer
