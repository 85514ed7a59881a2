// SPDX-License-Identifier: GPL-2.0-or-later
//
// Functions that only give, or only set, what an expression says: a call of one is that expression.
//
//     static inline u64 fuse_dentry_time(const struct dentry *entry)
//     { return ((union fuse_dentry *)entry->d_fsdata)->time; }           given: the value of the return
//     static void tcp_metric_set(struct tcp_metrics_block *tm, enum tcp_metric_index i, u32 val)
//     { tm->tcpm_vals[i] = val; }                                        set: the assignment
//
// What watches memory for a sanitizer and what the compiler asserts does not count, nor does a loop that is a
// macro's frame.
//
// Invariant: a function that decides anything, or does two things, is none.
// Cost: linear in the function's body, which is short where there is an answer.
#pragma once

namespace clang {
class Expr;
class FunctionDecl;
}  // namespace clang

namespace splicer {

// Null if it is no such function, or its body is not known. The expression lives as long as the syntax tree.
const clang::Expr* given_by(const clang::FunctionDecl& function);
// An assignment; or the call of another such function.
const clang::Expr* set_by(const clang::FunctionDecl& function);

}  // namespace splicer
