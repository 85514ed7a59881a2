// SPDX-License-Identifier: GPL-2.0-or-later
//
// From patched headers to the units that must be compiled, in passes that each leave fewer:
//
//     include/net/ip6_route.h
//       may be included by 1078 files      their #include lines (header_reach.h)
//       mention what changes: 30           names in their text (name_reach.h)
//       really include it: 27              the preprocessor
//       their code uses what changes: 22   its output (prune.h)
//
// A patch that changes a structure which the running kernel has many of, or a variable's initial
// value, is refused in the end, so it is refused here, by the files that the patch itself changes,
// before thousands are looked at.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "splice-cc/build/unit_list.h"
#include "splice-cc/create.h"
#include "splice-cc/headers/affected_readers.h"

namespace splicer {

// `direct`: units whose own source is patched; none of them is among the answer's. `headers`: what
// else the patch changes. Errors: those of prune.h and unit_list.h, of diff_unit() and of
// check_layouts().
Result<Affected> units_of_headers(Creation& creation, UnitList& list,
                                  const std::vector<Unit>& direct,
                                  const std::set<std::string>& headers);

}  // namespace splicer
