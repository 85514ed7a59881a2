// SPDX-License-Identifier: GPL-2.0-or-later
//
// What memory means to code: how a function reads and writes what lives on when it has returned.
//
// A patch may leave every type and every name as it is and still give live objects another meaning,
// by a macro, a literal, a cast or a hash function. So each function's uses are written down by the
// memory that is used, whatever the spelling:
//
//     alarm->state |= ALARMTIMER_STATE_ENQUEUED;   {"struct alarm.state", store, 1, the macro's name}
//     if (alarm->state & 1)                        {"struct alarm.state", test, 1}
//     struct dentry *d = file->private_data;       casts["struct file.private_data"]["struct dentry"]
//     list = &inet_addr_lst[inet_addr_hash(n, a)]; indexes["inet_addr_lst"], with the hash's body
//     ep_cache = kmem_cache_create(...);           sets_up["ep_cache"], in start-up code
//
// Memory is named by the structure and member, or by the variable, that holds it. Local variables and
// structures that are local variables are no such memory.
//
// Invariant: the same text in two versions of a file gives the same uses, wherever it stands.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace clang {
class ASTContext;
class FunctionDecl;
}  // namespace clang

namespace splicer {

enum class ConstantRole {
  test,   // &, ==, !=, switch, test_bit()
  store,  // =, |=, &= ~, ^=, set_bit()
  scale,  // <<, >>, %
  size,   // of memory that is allocated
};

// A constant that is used with memory. `memory` is empty where it is used with a value whose origin
// is not known: then it counts only by the name that it has in the source.
struct ConstantUse {
  std::string memory;
  ConstantRole role = ConstantRole::test;
  std::int64_t value = 0;
  std::string name;  // of the macros and enumerators that it is written with; empty for a literal
  auto operator<=>(const ConstantUse&) const = default;
};

struct MemoryUses {
  std::set<ConstantUse> constants;
  // By memory that holds a void *, by function that returns one: the records it is taken for.
  std::map<std::string, std::set<std::string>> casts;
  // By table of lists or pointers: the expressions that index it, as text.
  std::map<std::string, std::set<std::string>> indexes;
  // By variable: statements that assign it or hand it on, as text. Of start-up code only.
  std::map<std::string, std::set<std::string>> sets_up;
};

// Reads one function that has a body. Costs one walk over it, and over the bodies of the functions of
// the translation unit that compute an index.
MemoryUses read_memory_uses(clang::ASTContext& context, const clang::FunctionDecl& function);

// Is the function in a section of code that is gone after start-up (.init.text)?
bool is_start_up_code(const clang::FunctionDecl& function);
// Does a function of that name hand out memory: kzalloc, kmem_cache_alloc, kmemdup, __get_free_pages?
bool gives_memory(const std::string& function);

}  // namespace splicer
