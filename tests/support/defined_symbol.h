// SPDX-License-Identifier: GPL-2.0-or-later
//
// A symbol of an object by its name, for tests whose names are their own: in the kernel's objects
// a local name may occur more than once.
//
//     EXPECT_TRUE(defined_symbol(object, "limit")->is_local());
#pragma once

#include <algorithm>
#include <string_view>

#include "matcher/elf/elf_object.h"

namespace splicer {

// The first defined symbol of that name that is not a section's, or nullptr.
inline const Symbol* defined_symbol(const ElfObject& object, std::string_view name) {
  const auto found = std::ranges::find_if(object.symbols(), [&](const Symbol& symbol) {
    return symbol.defined() && !symbol.is_section() && symbol.name == name;
  });
  return found == object.symbols().end() ? nullptr : &*found;
}

}  // namespace splicer
