// SPDX-License-Identifier: GPL-2.0-or-later
//
// What one version of a C file says, as plain facts: types, enumerators, functions, variables, and
// who uses what. Facts outlive the syntax tree that they come from, and two sets of them are
// compared without Clang (compare_types.h, compare_effects.h).
//
//     struct foo { u32 a; u8 b[4]; };
//         records["struct foo"] = {size 8, members {"a", "unsigned int", 0}, {"b", "char [4]", 32}}
//
// Types are written without typedefs and without const: what is in memory, not how it is called.
//
// Invariant: nothing here depends on where in a file a thing is, except its SourcePlace.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace splicer {

struct SourcePlace {
  std::string file;
  unsigned line = 0;
};

struct MemberFacts {
  std::string name;
  std::string type;
  std::uint64_t offset = 0;  // bits
  std::uint64_t width = 0;   // bits, of a bit-field
  bool scalar = true;        // a number, an enumerator, a pointer
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
  HeldEffects effects;
  std::set<std::string> calls;  // functions of this file
};

struct VariableFacts {
  SourcePlace place;
  std::string text;  // the declaration with its initialiser, as it is in the file
};

struct UnitFacts {
  std::map<std::string, RecordFacts> records;
  std::map<std::string, EnumeratorFacts> enumerators;
  std::map<std::string, FunctionFacts> functions;  // defined in the file itself, not in headers
  std::map<std::string, VariableFacts> variables;  // of static storage; "function.name" when local
  // Which functions and variables of the file use a record or an enumerator, inlines included.
  std::map<std::string, std::set<std::string>> users;
};

}  // namespace splicer
