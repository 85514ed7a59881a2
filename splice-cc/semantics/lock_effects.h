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
// function with a body in the file, inlines of headers included, does what its body does. A call
// that may fail (a trylock) counts on the branch where it did not.
//
// Paths are not distinguished otherwise: "if (x) lock(); ...; if (x) unlock();" is {-1, 0, +1}.
// Both signs at once therefore mean that this analysis does not know.
//
// Invariant: a function of which each path gives back what it takes has no effects.
// Cost: a fixed point over the blocks of each function, whose counts end at kMostCounted.
#pragma once

#include <map>

#include "splice-cc/semantics/facts.h"

namespace clang {
class ASTContext;
class FunctionDecl;
}  // namespace clang

namespace splicer {

class LockEffects {
 public:
  explicit LockEffects(clang::ASTContext& context) : context_(context) {}
  // Of a function that has a body.
  const HeldEffects& effects_of(const clang::FunctionDecl& function);

 private:
  clang::ASTContext& context_;
  std::map<const clang::FunctionDecl*, HeldEffects> known_;
};

}  // namespace splicer
