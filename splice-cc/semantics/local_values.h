// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the local variables of a function are set to.
//
//     int i = x->first; i++; i = f();     i: {x->first, f()}, and changed() by other means
//
// Invariant: what is not found has no value that is written in the function: a parameter, or what is set
// through its address.
// Cost: one walk over the body; a lookup is logarithmic.
#pragma once

#include <map>
#include <set>
#include <vector>

namespace clang {
class Decl;
class Expr;
class Stmt;
}  // namespace clang

namespace splicer {

class LocalValues {
 public:
  // Of a function's body, which must outlive it.
  explicit LocalValues(const clang::Stmt* body) { note(body); }

  // Initial values, and whole assignments, in the order of the text; none if there is none. Compound ones
  // are assignments as well.
  const std::vector<const clang::Expr*>& of(const clang::Decl& variable) const;
  // The one value that it ever has; null if there are several, or it is counted up or its address is taken.
  const clang::Expr* only(const clang::Decl& variable) const;
  // Is it counted up or down, or its address taken?
  bool is_changed(const clang::Decl& variable) const { return changed_.contains(&variable); }
  // The right side of an assignment, or an initial value itself.
  static const clang::Expr& right_side(const clang::Expr& value);

 private:
  void note(const clang::Stmt* statement);

  std::map<const clang::Decl*, std::vector<const clang::Expr*>> values_;
  std::set<const clang::Decl*> changed_;  // by other means than assignments
};

}  // namespace splicer
