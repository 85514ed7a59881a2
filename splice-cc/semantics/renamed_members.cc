// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/renamed_members.h"

#include <algorithm>
#include <cctype>
#include <utility>

namespace splicer {

namespace {

class Renaming {
 public:
  Renaming(const UnitFacts& pre, const UnitFacts& post) {
    for (const auto& [name, before] : pre.records) {
      const auto after = post.records.find(name);
      if (after == post.records.end() || before.members == after->second.members) continue;
      for (const MemberFacts& was : before.members) {
        if (has(after->second, was.name)) continue;
        for (const MemberFacts& is : after->second.members)
          if (is.offset == was.offset && is.width == was.width && is.layout == was.layout &&
              !has(before, is.name))
            names_.emplace_back(name + "." + is.name, name + "." + was.name);
      }
    }
  }

  bool empty() const { return names_.empty(); }

  std::string operator()(std::string text) const {
    for (const auto& [now, before] : names_)
      for (std::size_t at = text.find(now); at != std::string::npos;
           at = text.find(now, at + before.size())) {
        const std::size_t end = at + now.size();
        const bool whole =
            end == text.size() ||
            (std::isalnum(static_cast<unsigned char>(text[end])) == 0 && text[end] != '_');
        if (whole) text.replace(at, now.size(), before);
      }
    return text;
  }

  template <typename T>
  void keys(std::map<std::string, T>& all) const {
    std::map<std::string, T> renamed;
    for (auto& [key, value] : all) renamed.emplace((*this)(key), std::move(value));
    all = std::move(renamed);
  }

  void texts(std::set<std::string>& all) const {
    std::set<std::string> renamed;
    for (const std::string& text : all) renamed.insert((*this)(text));
    all = std::move(renamed);
  }

  void marks(std::set<Mark>& all) const {
    std::set<Mark> renamed;
    for (const auto& [place, value] : all) renamed.emplace((*this)(place), value);
    all = std::move(renamed);
  }

 private:
  static bool has(const RecordFacts& record, const std::string& member) {
    return std::ranges::find(record.members, member, &MemberFacts::name) != record.members.end();
  }

  std::vector<std::pair<std::string, std::string>> names_;  // now, before
};

void rename_places(const Renaming& renamed, PlaceUses& places) {
  renamed.keys(places.holds);
  renamed.keys(places.stored);
  renamed.keys(places.read);
  renamed.keys(places.sizes);
  renamed.keys(places.callbacks);
  renamed.texts(places.released);
  for (auto& [callee, queues] : places.queues) renamed.texts(queues);
  renamed.marks(places.marks);
  renamed.marks(places.clears);
  for (auto& [callee, guards] : places.guarded) {
    Guards all;
    for (Guard guard : guards) {
      guard.what = renamed(guard.what);
      all.insert(std::move(guard));
    }
    guards = std::move(all);
  }
}

void rename_arithmetic(const Renaming& renamed, ArithmeticUses& uses) {
  for (const auto texts : kArithmeticTexts) {
    renamed.keys(uses.*texts);
    for (auto& [place, all] : uses.*texts) renamed.texts(all);
  }
  renamed.texts(uses.orders);
}

void rename_values(const Renaming& renamed, ValueUses& uses) {
  for (TextsByPlace* half : {&uses.stored, &uses.used, &uses.made_by, &uses.found_by}) {
    renamed.keys(*half);
    for (auto& [place, all] : *half) renamed.texts(all);
  }
}

void rename_function(const Renaming& renamed, FunctionFacts& function) {
  HeldEffects effects;
  for (auto& [key, counts] : function.effects) {
    HeldObject held = key;
    held.family = renamed(held.family);
    effects.emplace(std::move(held), std::move(counts));
  }
  function.effects = std::move(effects);
  std::set<HeldObject> apart;
  for (HeldObject held : function.apart) {
    held.family = renamed(held.family);
    apart.insert(std::move(held));
  }
  function.apart = std::move(apart);
  renamed.texts(function.taken);
  renamed.texts(function.relies);
  std::set<ConstantUse> constants;
  for (ConstantUse use : function.uses.constants) {
    use.memory = renamed(use.memory);
    constants.insert(std::move(use));
  }
  function.uses.constants = std::move(constants);
  renamed.keys(function.uses.casts);
  renamed.keys(function.uses.indexes);
  rename_places(renamed, function.places);
  rename_arithmetic(renamed, function.arithmetic);
  rename_values(renamed, function.values);
}

}  // namespace

void follow_renamed_members(const UnitFacts& pre, UnitFacts& post) {
  const Renaming renamed(pre, post);
  if (renamed.empty()) return;
  for (auto& [name, function] : post.functions) rename_function(renamed, function);
  renamed.keys(post.memory);
}

}  // namespace splicer
