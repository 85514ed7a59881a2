// SPDX-License-Identifier: GPL-2.0-or-later
//
// The new code of one target, as a module that lacks only addresses.
//
// The included atoms of all units are laid out one after the other, each with its entries in the
// special sections, and their references are settled:
//
//     to another included atom        a relocation inside the module
//     to what the kernel exports      stays undefined: the kernel's loader checks its version and
//                                     holds its owner
//     to what the pre object knows    an undefined symbol, which apply gives the address inferred
//                                     from the running code ("pre")
//     to anything else by its name    likewise, by the kernel's symbol table ("kernel")
//
// A reference to the entry of a replaced function means the old entry: so function pointers compare
// equal, and after an undo none is left pointing into freed memory.
//
// A replaced function has `.splice` after its name, so that the kernel's symbols have its name once,
// for its old entry: what probes by name still works, and finds what callers call.
//
// Invariant: the same diff gives the same bytes.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/package/package.h"
#include "splice-cc/diff/changed_unit.h"
#include "splice-cc/module/module_frame.h"

namespace splicer {

struct NewModule {
  std::vector<std::uint8_t> bytes;
  std::vector<PackageFunction> functions;
  std::vector<PackageSymbol> symbols;
  std::vector<PackageHook> hooks;
  std::vector<PackageValue> values;
};

// The units must be compared. `number` is the target's index in the package. `defined_elsewhere`: new global names that the
// modules of earlier targets define, with the target's name.
Result<NewModule> make_module(const std::vector<const ChangedUnit*>& units, const ModuleGlue& glue,
                              std::size_t number,
                              const std::map<std::string, std::string>& defined_elsewhere);

}  // namespace splicer
