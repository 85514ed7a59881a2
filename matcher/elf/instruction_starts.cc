// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/elf/instruction_starts.h"

#include <algorithm>

#include "matcher/elf/instruction.h"

namespace splicer {

const std::vector<SectionOffset>& InstructionStarts::of(std::uint32_t section) const {
  const auto [place, is_new] = starts_.try_emplace(section);
  if (!is_new) return place->second;
  const Bytes code = object_.section(section).bytes;
  std::vector<SectionOffset> functions;
  for (const Symbol* function : object_.functions_in(section)) functions.push_back(function->value);
  auto next_function = functions.begin();
  for (SectionOffset at; at < code.size();) {
    place->second.push_back(at);
    const auto instruction = decode(code.subspan(at.value()));
    SectionOffset next = at + (instruction ? instruction->length : 1);
    while (next_function != functions.end() && *next_function <= at) ++next_function;
    if (next_function != functions.end()) next = std::min(next, *next_function);
    at = next;
  }
  place->second.emplace_back(code.size());
  return place->second;
}

SectionOffset InstructionStarts::start_of(std::uint32_t section, SectionOffset place) const {
  const std::vector<SectionOffset>& starts = of(section);
  const auto next = std::upper_bound(starts.begin(), starts.end(), place);
  return next == starts.begin() ? place : *(next - 1);
}

unsigned InstructionStarts::distance_to_next(std::uint32_t section, SectionOffset place,
                                             unsigned width) const {
  const std::vector<SectionOffset>& starts = of(section);
  const auto next = std::upper_bound(starts.begin(), starts.end(), place);
  return next == starts.end() ? width : std::max(width, static_cast<unsigned>(*next - place));
}

}  // namespace splicer
