// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/compare_values.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <iterator>
#include <string_view>
#include <utility>

#include "splice-cc/semantics/text_sets.h"
#include "splice-cc/semantics/value_text.h"

namespace splicer {

namespace {

using Set = std::set<std::string>;

std::string record_of(const std::string& place) { return place.substr(0, place.find('.')); }
// "struct neigh_table.gc_work" of "struct neigh_table.gc_work.work.func".
std::string member_of(const std::string& place) {
  const std::size_t dot = place.find('.');
  return dot == std::string::npos ? place : place.substr(0, place.find('.', dot + 1));
}
// "if", "memcpy#1", "struct foo.bar": what a use is for.
std::string context_of(const std::string& use) { return use.substr(0, use.find(' ')); }

TextsByPlace difference(const TextsByPlace& from, const TextsByPlace& others) {
  TextsByPlace all;
  for (const auto& [place, texts] : from)
    if (Set left = without(texts, at(others, place)); !left.empty())
      all.emplace(place, std::move(left));
  return all;
}

constexpr TextsByPlace ValueUses::*kHalves[] = {&ValueUses::stored, &ValueUses::used,
                                                &ValueUses::made_by, &ValueUses::found_by};

bool is_untouched(const std::string& place, const UnitFacts& unit) {
  return std::ranges::none_of(unit.functions, [&](const auto& entry) {
    const ValueUses& values = entry.second.values;
    return values.stored.contains(place) || values.used.contains(place);
  });
}

bool walks_tree(const ValueUses& uses) {
  return std::ranges::any_of(uses.used, [](const auto& entry) {
    return entry.first.ends_with(".rb_left") || entry.first.ends_with(".rb_right");
  });
}

// Those that no function of the unit has.
Set nowhere(const Set& texts, const UnitFacts& unit, TextsByPlace ValueUses::*half,
            const std::string& place) {
  Set left = texts;
  for (const auto& [name, function] : unit.functions)
    left = without(left, at(function.values.*half, place));
  return left;
}

// With another name for a place, wherever it stands as a whole.
std::string renamed(const std::string& text, const std::string& from, const std::string& to) {
  std::string out;
  for (std::size_t begin = 0;;) {
    const std::size_t found = text.find(from, begin);
    if (found == std::string::npos) return out + text.substr(begin);
    const std::size_t end = found + from.size();
    const bool whole =
        end == text.size() ||
        (std::isalnum(static_cast<unsigned char>(text[end])) == 0 && text[end] != '_');
    out += text.substr(begin, found - begin) + (whole ? to : from);
    begin = end;
  }
}

// Does the one function do with the member `to` now what it did with `from`?
bool moved(const TextsByPlace& lost, const TextsByPlace& gained, const std::string& from,
           const std::string& to) {
  return std::ranges::any_of(lost, [&](const auto& entry) {
    const auto& [place, texts] = entry;
    if (member_of(place) != from) return false;
    const Set& now = at(gained, renamed(place, from, to));
    return std::ranges::any_of(
        texts, [&](const std::string& text) { return now.contains(renamed(text, from, to)); });
  });
}

Set members(const TextsByPlace& all) {
  Set out;
  for (const auto& [place, texts] : all)
    if (place.find('.') != std::string::npos) out.insert(member_of(place));
  return out;
}

// "(x * struct foo.n)" put into struct foo.n: what is there is computed anew, by more than a constant.
bool is_transformed(const std::string& value, const std::string& place) {
  static constexpr std::array<std::string_view, 7> kSigns = {" * ", " / ",  " % ", " ^ ",
                                                             " & ", " << ", " >> "};
  if (value.find(place) == std::string::npos) return false;
  return std::ranges::any_of(kSigns, [&](std::string_view sign) {
    const std::size_t at = value.find(sign);
    if (at == std::string::npos) return false;
    return sign != " & " ||
           (!is_number(value.substr(1, at - 1)) &&
            !is_number(value.substr(at + sign.size(), value.size() - at - sign.size() - 1)));
  });
}

}  // namespace

void ValueComparison::add(const UnitFacts& pre, const UnitFacts& post, const ChangedCode& code) {
  for (const auto& [name, before, after] : replaced_functions(code, pre, post)) {
    if (before->values == after->values) continue;
    Change change{name, after->place, walks_tree(before->values), {}, {}, {}, {}, {}};
    for (const auto half : kHalves) {
      change.lost.*half = difference(before->values.*half, after->values.*half);
      change.gained.*half = difference(after->values.*half, before->values.*half);
    }
    for (const auto& half : {&ValueUses::stored, &ValueUses::used})
      for (const auto& [place, texts] : change.gained.*half)
        if (pre.records.contains(record_of(place)) && is_untouched(place, pre))
          change.begun.insert(place);
    for (const auto& [place, texts] : change.lost.stored) {
      Set was = nowhere(texts, post, &ValueUses::stored, place);
      Set is = nowhere(at(change.gained.stored, place), pre, &ValueUses::stored, place);
      was.erase("?");
      is.erase("?");
      // A constant that is stored is compared by its own rules (compare_uses.h).
      if (std::ranges::all_of(was, is_number) && std::ranges::all_of(is, is_number)) continue;
      if (!was.empty() && !is.empty()) change.other_stores.emplace(place, std::move(is));
    }
    for (const auto& [place, texts] : change.gained.stored) {
      Set anew = nowhere(texts, pre, &ValueUses::stored, place);
      std::erase_if(anew, [&, &where = place](const std::string& value) {
        return !is_transformed(value, where);
      });
      if (!anew.empty()) change.other_stores.emplace(place, std::move(anew));
    }
    for (const auto& [place, texts] : change.lost.used) {
      const Set was = nowhere(texts, post, &ValueUses::used, place);
      const Set is = nowhere(at(change.gained.used, place), pre, &ValueUses::used, place);
      if (std::ranges::any_of(was, [&](const std::string& one) {
            return std::ranges::any_of(
                is, [&](const std::string& other) { return context_of(one) == context_of(other); });
          }))
        change.other_uses.insert(place);
    }
    changes_.push_back(std::move(change));
  }
  on_stacks_.merge(records_on_stacks(post));
}

std::vector<Finding> ValueComparison::compare() const {
  std::vector<Finding> findings;
  compare_halves(findings);
  compare_members(findings);
  compare_begun(findings);
  compare_ends(findings);
  compare_keys(findings);
  compare_walks(findings);
  return findings;
}

void ValueComparison::compare_halves(std::vector<Finding>& findings) const {
  Set told;
  for (const Change& store : changes_)
    for (const auto& [place, values] : store.other_stores) {
      if (on_stacks_.contains(record_of(place)) || told.contains(place)) continue;
      const auto use =
          std::ranges::find_if(changes_, [&, &where = place, &is = values](const Change& one) {
            if (!one.other_uses.contains(where)) return false;
            return &one != &store || std::ranges::any_of(is, [&](const std::string& value) {
              return value.find(where) != std::string::npos;
            });
          });
      if (use == changes_.end()) continue;
      told.insert(place);
      Finding finding;
      finding.code = "encoding-changed";
      finding.name = place;
      finding.place = store.place;
      finding.message = fmt::format(
          "{} stores another value in {}, and {} takes what it finds there for that: live objects "
          "have the old one, and after an undo the old code would misread the new one",
          store.function, place, use->function);
      finding.was = fmt::format("stored {}; used {}", list(at(store.lost.stored, place)),
                                list(at(use->lost.used, place)));
      finding.is = fmt::format("stored {}; used {}", list(at(store.gained.stored, place)),
                               list(at(use->gained.used, place)));
      finding.users = {store.function, use->function};
      finding.remedy = fmt::format("keep what {} says", place);
      findings.push_back(std::move(finding));
    }
}

void ValueComparison::compare_members(std::vector<Finding>& findings) const {
  for (const Change& store : changes_)
    for (const std::string& from : members(store.lost.stored))
      for (const std::string& to : members(store.gained.stored)) {
        if (from == to || record_of(from) != record_of(to) ||
            on_stacks_.contains(record_of(from)) ||
            !moved(store.lost.stored, store.gained.stored, from, to))
          continue;
        const auto use = std::ranges::find_if(changes_, [&](const Change& one) {
          return &one != &store && moved(one.lost.used, one.gained.used, from, to);
        });
        if (use == changes_.end()) continue;
        Finding finding;
        finding.code = "member-changed";
        finding.name = from;
        finding.place = store.place;
        finding.message = fmt::format(
            "{} keeps in {} what it kept in {}, and {} looks for it there: live objects have it in "
            "the old one",
            store.function, to, from, use->function);
        finding.was = from;
        finding.is = to;
        finding.users = {store.function, use->function};
        finding.remedy = fmt::format("keep it in {}", from);
        findings.push_back(std::move(finding));
      }
}

// What nothing kept anything in before, and old objects have nothing of use in: a condition that asks whether
// anything is there is another matter, as it may be meant for that (guard-added).
void ValueComparison::compare_begun(std::vector<Finding>& findings) const {
  const auto is_told = [&](const std::string& place) {
    return std::ranges::any_of(
        findings, [&](const Finding& finding) { return finding.is == member_of(place); });
  };
  for (const Change& store : changes_)
    for (const auto& [place, values] : store.gained.stored) {
      if (!store.begun.contains(place) || is_told(place) || record_of(place) == place ||
          on_stacks_.contains(record_of(place)) || std::ranges::all_of(values, is_number))
        continue;
      const auto use = std::ranges::find_if(changes_, [&, &where = place](const Change& one) {
        return &one != &store && !one.gained.stored.contains(where) && one.begun.contains(where) &&
               std::ranges::any_of(at(one.gained.used, where), [](const std::string& text) {
                 return context_of(text) != "if";
               });
      });
      if (use == changes_.end()) continue;
      Finding finding;
      finding.code = "member-changed";
      finding.name = place;
      finding.place = store.place;
      finding.message = fmt::format(
          "{} begins to keep a value in {}, and {} works with what it finds there: live objects "
          "have none",
          store.function, place, use->function);
      finding.was = "nothing";
      finding.is =
          fmt::format("stored {}; used {}", list(values), list(at(use->gained.used, place)));
      finding.users = {store.function, use->function};
      finding.remedy = fmt::format(
          "compute it where it is used, as before; or keep it in shadow data, which old objects "
          "have none of");
      findings.push_back(std::move(finding));
    }
}

// list_add_tail() and the first, against list_add() and the last: include/linux/list.h.
void ValueComparison::compare_ends(std::vector<Finding>& findings) const {
  const auto goes = [&](const char* lost, const char* gained, const std::string& list_head) {
    return std::ranges::any_of(changes_, [&](const Change& one) {
      const auto has = [&](const ValueUses& uses, const char* way) {
        return std::ranges::any_of(at(uses.used, list_head), [&](const std::string& text) {
          return context_of(text) == way;
        });
      };
      return has(one.lost, lost) && has(one.gained, gained) && !has(one.gained, lost);
    });
  };
  const auto takes = [&](const char* lost, const char* gained,
                         const std::string& list_head) -> const Change* {
    for (const Change& one : changes_)
      if (one.lost.used.contains(list_head + lost) && one.gained.used.contains(list_head + gained))
        return &one;
    return nullptr;
  };
  Set heads;  // that something is no longer put into as before
  for (const Change& one : changes_)
    for (const auto& [place, texts] : one.lost.used)
      if (std::ranges::any_of(texts,
                              [](const std::string& text) { return text.starts_with("list_add"); }))
        heads.insert(place);
  for (const std::string& head : heads) {
    const bool to_head = goes("list_add_tail#1", "list_add#1", head);
    const bool to_tail = goes("list_add#1", "list_add_tail#1", head);
    const Change* taker = to_head   ? takes(".next", ".prev", head)
                          : to_tail ? takes(".prev", ".next", head)
                                    : nullptr;
    if (taker == nullptr) continue;
    Finding finding;
    finding.code = "order-changed";
    finding.name = head;
    finding.place = taker->place;
    finding.message = fmt::format(
        "{} takes from the other end of {}, as others now put there: what is in the list already "
        "comes in the wrong order",
        taker->function, head);
    finding.was = to_head ? "put at the end, taken from the beginning"
                          : "put at the beginning, taken from the end";
    finding.is = to_head ? "put at the beginning, taken from the end"
                         : "put at the end, taken from the beginning";
    finding.users = {taker->function};
    finding.remedy = "keep the order of the list";
    findings.push_back(std::move(finding));
  }
}

void ValueComparison::compare_keys(std::vector<Finding>& findings) const {
  for (const Change& maker : changes_)
    for (const auto& [family, keys] : maker.lost.made_by) {
      const Set& now = at(maker.gained.made_by, family);
      const auto finder =
          std::ranges::find_if(changes_, [&, &of = family, &keys = keys](const Change& one) {
            // The same key, or one of the same type, has gone from both.
            return !at(one.gained.found_by, of).empty() &&
                   std::ranges::any_of(at(one.lost.found_by, of), [&](const std::string& found) {
                     return std::ranges::any_of(keys, [&](const std::string& made) {
                       return found.substr(0, found.find(": ")) == made.substr(0, made.find(": "));
                     });
                   });
          });
      if (now.empty() || finder == changes_.end()) continue;
      Finding finding;
      finding.code = "name-changed";
      finding.name = family;
      finding.place = maker.place;
      finding.message = fmt::format(
          "{} makes an {} by another key, and {} looks for it by that: what was made before the "
          "update is not found",
          maker.function, family, finder->function);
      finding.was = list(keys);
      finding.is = list(now);
      finding.users = {maker.function, finder->function};
      finding.remedy = "keep the key";
      findings.push_back(std::move(finding));
    }
}

// Two functions that walk a tree go by other values: rb_add() and rb_find() of include/linux/rbtree.h ask one
// comparison alike.
void ValueComparison::compare_walks(std::vector<Finding>& findings) const {
  for (auto one = changes_.begin(); one != changes_.end(); ++one)
    for (auto other = std::next(one); one->walks_tree && other != changes_.end(); ++other) {
      const auto place = std::ranges::find_if(one->other_uses, [&](const std::string& used) {
        return other->other_uses.contains(used);
      });
      if (!other->walks_tree || place == one->other_uses.end()) continue;
      Finding finding;
      finding.code = "order-changed";
      finding.name = *place;
      finding.place = one->place;
      finding.message = fmt::format(
          "{} and {} go through a tree by another comparison of {}: what is in the tree was put "
          "there by the old one, and is not found",
          one->function, other->function, *place);
      finding.was = list(at(one->lost.used, *place));
      finding.is = list(at(one->gained.used, *place));
      finding.users = {one->function, other->function};
      finding.remedy = "keep the order of the tree";
      findings.push_back(std::move(finding));
      return;
    }
}

}  // namespace splicer
