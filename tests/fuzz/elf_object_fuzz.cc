// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any bytes as an object: refused, or a model whose every slice is in range, and tables of
// rewriting sites that lie inside their sections.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "matcher/elf/elf_object.h"
#include "matcher/match/sites.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto object = splicer::ElfObject::parse({data, data + size}, "fuzz.o");
  if (!object) return 0;
  std::uint64_t sum = 0;
  for (const splicer::Section& section : object->sections()) {
    for (const std::uint8_t byte : section.bytes) sum += byte;
    for (const splicer::Relocation& relocation : section.relocations) {
      const unsigned width = splicer::relocation_width(relocation.type).value_or(0);
      sum += object->symbol(relocation.symbol).value.value();
      for (const std::uint8_t byte : section.bytes.subspan(relocation.offset.value(), width))
        sum += byte;
    }
    sum += object->functions_in(section.index).size();
  }
  const auto sites = splicer::SiteTables::collect(*object);
  if (!sites) return 0;
  for (const splicer::Section& section : object->sections()) {
    std::uint64_t end = 0;
    for (const splicer::SiteGroup& group : sites->in(section.index)) {
      if (group.begin < end || group.end < group.begin || group.end > section.bytes.size())
        std::abort();
      end = group.end.value();
    }
  }
  if (sum == ~0ull) std::abort();  // so that the reads are not optimised away
  return 0;
}
