// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which of the files that include a patched header the patch can change at all.
//
// A header is read by hundreds of files, and what changed in it is used by a few. Preprocessing a
// file takes a tenth of the time of compiling it; so all that may include the header are
// preprocessed as they were and as patched, and only those where something that reaches their code
// differs (reachable_declarations.h) are compiled.
//
//     auto affected = affected_units({kbuild, before, after, headers, scratch, jobs}, candidates);
//
// Invariant: a unit that is left out has the same code with and without the patch. When in doubt
// (it is assembly, it does not preprocess) it stays in.
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "splice-cc/build/kbuild.h"
#include "splice-cc/build/patched_tree.h"

namespace splicer {

// The two versions of the source, and what differs between them.
struct HeaderVersions {
  const Kbuild& kbuild;
  PatchedTree* before;  // null: the kernel was made from the tree as it is
  PatchedTree& after;
  const std::set<std::string>& headers;  // patched files that units read
  std::filesystem::path scratch;         // an empty directory, for what is left nowhere else
  unsigned jobs;

  std::optional<std::string> old_text(const std::string& file) const;
};

struct Affected {
  std::vector<Unit> units;     // in the order of `candidates`
  std::set<std::string> read;  // those of the headers that some candidate reads; find_readers()
                               // adds those of which no reader is a candidate
  std::vector<Unit> readers;   // candidates that read one
};

// Costs two runs of the preprocessor for each candidate. Takes the tree's lock. Errors: those of
// Kbuild::preprocess_pre(); a unit that does not preprocess with the patch is not an error.
Result<Affected> affected_units(const HeaderVersions& versions,
                                const std::vector<Unit>& candidates);

}  // namespace splicer
