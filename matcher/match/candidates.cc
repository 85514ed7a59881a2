// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/match/candidates.h"

#include <elf.h>

#include <algorithm>
#include <iterator>

#include "matcher/match/scope.h"

namespace splicer {

namespace {

// Symbols of the kernel that may be that function of the object.
std::vector<const KernelSymbol*> places_of(const SymbolTable& symbols, const MatchOptions& options,
                                           const std::string& name) {
  std::vector<const KernelSymbol*> known = symbols.find(options.target, name);
  // An out-of-line part goes with its function: if an update replaced that, the part that now
  // counts is the update's, and the jump in the function's proved code decides.
  if (known.empty() || name.ends_with(".cold")) {
    symbols.for_each(name, [&](const KernelSymbol& symbol) {
      if (options.is_update(symbol.module)) known.push_back(&symbol);
    });
  }
  return known;
}

}  // namespace

NamedBases bases_by_name(const ElfObject& object, const ReferencePlan& plan, const Image& image,
                         const MatchOptions& options, std::uint32_t section) {
  NamedBases found;
  bool first = true;
  for (const bool weak : {false, true}) {
    for (const std::uint32_t index : plan.names(section)) {
      const Symbol& symbol = object.symbol(index);
      if (symbol.is_weak() != weak || (!symbol.is_function() && symbol.type != STT_NOTYPE))
        continue;
      std::vector<RunAddress> here;
      for (const KernelSymbol* kernel : places_of(image.symbols(), options, symbol.name)) {
        if (weak && !is_weak_symbol(*kernel) && !options.is_update(kernel->module)) {
          found.overridden = true;
          continue;
        }
        const RunAddress base = kernel->address - symbol.value;
        if (std::ranges::find(here, base) == here.end()) here.push_back(base);
      }
      if (here.empty()) continue;
      if (first) {
        found.bases = here;
        first = false;
      } else {
        std::erase_if(found.bases,
                      [&](RunAddress base) { return std::ranges::find(here, base) == here.end(); });
      }
    }
    if (!first) break;
  }
  found.overridden = found.overridden && found.bases.empty();
  found.inconsistent = !first && found.bases.empty();
  return found;
}

// No other symbol may lie in the gap, and padding is less than the largest alignment in use.
bool Neighbourhood::nothing_between(RunAddress from, RunAddress to) const {
  constexpr std::uint64_t kMaxPadding = 64;
  if (to < from || to - from >= kMaxPadding) return false;
  const KernelSymbol* symbol = symbols_.nearest(to - 1);
  return symbol == nullptr || symbol->address < from;
}

bool Neighbourhood::is_own(RunAddress base, const std::string& group, std::size_t place,
                           std::uint64_t size) const {
  // The nearest proved code of the object, before and behind.
  const auto counts = [&](const auto& taken) {
    return taken.second.group == group && !taken.second.replaced;
  };
  const auto here = taken_.lower_bound(base);
  const auto next = std::find_if(here, taken_.end(), counts);
  const auto last = std::find_if(std::reverse_iterator(here), taken_.rend(), counts);
  const bool has_next = next != taken_.end();
  const bool has_last = last != taken_.rend();
  if (has_next && has_last) return true;
  if (has_next) return next->second.place == place + 1 && nothing_between(base + size, next->first);
  return has_last && place == last->second.place + 1 &&
         nothing_between(last->first + last->second.size, base);
}

bool visit_pointed_at(const ElfObject& object, const Image& image, const std::string& target,
                      const std::function<bool(std::uint32_t section)>& wanted,
                      const std::function<bool(std::uint32_t section, RunAddress base)>& visit) {
  for (const Symbol& table : object.symbols()) {
    if (table.type != STT_OBJECT || !table.defined()) continue;
    const auto known = image.symbols().find(target, table.name);
    if (known.size() != 1) continue;
    for (const Relocation& relocation : object.section(table.section).relocations) {
      const std::uint64_t into = relocation.offset - table.value;
      const Symbol& function = object.symbol(relocation.symbol);
      if (relocation.type != R_X86_64_64 || relocation.offset < table.value || into >= table.size ||
          !function.defined() || !wanted(function.section))
        continue;
      const auto pointer = image.pointer_at(known[0]->address + into);
      if (!pointer) continue;
      if (visit(function.section,
                *pointer - function.value - static_cast<std::uint64_t>(relocation.addend)))
        return true;
    }
  }
  return false;
}

}  // namespace splicer
