// SPDX-License-Identifier: GPL-2.0-or-later
//
// What one version of a C file says, as plain facts: types, enumerators, functions, variables, and
// who uses what. Facts outlive the syntax tree that they come from, and two sets of them are
// compared without Clang (compare_types.h, compare_effects.h, compare_memory.h).
//
//     struct foo { u32 a; u8 b[4]; };
//         records["struct foo"] = {size 8, members {"a", "unsigned int", 0}, {"b", "char [4]", 32}}
//
// Types are written without const, and without typedefs but those that say the order of bytes: what is
// in memory, not how it is called.
//
// Invariant: nothing here depends on where in a file a thing is, except its SourcePlace.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "splice-cc/findings/findings.h"
#include "splice-cc/semantics/arithmetic_uses.h"
#include "splice-cc/semantics/memory_uses.h"
#include "splice-cc/semantics/place_uses.h"
#include "splice-cc/semantics/value_uses.h"

namespace splicer {

struct MemberFacts {
  std::string name;
  std::string type;
  std::uint64_t offset = 0;  // bits
  std::uint64_t width = 0;   // bits, of a bit-field
  bool scalar = true;        // a number, an enumerator, a pointer
  std::string layout = {};   // layout_type() of its type
  bool operator==(const MemberFacts&) const = default;
};

struct RecordFacts {
  SourcePlace place;
  std::uint64_t size = 0;  // bytes
  std::uint64_t alignment = 0;
  std::vector<MemberFacts> members;  // those of unnamed structures and unions among them
  std::set<std::string> embedded;    // records that are members by value
  bool own = false;                  // defined in the file itself, so no other file has any
  std::set<std::string> allocators;  // functions that allocate one: "kzalloc"
  std::set<std::string> frames;      // functions that have one as a local variable
  bool is_static = false;            // a variable of static storage holds one
};

struct EnumeratorFacts {
  SourcePlace place;
  std::string type;  // "enum foo", or "enum { FIRST }"
  std::int64_t value = 0;
  std::size_t behind = 0;  // how many follow it in its type
};

// A lock or a reference, as one function sees it. `object` is written with "$0" for the function's
// first parameter and "%name" for a local variable, and without & * -> and casts.
struct HeldObject {
  std::string family;  // "mutex", "kref", "get_/put_ foo"
  std::string object;  // "$0.lock"; empty for what there is one of (RCU)
  bool reference = false;
  bool sure = true;  // false: so called, but nothing more is known of it
  auto operator<=>(const HeldObject&) const = default;
};

// How many more (1) or fewer (-1) may be held when the function returns than when it was called.
// The highest count means any number from it on: a loop.
inline constexpr int kMostCounted = 3;
using HeldEffects = std::map<HeldObject, std::set<int>>;

struct FunctionFacts {
  SourcePlace place;
  std::string type;            // without names of parameters
  bool local = false;          // static
  bool address_taken = false;  // stored, passed, in a table
  bool exported = false;
  bool start_up = false;  // in a section that is gone after start-up
  bool nmi_entry =
      false;  // an NMI or a machine check leads to it, not through other code of the file
  HeldEffects effects;
  std::set<HeldObject> apart;    // taken and given back, but never by one call of the function
  std::set<std::string> taken;   // families of slots (lock_families.h), wherever it takes them
  std::set<std::string> relies;  // set-ups of slots that it takes for granted
  MemoryUses uses;
  PlaceUses places;
  ArithmeticUses arithmetic;
  ValueUses values;
  std::set<std::string> calls;     // functions of this file
  std::set<std::string> mentions;  // all functions
};

// A function of the kernel that allocates or releases memory, and one that calls it.
struct MemoryCall {
  std::string callee;
  std::string function;
  SourcePlace place;
};

// What happens to the memory behind a slot (slot.h), or to the objects of a type; by family.
struct MemoryFacts {
  std::map<std::string, MemoryCall> allocated;
  std::map<std::string, MemoryCall> released;
};

struct VariableFacts {
  SourcePlace place;
  std::string text;  // the declaration with its initialiser, as it is in the file
  std::string type;
  bool constant = false;
  bool copied = false;  // a record of it is read as a whole: *to = table
};

struct UnitFacts {
  std::map<std::string, RecordFacts> records;
  std::map<std::string, EnumeratorFacts> enumerators;
  // Functions and variables that the file refers to and does not define: declaration_type().
  std::map<std::string, std::string> declarations;
  std::vector<std::size_t> macros;  // hashes of the names of all that are defined, sorted
  std::map<std::string, FunctionFacts> functions;  // defined in the file itself, not in headers
  std::map<std::string, VariableFacts> variables;  // of static storage; "function.name" when local
  std::map<std::string, MemoryFacts> memory;       // by slot; see memory_facts.h
  // Which functions and variables of the file use a record or an enumerator, inlines included.
  std::map<std::string, std::set<std::string>> users;

  // Is there a macro or an enumerator of that name? (Never a wrong no.)
  bool knows_constant(const std::string& name) const {
    return enumerators.contains(name) ||
           std::ranges::binary_search(macros, std::hash<std::string>()(name));
  }
};

}  // namespace splicer
