// SPDX-License-Identifier: GPL-2.0-or-later
//
// The address of every symbol that the new code needs and the kernel does not export.
//
//     "pre"       as the matcher inferred it from the running code and the kernel's tables: exact,
//                 also when ten static variables share the name; what no matched code refers to, by
//                 name, where the name has one symbol of that binding and kind
//     "kernel"    by name, among what the linker and the module loader would have bound it to
//                 (matcher/match/scope.h); one only
//     "string"    where a pointer in a variable leads, if that is to this text
//     "update"    in the module of an earlier target of the same update, once that is loaded
//
// and the value of every runtime constant ("constant"): what the variable of that name holds, which
// the kernel patched into the old code at boot (asm/runtime-const.h).
//
// A reference to a function that is patched resolves to its old entry, so function pointers stay
// comparable and none is left pointing into freed memory after an undo: both the matcher and the
// kernel's own table have old entries.
//
// Invariant: no address is guessed. Two candidates are a refusal, not a choice.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "matcher/base/address.h"
#include "matcher/base/result.h"
#include "matcher/elf/elf_object.h"
#include "matcher/image/image.h"
#include "matcher/match/match.h"
#include "runtime/package/manifest.h"

namespace splicer {

// By name in the new module's symbol table. A constant becomes the value of an absolute symbol like
// an address, but is none.
using Addresses = std::map<std::string, RunAddress>;
using RuntimeConstants = std::map<std::string, std::uint64_t>;

// What matching told of a unit, and the pre object that it is about.
struct UnitMatch {
  MatchResult match;
  ElfObject object;
};
using UnitMatches = std::map<std::string, UnitMatch>;  // by PackageUnit::name

// The "pre", "kernel" and "string" symbols of a target. Errors (ExitCode::mismatch): "symbol-unknown",
// "symbol-ambiguous", "value-changed", and the matcher's own about a constant or a function that differs.
Result<Addresses> resolve_symbols(const PackageTarget& target, const UnitMatches& matches,
                                  const Image& image);

// The "constant" symbols of a target. Errors: "symbol-unknown" and "symbol-ambiguous"
// (ExitCode::mismatch), those of Image::read().
Result<RuntimeConstants> resolve_constants(const PackageTarget& target, const Image& image);

// Where the new module of another target defines an "update" symbol: its section there, whose
// address is known once that module is loaded. Errors (ExitCode::bad_package): "link-symbol".
struct Definition {
  std::string section;
  SectionOffset offset;
};
Result<Definition> find_definition(const PackageSymbol& symbol, const ElfObject& module);

// The modules that hold these addresses: they must stay in memory as long as the update does.
std::set<std::string> owners(const std::vector<RunAddress>& addresses, const SymbolTable& kernel);

}  // namespace splicer
