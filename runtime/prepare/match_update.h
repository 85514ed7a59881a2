// SPDX-License-Identifier: GPL-2.0-or-later
//
// A whole update against a whole kernel: every unit matched, every function that is to be replaced
// proved and given the place of its jump, every symbol of the new code given an address.
//
//     auto matched = match_update(package, left_out, *image, state);
//     matched->functions[0].trampoline.site          where its jump will be written
//
// Nothing here writes to the kernel, so it is also all of a dry run. When the kernel changes its
// code between this and the switch (a tracer starts, a static key flips), it is simply done again.
//
// Invariant: `functions` has every "replaced" function of the targets that are not left out, in the
// manifest's order, and `checked` every "checked" one, all of them proved; there is no half match.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "matcher/base/result.h"
#include "matcher/image/image.h"
#include "matcher/match/match.h"
#include "runtime/package/package.h"
#include "runtime/prepare/resolve.h"
#include "runtime/prepare/state.h"
#include "runtime/prepare/trampoline_site.h"

namespace splicer {

struct MatchedFunction {
  const PackageFunction* function = nullptr;  // in the package
  std::size_t target = 0;                     // index in Manifest::targets
  FunctionMatch run;
  TrampolineSite trampoline;  // of a "replaced" one
};

struct MatchedUpdate {
  std::vector<MatchedFunction> functions;
  // No thread may be in these at the switch, and nothing is written there.
  std::vector<MatchedFunction> checked;
  // For each target, the addresses of what its new module needs: all but "update" symbols.
  std::vector<Addresses> addresses;
  std::vector<RuntimeConstants> constants;  // and the values that it needs, for each target
  // Structures, enumerators and declarations that the kernel's own type information agrees with.
  std::size_t types = 0;
  std::vector<std::string> unknown_types;  // that it does not have, so nothing is known of them
  // Values in place that somebody has set to something else, and that are left.
  std::vector<std::string> set_values;
  // Modules other than the targets that hold code or data the update refers to.
  std::set<std::string> owners;
};

// `left_out` are targets that are not loaded and stay unpatched. Errors: the matcher's own, those
// of trampoline_site.h, resolve.h, values.h and matcher/image/btf_layout.h, and "package-manifest" where
// package and objects disagree.
Result<MatchedUpdate> match_update(const Package& package, const std::set<std::string>& left_out,
                                   const Image& image, const State& state);

}  // namespace splicer
