// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a patch changes in who allocates and who releases memory that outlives it, by the facts of
// both versions of all files (memory_facts.h).
//
//     fs/pipe.c: kcalloc() becomes __vmalloc(), and kfree(pipe->bufs) becomes vfree(pipe->bufs).
//         release-changed: each pipe that is open has memory of kcalloc(), and vfree() gets it.
//     kmalloc() becomes kvmalloc(), and kfree() becomes kvfree().
//         Nothing: kvfree() takes both. But an undo hands kvmalloc() memory to kfree(): a warning.
//
// Something that only comes in addition (a second way to allocate, with its own release) is no
// finding: what was allocated before is released as before.
//
// Invariant: equal facts have no finding.
#pragma once

#include <vector>

#include "splice-cc/findings/findings.h"
#include "splice-cc/semantics/facts.h"

namespace splicer {

// Adds what another file does with the same memory.
void merge_memory(std::map<std::string, MemoryFacts>& into,
                  const std::map<std::string, MemoryFacts>& from);

// Codes: "release-changed", "allocator-changed" (a warning where only an undo is concerned).
std::vector<Finding> compare_memory(const std::map<std::string, MemoryFacts>& pre,
                                    const std::map<std::string, MemoryFacts>& post);

}  // namespace splicer
