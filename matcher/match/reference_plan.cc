// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/match/reference_plan.h"

#include <elf.h>

#include <algorithm>

#include "matcher/elf/kernel_sections.h"

namespace splicer {

namespace {

constexpr unsigned kField = 4;  // bytes of what refers to a constant

bool is_constant(const Section& section) {
  return section.is_alloc() && !section.is_writable() && !section.is_code();
}

}  // namespace

ReferencePlan::ReferencePlan(const ElfObject& object)
    : object_(object),
      starts_(object),
      first_symbol_(static_cast<std::uint32_t>(object.sections().size())),
      first_constant_(first_symbol_ + static_cast<std::uint32_t>(object.symbols().size())),
      names_(object.sections().size()),
      referenced_(object.sections().size()),
      sections_(object.sections().size()) {
  for (const Symbol& symbol : object.symbols())
    if (symbol.defined() && !symbol.is_section() && !symbol.name.empty())
      names_[symbol.section].push_back(symbol.index);
  collect_constants();
  for (const Section& section : object.sections())
    if (section.is_code() && !section.is_nobits()) plan_section(section);
}

void ReferencePlan::collect_constants() {
  for (const Section& section : object_.sections())
    for (const Relocation& relocation : section.relocations) {
      const Symbol& symbol = object_.symbol(relocation.symbol);
      if (!section.is_alloc() || !symbol.defined()) continue;
      const Section& target = object_.section(symbol.section);
      if (is_constant(target) && !is_merged(target) && names_[target.index].empty())
        referenced_[target.index].push_back(
            symbol.value + static_cast<std::uint64_t>(relocation.addend) +
            distance_to_end(relocation, section.index, SectionOffset(relocation.offset)));
    }
  for (std::vector<SectionOffset>& offsets : referenced_) std::ranges::sort(offsets);

  for (const Section& section : object_.sections()) {
    if (!section.is_alloc()) continue;
    for (const Relocation& relocation : section.relocations) {
      const RelocationTarget found = target(relocation, section.index, relocation.offset);
      if (found.kind != RelocationTarget::Kind::constant || found.slot != 0 ||
          found.offset >= object_.section(found.section).bytes.size())
        continue;
      constants_.emplace(std::pair{found.section, found.offset},
                         static_cast<std::uint32_t>(slots()));
      planned_.push_back(constant(found.section, found.offset));
    }
  }
}

std::uint32_t ReferencePlan::constant_slot(std::uint32_t section, SectionOffset offset) const {
  const auto known = constants_.find({section, offset});
  return known == constants_.end() ? 0 : known->second;
}

// The operand counts from the end of the instruction, the relocation from its field.
unsigned ReferencePlan::distance_to_end(const Relocation& relocation, std::uint32_t origin,
                                        SectionOffset place) const {
  const bool counts =
      relocation_is_pc_relative(relocation.type) && object_.section(origin).is_code();
  return counts ? starts_.distance_to_next(origin, place, kField) : 0;
}

RelocationTarget ReferencePlan::target(const Relocation& relocation, std::uint32_t origin,
                                       SectionOffset place) const {
  const Symbol& symbol = object_.symbol(relocation.symbol);
  RelocationTarget target;
  target.minus = static_cast<std::uint64_t>(relocation.addend);
  if (relocation.symbol == 0 || symbol.absolute) {
    target.kind = RelocationTarget::Kind::absolute;
    return target;
  }
  // A weak symbol may be another unit's strong one, so its section says nothing about it.
  if (!symbol.defined() || (symbol.is_weak() && !symbol.is_section())) {
    target.kind = RelocationTarget::Kind::symbol;
    target.slot = symbol_slot(symbol.index);
    return target;
  }
  const Section& section = object_.section(symbol.section);
  const bool merged = is_merged(section);
  // With -fdata-sections each named object has a section of its own, so that a reference to it,
  // past its end or before its start too, is about that object.
  if (is_constant(section) && (symbol.is_section() || symbol.type == STT_NOTYPE) &&
      (merged || names_[symbol.section].empty())) {
    target.kind = RelocationTarget::Kind::constant;
    target.section = symbol.section;
    if (merged && !symbol.is_section()) {
      // A label of its own (.LC40 + 10) is for an address past the end of its string: the linker
      // keeps the distance from the label, so the label's string is what must be there.
      target.offset = symbol.value;
    } else {
      const unsigned distance = distance_to_end(relocation, origin, place);
      target.offset = symbol.value + static_cast<std::uint64_t>(relocation.addend) + distance;
      target.minus = ~std::uint64_t{distance} + 1;
    }
    // A number of a fixed size is compared as a whole.
    if (merged && (section.flags & SHF_STRINGS) == 0 && section.entsize > 0 &&
        target.offset < section.bytes.size()) {
      const std::uint64_t inside = target.offset.value() % section.entsize;
      target.offset -= inside;
      target.minus += inside;
    }
    target.slot = constant_slot(target.section, target.offset);
    return target;
  }
  target.kind = RelocationTarget::Kind::section;
  target.slot = section_slot(symbol.section);
  target.minus += symbol.value.value();
  return target;
}

PlannedConstant ReferencePlan::constant(std::uint32_t index, SectionOffset offset) const {
  const Section& section = object_.section(index);
  const SectionOffset end = constant_end(section, offset);
  return {index,
          offset,
          end,
          is_merged(section) ? end : content_end(section, offset, end),
          is_merged(section),
          is_read_only_data(section.name)};
}

SectionOffset ReferencePlan::constant_end(const Section& section, SectionOffset offset) const {
  const SectionOffset size(section.bytes.size());
  if ((section.flags & SHF_STRINGS) != 0) {
    const auto from = section.bytes.begin() + static_cast<std::ptrdiff_t>(offset.value());
    const auto nul = std::find(from, section.bytes.end(), std::uint8_t{0});
    return offset + static_cast<std::uint64_t>(nul - from) + (nul == section.bytes.end() ? 0 : 1);
  }
  if (is_merged(section) && section.entsize > 0) return std::min(size, offset + section.entsize);
  // An anonymous constant ends where the next one begins, at the latest.
  const std::vector<SectionOffset>& referenced = referenced_[section.index];
  const auto next = std::upper_bound(referenced.begin(), referenced.end(), offset);
  return next == referenced.end() ? size : std::min(size, *next);
}

// Zeros before the next constant may be there to align it; at a section's end gas has none.
SectionOffset ReferencePlan::content_end(const Section& section, SectionOffset offset,
                                         SectionOffset end) const {
  if (end == section.bytes.size() || section.align < 2) return end;
  const SectionOffset first =
      std::max(offset + 1, end - std::min<std::uint64_t>(end.value(), section.align - 1));
  while (end > first && section.bytes[end.value() - 1] == 0 &&
         object_.relocations_in(section.index, end - std::min<std::uint64_t>(end.value(), 8), end)
             .empty())
    end -= 1;
  return end;
}

void ReferencePlan::plan_section(const Section& section) {
  constexpr std::uint32_t kMaxOffset = INT32_MAX;
  if (section.bytes.size() > kMaxOffset || section.relocations.size() > kMaxOffset) return;
  PlannedSection plan;
  plan.relocated.assign((section.bytes.size() + 15) / 16 + 1, 0);
  SectionOffset end;  // of the field before
  for (std::uint32_t i = 0; i < section.relocations.size(); i++) {
    const Relocation& relocation = section.relocations[i];
    const unsigned width = relocation_width(relocation.type).value_or(0);
    if (width == 0) continue;
    if (relocation.offset < end) return;
    end = relocation.offset + width;
    for (std::uint64_t at = relocation.offset.value(); at < end; at++)
      plan.relocated[at / 16] |= static_cast<std::uint16_t>(1U << at % 16);
    const bool relative = relocation.type == R_X86_64_PC32 || relocation.type == R_X86_64_PLT32;
    const RelocationTarget found = target(relocation, section.index, relocation.offset);
    const auto minus = static_cast<std::int32_t>(found.minus);
    const bool usual = (relative || relocation.type == R_X86_64_32S) &&
                       static_cast<std::uint64_t>(std::int64_t{minus}) == found.minus;
    if (!usual || found.kind == RelocationTarget::Kind::absolute ||
        (found.kind == RelocationTarget::Kind::constant && found.slot == 0)) {
      plan.unusual.push_back(i);
    } else {
      plan.fields.push_back({minus, found.slot,
                             static_cast<std::uint32_t>(relocation.offset.value()) & kMaxOffset,
                             relative ? 1U : 0U});
    }
  }
  sections_[section.index] = std::move(plan);
}

}  // namespace splicer
