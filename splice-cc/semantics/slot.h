// SPDX-License-Identifier: GPL-2.0-or-later
//
// The place of a thing that outlives the function that uses it: a member of a record, whichever
// object it is in, or a variable of static storage.
//
//     &ctx->refs          "struct eventfd_ctx.refs"
//     pipe->bufs[i].page  "struct pipe_buffer.page"
//     eventfd_nr          "eventfd_nr"
//     tmp.list            nothing, where tmp is a local structure: it ends with the function
//
// Old and new code meet in such places: what the one has put there, the other finds.
//
// Invariant: the text does not depend on what the objects on the way are called.
#pragma once

#include <optional>
#include <string>

namespace clang {
class Expr;
class RecordDecl;
}  // namespace clang

namespace splicer {

std::optional<std::string> slot_of(const clang::Expr& expression);
// The record that a member is found by: for one of an unnamed record, the record around it; empty if
// none of them has a name.
std::string owner_name(const clang::RecordDecl& record);
// Is it, or the address of, a part of a local variable, without a pointer on the way?
bool is_on_stack(const clang::Expr& expression);

}  // namespace splicer
