// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/diff/divide.h"

#include <elf.h>

#include <algorithm>
#include <map>
#include <set>

#include "matcher/elf/instruction.h"
#include "matcher/elf/kernel_sections.h"

namespace splicer {

namespace {

constexpr unsigned kFarBranch = 4;          // bytes of a displacement that can be relocated
constexpr std::uint64_t kMostPadding = 15;  // before each function

// What begins where, as the symbols have it.
struct SymbolExtents {
  std::map<std::uint64_t, std::uint64_t> lengths;  // by begin; 0: the symbol has no size
  std::uint64_t covered = 0;                       // bytes, of the first symbol at each begin
};

SymbolExtents symbol_extents(const ElfObject& object, const Section& section) {
  SymbolExtents extents;
  const KernelSection* row = kernel_section(section.name);
  for (const Symbol& symbol : object.symbols()) {
    if (symbol.section != section.index || symbol.is_section() || symbol.name.empty()) continue;
    if (row != nullptr && !row->inner.empty() && symbol.name.starts_with(row->inner)) continue;
    // Data made by inline assembly has labels without type and size.
    const bool divides = section.is_code() ? symbol.is_function() && symbol.size != 0
                                           : symbol.is_object() || symbol.type == STT_NOTYPE;
    if (!divides || symbol.value >= section.size) continue;
    const std::uint64_t size = symbol.size + symbol.padding;
    const auto [place, is_new] =
        extents.lengths.emplace(symbol.value.value() - symbol.padding, size);
    if (is_new) extents.covered += size;
    place->second = std::max(place->second, size);
  }
  return extents;
}

// Where a section of several functions may be cut. Assembly runs from one function into the next and
// refers to its own section in ways that leave no relocation, so it stays whole. The compiler does
// so only with direct branches, and those can be told; but a short one has no room for another
// distance, so that what lies between it and its target stays together.
void keep_whole(const ElfObject& object, const Section& section, SymbolExtents& extents) {
  std::map<std::uint64_t, std::uint64_t>& lengths = extents.lengths;
  const bool compiled = std::ranges::any_of(object.symbols(), [](const Symbol& symbol) {
    return symbol.type == STT_FILE && symbol.name.ends_with(".c");
  });
  if (!compiled || extents.covered > section.size ||
      section.size - extents.covered > kMostPadding * lengths.size()) {
    lengths.erase(std::next(lengths.begin()), lengths.end());
    return;
  }
  std::vector<std::uint64_t> begins;
  begins.reserve(lengths.size());
  for (const auto& [begin, length] : lengths) begins.push_back(begin);
  for (const SettledBranch& branch : settled_branches(object, section, begins)) {
    if (branch.width == kFarBranch) continue;
    // The first one's piece begins with the section.
    const auto [low, high] = std::minmax(branch.field, branch.target);
    const std::uint64_t first = lengths.begin()->first;
    lengths.erase(lengths.upper_bound(std::max(low, first)),
                  lengths.upper_bound(std::max(high, first)));
  }
}

AtomKind kind_of(const Section& section) {
  if (section.is_code()) return AtomKind::code;
  return section.is_writable() ? AtomKind::writable : AtomKind::read_only;
}

}  // namespace

std::vector<SectionPiece> divide_at_symbols(const ElfObject& object, const Section& section) {
  if (is_merged(section)) return {{0, section.size, AtomKind::merged}};
  const AtomKind kind = kind_of(section);
  SymbolExtents extents = symbol_extents(object, section);
  if (extents.lengths.empty())
    return {{0, section.size, kind == AtomKind::read_only ? AtomKind::anonymous : kind}};
  if (section.is_code() && extents.lengths.size() > 1) keep_whole(object, section, extents);
  // What lies before the first function goes with it, and padding with the code that it follows;
  // padding between variables belongs to none, or a variable could grow into it unseen.
  std::vector<SectionPiece> pieces;
  const std::uint64_t first = extents.lengths.begin()->first;
  if (kind != AtomKind::code && first != 0) pieces.push_back({0, first, AtomKind::anonymous});
  for (auto one = extents.lengths.begin(); one != extents.lengths.end(); ++one) {
    const auto next = std::next(one);
    SectionPiece piece{one->first, next == extents.lengths.end() ? section.size : next->first,
                       kind};
    if (kind == AtomKind::code && one == extents.lengths.begin()) piece.begin = 0;
    if (kind != AtomKind::code && one->second != 0)
      piece.end = std::min(piece.end, piece.begin + one->second);
    pieces.push_back(piece);
  }
  return pieces;
}

std::vector<SectionPiece> divide_at_references(const ElfObject& object, const Section& section,
                                               const InstructionStarts& starts) {
  std::set<std::uint64_t> begins = {0};
  for (const Section& origin : object.sections()) {
    if (!origin.is_code() || origin.index == section.index) continue;
    for (const Relocation& relocation : origin.relocations) {
      const Symbol& symbol = object.symbol(relocation.symbol);
      if (symbol.section != section.index) continue;
      const unsigned width = relocation_width(relocation.type).value_or(0);
      const std::int64_t distance =
          relocation_is_pc_relative(relocation.type)
              ? starts.distance_to_next(origin.index, relocation.offset, width)
              : 0;
      const std::uint64_t at =
          symbol.value.value() + static_cast<std::uint64_t>(relocation.addend + distance);
      if (at < section.size) begins.insert(at);
    }
  }
  std::vector<SectionPiece> pieces;
  for (auto begin = begins.begin(); begin != begins.end(); ++begin) {
    const auto next = std::next(begin);
    pieces.push_back({*begin, next == begins.end() ? section.size : *next, AtomKind::anonymous});
  }
  return pieces;
}

std::vector<SettledBranch> settled_branches(const ElfObject& object, const Section& section,
                                            const std::vector<std::uint64_t>& begins) {
  std::vector<SettledBranch> found;
  for (std::size_t i = 0; i < begins.size(); ++i) {
    const std::uint64_t begin = i == 0 ? 0 : begins[i];
    const std::uint64_t end = i + 1 == begins.size() ? section.size : begins[i + 1];
    for (std::uint64_t at = begin; at < end;) {
      const auto instruction = decode(section.bytes.subspan(at, end - at));
      if (!instruction) {
        ++at;
        continue;
      }
      const std::uint64_t next = at + instruction->length;
      const std::uint64_t field = at + instruction->immediate_offset;
      const std::uint64_t target = next + static_cast<std::uint64_t>(instruction->displacement);
      if (instruction->direct_branch && target < section.size &&
          (target < begin || target >= end) &&
          object.relocations_in(section.index, SectionOffset(field), SectionOffset(field + 1))
              .empty())
        found.push_back({field, target, instruction->immediate_size});
      at = next;
    }
  }
  return found;
}

}  // namespace splicer
