// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which of the files that include a patched header the patch can change at all.
//
// A header is read by hundreds of files, and what changed in it is used by a few. Preprocessing a
// file takes a tenth of the time of compiling it; so all that may include the header are
// preprocessed as they were and as patched, and only those where something that reaches their code
// differs (reachable.h) are compiled.
//
//     units = *affected_units(kbuild, candidates, headers, patches, ...)
//
// Invariant: a unit that is left out has the same code with and without the patch. When in doubt
// (it is assembly, it does not preprocess) it stays in.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "splice-cc/build/kbuild.h"
#include "splice-cc/source/patch_set.h"

namespace splicer {

struct Affected {
  std::vector<Unit> units;     // in the order of `candidates`
  std::set<std::string> read;  // those of `headers` that some candidate reads
  std::size_t readers = 0;     // candidates that read one
};

// `base`: patches that the kernel has already. `folder`: an empty one, for what is left nowhere
// else. Errors: those of Kbuild, View and PatchSet.
Result<Affected> affected_units(const Kbuild& kbuild, const std::vector<Unit>& candidates,
                                const std::set<std::string>& headers, const PatchSet& base,
                                const PatchSet& patches, const std::filesystem::path& folder,
                                unsigned jobs);

}  // namespace splicer
