// SPDX-License-Identifier: GPL-2.0-or-later
//
// The name of the memory that an expression reads, writes or points to, if it lives on when the function
// has returned.
//
//     alarm->state & 1                  "struct alarm.state"
//     READ_ONCE(pipe->bufs[i].page)     "struct pipe_buffer.page"
//     &inet_addr_lst[n]                 "inet_addr_lst"
//     tmp.state, where tmp is a local   nothing
//
// slot.h names the place of a thing, through local pointers too; this names where a value is, through
// masks, shifts and pointers.
//
// Invariant: the name does not depend on what the objects on the way are called.
#pragma once

#include <string>

namespace clang {
class Expr;
}

namespace splicer {

// Empty if it is none that lives on. Linear in the expression's depth.
std::string memory_of(const clang::Expr* expression);

}  // namespace splicer
