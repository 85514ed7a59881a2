// SPDX-License-Identifier: GPL-2.0-or-later
//
// Who allocates, and who releases, the memory behind a slot (slot.h): by which family of functions
// (alloc_families.h).
//
//     pipe->bufs = kcalloc(n, size, gfp);    "struct pipe_inode_info.bufs": allocated "kmalloc"
//     kfree(pipe->bufs);                     ... released "kmalloc"
//     ctx = kmalloc(sizeof(*ctx), gfp);      "struct eventfd_ctx": objects are known by their type
//
// Followed through local variables (bufs = kcalloc(...); pipe->bufs = bufs;) and through functions
// with a body, which return what they allocate and release what they are given. Without an order:
// what a local variable is set to anywhere, it may be everywhere.
//
// Memory that one function allocates and releases itself is not the matter: it ends with the call.
//
// Invariant: nothing is said of a slot that no function of the file allocates or releases.
// Cost: a walk over each function's body, and one for each of its local pointers.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "splice-cc/semantics/facts.h"

namespace clang {
class FunctionDecl;
}

namespace splicer {

class MemoryReader {
 public:
  MemoryReader();
  ~MemoryReader();
  MemoryReader(const MemoryReader&) = delete;
  MemoryReader& operator=(const MemoryReader&) = delete;
  // Adds what a function with a body does. The slots whose memory it releases, or what it calls does.
  std::set<std::string> read(const clang::FunctionDecl& function, const SourcePlace& place,
                             std::map<std::string, MemoryFacts>& facts);

 private:
  class Flow;
  std::unique_ptr<Flow> flow_;
};

}  // namespace splicer
