// SPDX-License-Identifier: GPL-2.0-or-later
//
// Where in a function something is taken and given back, and whether the two may be in one call of it.
//
//     switch (event) {
//     case NETDEV_UP:   dev_hold(dev); break;
//     case NETDEV_DOWN: dev_put(dev); break;      apart: no path leads from the one to the other
//     }
//     if (x) dev_hold(dev); ...; if (x) dev_put(dev);      not apart
//
//     if (on) dev_hold(dev); if (!on) dev_put(dev);          apart: no call passes both conditions
//
// A loop around a switch does not make it one path: what is done in the next round is done to the
// next object.
//
// Invariant: of sites that are apart, each call of the function passes those of one kind only.
// Cost: a walk over the graph for each object that is both taken and given back.
#pragma once

#include <set>
#include <tuple>

#include "splice-cc/semantics/guards.h"

namespace clang {
class CallExpr;
class CFGBlock;
}  // namespace clang

namespace splicer {

struct EffectSite {
  const clang::CFGBlock* block = nullptr;
  unsigned place = 0;  // in the block
  bool takes = false;
  bool gives = false;
  bool apart = false;  // a call of a function in which both are apart
  const clang::CallExpr* call = nullptr;
  const Guards* guards = nullptr;  // of the call
  auto operator<=>(const EffectSite&) const = default;
};

// With each site's guards, or without: then by paths alone.
bool are_apart(const std::set<EffectSite>& sites);

}  // namespace splicer
