// SPDX-License-Identifier: GPL-2.0-or-later
//
// The rows of a kernel's symbol table that a match of one object looks at, so that a table can be
// made anew for each alteration: the whole has 200,000 rows.
//
//     SymbolSample sample = sample_symbols(object, image, "vmlinux", clean);
//     sample.rows[sample.used[0]].address += 16;
//     AlteredImage altered(image, &table);          // SymbolTable table(sample.rows)
//
// Invariant: whether the rows suffice is for the caller to try: the match must come out the same.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "matcher/elf/elf_object.h"
#include "matcher/image/image.h"
#include "matcher/match/match.h"

namespace splicer {

struct SymbolSample {
  std::vector<KernelSymbol> rows;
  // Rows whose name a matched function has, or a symbol that the matched code refers to.
  std::vector<std::size_t> used;
  std::map<std::string, RunAddress> meant;  // by name: where the code says that it is

  // Is it the row of its name that the code means?
  bool is_meant(const KernelSymbol& row) const {
    const auto found = meant.find(row.name);
    return found != meant.end() && found->second == row.address;
  }
};

// Takes one walk over the whole table.
SymbolSample sample_symbols(const ElfObject& object, const Image& image, const std::string& target,
                            const MatchResult& clean);

}  // namespace splicer
