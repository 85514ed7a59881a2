// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the differ sees, as lines for a person: splice-create --debug=atoms,twins.
//
//     code .text+0x10 32 bytes f                   an atom
//     state.12 continues state.10                  a twin under another number
//     state.12 is new, though the kernel may have it: no twin can be told from another
#pragma once

#include <string>
#include <vector>

#include "splice-cc/diff/unit_diff.h"

namespace splicer {

// One line for each atom, in the order of the object.
std::vector<std::string> describe_atoms(const AtomTable& table);

// One line for each atom of the post object that has a name or a twin, then one for each of the pre
// object that has a name and no twin.
std::vector<std::string> describe_twins(const UnitPair& pair);

}  // namespace splicer
