// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/diff/changed_unit.h"

#include <algorithm>
#include <iterator>

namespace splicer {

Result<void> open_pair(ChangedUnit& unit) {
  if (unit.pair) return {};
  auto pair = UnitPair::open({unit.unit, unit.pre, unit.post});
  if (!pair) return propagate(pair);
  unit.pair = std::move(*pair);
  return {};
}

Result<void> compare_unit(ChangedUnit& unit, const std::set<std::string>& wanted) {
  if (auto opened = open_pair(unit); !opened) return opened;
  std::set<std::string> here;
  std::ranges::set_intersection(new_names_defined(*unit.pair), wanted,
                                std::inserter(here, here.end()));
  if (unit.diff && here == unit.wanted) return {};
  unit.diff = diff_unit(*unit.pair, here);
  unit.wanted = std::move(here);
  return {};
}

std::set<std::string> new_names_needed(const UnitPair& pair, const UnitDiff& diff) {
  std::set<std::string> known;
  for (const Symbol& symbol : pair.pre_object.symbols()) known.insert(symbol.name);
  std::set<std::string> needed;
  for (const std::uint32_t atom : diff.included)
    for (const Reference& reference : pair.post->at(atom).references)
      if (reference.undefined) {
        const std::string& name = pair.post_object.symbol(reference.symbol).name;
        if (!known.contains(name)) needed.insert(name);
      }
  return needed;
}

std::set<std::string> new_names_defined(const UnitPair& pair) {
  std::set<std::string> names;
  for (std::uint32_t i = 0; i < pair.post->all().size(); ++i) {
    if (pair.twins->pre_of(i)) continue;
    for (const std::uint32_t index : pair.post->at(i).symbols)
      if (const Symbol& symbol = pair.post_object.symbol(index); !symbol.is_local())
        names.insert(symbol.name);
  }
  return names;
}

}  // namespace splicer
