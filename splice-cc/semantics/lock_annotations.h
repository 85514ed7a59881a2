// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the kernel's own annotations say about locks: __acquires(), __releases(), __must_hold()
// (include/linux/compiler_types.h). They are written for sparse, and are nothing to every other
// compiler. So a file that is read here gets one header more behind those of its command, which
// defines them as attributes that Clang keeps.
//
//     int rhashtable_walk_start_check(struct rhashtable_iter *iter) __acquires(RCU);
//         acquires "RCU", whatever the function is called and wherever its body is
//     bool __lock_sock_fast(struct sock *sk) __acquires(&sk->sk_lock.slock);
//         acquires "$0.sk_lock.slock"
//
// Invariant: a file without annotations has the same syntax tree with and without the header.
#pragma once

#include <string>
#include <vector>

namespace clang {
class FunctionDecl;
}

namespace splicer {

// The header's name on the command line (-include) and its text.
inline constexpr const char* kAnnotationsHeader = "/splice/lock_annotations.h";
extern const char* const kAnnotationsText;

struct LockAnnotations {
  std::vector<std::string> acquired;  // objects, as in object_path.h
  std::vector<std::string> released;
  bool balanced = false;  // __must_hold(): as many held at return as at entry
  bool empty() const { return acquired.empty() && released.empty() && !balanced; }
};

// Of all declarations of the function.
LockAnnotations annotations_of(const clang::FunctionDecl& function);

}  // namespace splicer
