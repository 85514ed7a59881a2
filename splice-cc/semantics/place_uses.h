// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a function does with places that outlive it, beyond the constants of memory_uses.h: which lists and
// queues it uses, in which unit it keeps a number, what it marks, and what it does only for what is marked.
//
//     list_add(&x->node, &foo->idle)         holds: "struct foo.idle" is a list_head
//     x->timeout = msecs_to_jiffies(ms)      stored: "struct x.timeout" through msecs_to_jiffies
//     wait(jiffies_to_msecs(x->timeout))     read: through jiffies_to_msecs
//     x->flags |= OWNS                       marks {"struct x.flags", 4}
//     x->flags &= ~OWNS                      clears it
//     if (x->flags & OWNS) kfree(x->buf)     guarded: kfree by {"struct x.flags", 4, holds}
//     free_pages(x->ring, 2)                 sizes: "struct x.ring" with 2
//
// Invariant: the same text in two versions of a file gives the same uses, wherever it stands.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "splice-cc/semantics/guards.h"

namespace clang {
class ASTContext;
class FunctionDecl;
}  // namespace clang

namespace splicer {

// A number that is put into memory. kAnyValue: one that is not a constant. kCopied: that is all there is
// from then on, as in x->flags = config->flags.
using Mark = std::pair<std::string, std::int64_t>;
inline constexpr std::int64_t kAnyValue = INT64_MIN;
inline constexpr std::int64_t kCopied = INT64_MIN + 1;

// How a function uses a container.
struct HeldIn {
  std::string type;
  int uses = 0;
};

struct PlaceUses {
  std::map<std::string, HeldIn> holds;  // by container
  std::map<std::string, std::set<std::string>>
      stored;  // place: conversions and clocks of its value
  std::map<std::string, std::set<std::string>> read;
  std::set<std::string> released;  // numbers that are given to what releases them
  std::set<Mark> marks;
  std::set<Mark> clears;                                   // kAnyValue: all of it
  std::map<std::string, std::set<std::string>> callbacks;  // place: functions that it is set to
  std::map<std::string, std::set<std::string>> queues;     // callee: work queues that it is given
  std::map<std::string, Guards> guarded;                   // callee: what guards each call of it
  std::map<std::string, std::set<std::string>> sizes;      // place: sizes with which it is released
};

// Reads one function that has a body. Costs two walks over it.
PlaceUses read_place_uses(clang::ASTContext& context, const clang::FunctionDecl& function);

}  // namespace splicer
