// SPDX-License-Identifier: GPL-2.0-or-later
//
// How to say what an expression is, so that two versions of a file can be compared: in one way however it is
// spelled.
//
//     READ_ONCE(po->head) + 1                      "(1 + struct packet_ring_buffer.head)"
//     atomic_read(&fl->users)                      "struct ip6_flowlabel.users.counter"
//     n, where the one value of n is x->first      "struct foo.first"
//     cb->args[1]                                  "struct netlink_callback.args[1]"
//     a parameter, what a loop counts              "?"
//
// Casts, !, == for != and the order of operands that may be exchanged say nothing; a local variable is what it
// is set to, and a call of a function that only gives a value is that value (accessor.h).
//
// Invariant: the text does not depend on the names of variables of the function, or of objects on the way.
// Cost: linear in the expression and in those that it stands for, which are followed to a fixed depth and no
// more than some thousand parts: a patch may use each variable a hundred times in the next one.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "splice-cc/semantics/local_values.h"

namespace clang {
class ASTContext;
class AbstractConditionalOperator;
class BinaryOperator;
class CallExpr;
class Expr;
class FunctionDecl;
class UnaryOperator;
}  // namespace clang

namespace splicer {

// Is the text an integer constant?
bool is_number(std::string_view text);

class ValueText {
 public:
  static constexpr const char* kUnknown = "?";
  // How much is said of a call in an expression: all, where its value is stored; its name, where a place is
  // used, for what it is given is a use of its own.
  enum class Calls { whole, named };

  // For the body whose local values these are. The context and the values must outlive it.
  ValueText(const clang::ASTContext& context, const LocalValues& values, Calls calls);
  // For the body of `callee`, whose parameters are what `call` gives, as `outer` says it. All must outlive it.
  ValueText(const ValueText& outer, const clang::CallExpr& call, const clang::FunctionDecl& callee);

  // A member; elements of an array by their numbers, if these are constants; lists, counts and work by the
  // member that they are. Empty if it is no memory that outlives the function, or not known which.
  std::string place(const clang::Expr& expression, int depth = 0) const;
  // `places` gets all whose value is in it.
  std::string text(const clang::Expr& expression, std::set<std::string>& places,
                   int depth = 0) const;
  // An integer constant, as far as the call says it.
  std::optional<std::int64_t> number(const clang::Expr& expression) const;
  // Is it as deep in calls as is followed?
  bool is_deep() const;

 private:
  using Places = std::set<std::string>;
  void refill() const;
  bool is_spent() const;
  std::string unary_text(const clang::UnaryOperator& unary, Places& places, int depth) const;
  std::string binary_text(const clang::BinaryOperator& binary, Places& places, int depth) const;
  std::string choice_text(const clang::AbstractConditionalOperator& choice, Places& places,
                          int depth) const;
  std::string call_text(const clang::CallExpr& call, Places& places, int depth) const;
  std::string variable_text(const clang::Decl& variable, Places& places, int depth) const;
  std::string memory_text(const clang::Expr& plain, Places& places, int depth) const;

  const clang::ASTContext& context_;
  const LocalValues& values_;
  Calls calls_;
  const ValueText* outer_ = nullptr;
  int calls_deep_ = 0;
  mutable unsigned left_ = 0;  // parts that may still be followed, of the outermost one
  std::map<const clang::Decl*, const clang::Expr*> parameters_;  // as the outer one says them
};

}  // namespace splicer
