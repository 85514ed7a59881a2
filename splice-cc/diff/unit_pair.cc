// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/diff/unit_pair.h"

namespace splicer {

Result<std::unique_ptr<UnitPair>> UnitPair::open(const BuiltUnit& built) {
  auto pre = ElfObject::load(built.pre);
  if (!pre) return propagate(pre);
  auto post = ElfObject::load(built.post);
  if (!post) return propagate(post);
  auto pair = std::make_unique<UnitPair>(built.unit, std::move(*pre), std::move(*post));
  const bool module = built.unit.target != "vmlinux";
  auto pre_atoms = AtomTable::build(pair->pre_object, module);
  if (!pre_atoms) return propagate(pre_atoms);
  auto post_atoms = AtomTable::build(pair->post_object, module);
  if (!post_atoms) return propagate(post_atoms);
  pair->pre = std::make_unique<AtomTable>(std::move(*pre_atoms));
  pair->post = std::make_unique<AtomTable>(std::move(*post_atoms));
  auto pre_tables = SpecialSections::collect(*pair->pre);
  if (!pre_tables) return propagate(pre_tables);
  auto post_tables = SpecialSections::collect(*pair->post);
  if (!post_tables) return propagate(post_tables);
  pair->pre_tables = std::make_unique<SpecialSections>(std::move(*pre_tables));
  pair->post_tables = std::make_unique<SpecialSections>(std::move(*post_tables));
  pair->twins = std::make_unique<Twins>(correlate(*pair->pre, *pair->post));
  return pair;
}

}  // namespace splicer
