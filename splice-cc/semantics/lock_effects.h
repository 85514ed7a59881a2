// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a function holds when it returns, beyond what it held when it was called: locks taken and
// not given back, references, interrupts off.
//
//     int m_start(...)  { mutex_lock(&d->lock); return 0; }        {mutex $0.lock: +1}
//     void work(...)    { mutex_lock(&l); ...; mutex_unlock(&l); }   nothing: 0 on every path
//     int try(...)      { if (!mutex_trylock(&l)) return 0; ... }    {mutex l: 0, +1}
//
// A data flow over Clang's control flow graph. Each block has for each lock the set of counts with
// which it may be reached; calls add to them. Which calls do is in lock_families.h; a
// function with a body in the file, inlines of headers included, does what its body does; of one
// without, the kernel's own annotations (lock_annotations.h) are believed before its name is. A call
// that may fail (a trylock) counts on the branch where it did not.
//
// Whatever counts up and down is held by the same flow: atomic_inc(), x->users++.
//
// Paths are not distinguished otherwise: "if (x) lock(); ...; if (x) unlock();" is {-1, 0, +1}.
// Both signs at once therefore mean that this analysis does not know, unless no path comes from the
// one call to the other: the two halves then belong to different calls of the function.
//
//     switch (event) { case NETDEV_UP: dev_hold(dev); break; case NETDEV_DOWN: dev_put(dev); }
//
// Invariant: a function of which each path gives back what it takes has no effects.
// Cost: a fixed point over the blocks of each function, whose counts end at kMostCounted.
#pragma once

#include <map>
#include <set>

#include "splice-cc/semantics/facts.h"
#include "splice-cc/semantics/lock_families.h"
#include "splice-cc/semantics/object_path.h"

namespace clang {
class ASTContext;
class FunctionDecl;
}  // namespace clang

namespace splicer {

// What a function does to its callers.
struct LockSummary {
  HeldEffects effects;
  std::set<HeldObject> apart;             // both halves, but never in one call
  std::set<std::string> taken;            // families of slots that it, or what it calls, takes
  std::set<std::string> relies;           // set-ups that it, or what it calls, takes for granted
  std::map<HeldObject, Succeeds> result;  // effects of {0, n} that its result tells apart
};

class LockEffects {
 public:
  explicit LockEffects(clang::ASTContext& context) : context_(context), paths_(context) {}
  // Of a function that has a body.
  const LockSummary& effects_of(const clang::FunctionDecl& function);

 private:
  clang::ASTContext& context_;
  ObjectPaths paths_;
  std::map<const clang::FunctionDecl*, LockSummary> known_;
};

}  // namespace splicer
