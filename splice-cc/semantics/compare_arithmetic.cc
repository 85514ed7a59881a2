// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/compare_arithmetic.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "splice-cc/semantics/text_sets.h"

namespace splicer {

namespace {

using Set = std::set<std::string>;
using Texts = TextsByPlace;

std::string told(const Set& all) { return all.empty() ? "nothing" : list(all); }

// What takes it back: "-1" of "+1", and "127-" of itself.
std::string opposite(const std::string& shape) {
  if (shape.ends_with('-')) return shape;
  return (shape[0] == '+' ? '-' : '+') + shape.substr(1);
}

// A constant that is added where it is stored in the one version only, and is taken off where it is read in
// that version only; or is added where it is read in the other only.
bool is_encoded(const ArithmeticUses& here, const ArithmeticUses& there, const std::string& place) {
  const Set stored = without(at(here.stored, place), at(there.stored, place));
  const Set read = without(at(here.read, place), at(there.read, place));
  const Set read_there = without(at(there.read, place), at(here.read, place));
  return std::ranges::any_of(stored, [&](const std::string& shape) {
    return read.contains(opposite(shape)) || read_there.contains(shape);
  });
}

}  // namespace

void ArithmeticComparison::add(const UnitFacts& pre, const UnitFacts& post,
                               const ChangedCode& code) {
  for (const auto texts : kArithmeticTexts) {
    for (const auto& [name, function] : pre.functions)
      merge(before_.*texts, function.arithmetic.*texts);
    for (const auto& [name, function] : post.functions)
      merge(after_.*texts, function.arithmetic.*texts);
  }
  for (const auto& [name, before, after] : replaced_functions(code, pre, post))
    pairs_.push_back({name, after->place, before->arithmetic, after->arithmetic});
}

std::vector<Finding> ArithmeticComparison::compare() const {
  std::vector<Finding> findings;
  compare_amounts(findings);
  compare_encodings(findings);
  compare_orders(findings);
  compare_names(findings);
  return findings;
}

Finding ArithmeticComparison::about(const std::string& place) const {
  Finding finding;
  finding.name = place;
  for (const Pair& pair : pairs_)
    for (const auto texts : kArithmeticTexts) {
      if (at(pair.before.*texts, place) == at(pair.after.*texts, place)) continue;
      if (finding.users.empty()) finding.place = pair.place;
      finding.users.push_back(pair.name);
      break;
    }
  return finding;
}

// One function counts down where it counted up, and another one up where it counted down.
bool ArithmeticComparison::is_turned(const std::string& place) const {
  bool up = false;
  bool down = false;
  for (const Pair& pair : pairs_) {
    const bool was_up = pair.before.up.contains(place);
    const bool was_down = pair.before.down.contains(place);
    const bool is_up = pair.after.up.contains(place);
    const bool is_down = pair.after.down.contains(place);
    up = up || (was_down && !was_up && is_up && !is_down);
    down = down || (was_up && !was_down && is_down && !is_up);
  }
  return up && down;
}

void ArithmeticComparison::compare_amounts(std::vector<Finding>& findings) const {
  Set places;
  for (const Texts* texts : {&before_.up, &before_.down, &before_.begins})
    for (const auto& [place, amounts] : *texts) places.insert(place);
  for (const std::string& place : places) {
    const bool both =
        exchanged(before_.up, after_.up, place) && exchanged(before_.down, after_.down, place);
    const bool begins = exchanged(before_.begins, after_.begins, place);
    // What was added is taken off now, everywhere.
    const Set turned = without(at(before_.up, place), at(after_.up, place));
    const bool sign = std::ranges::any_of(turned, [&](const std::string& amount) {
      return !at(before_.down, place).contains(amount) && at(after_.down, place).contains(amount);
    });
    if (!both && !begins && !sign && !is_turned(place)) continue;
    Finding finding = about(place);
    finding.code = "amount-changed";
    if (finding.users.empty()) continue;
    finding.message = fmt::format(
        "the patch counts {} otherwise: what was counted before the update would be taken off by "
        "other amounts",
        place);
    finding.was = fmt::format("up by {}; down by {}", told(at(before_.up, place)),
                              told(at(before_.down, place)));
    finding.is = fmt::format("up by {}; down by {}", told(at(after_.up, place)),
                             told(at(after_.down, place)));
    if (begins) {
      finding.was += "; begins with " + told(at(before_.begins, place));
      finding.is += "; begins with " + told(at(after_.begins, place));
    }
    finding.remedy = "keep the amounts; or keep in each object by how much it was counted";
    findings.push_back(std::move(finding));
  }
}

void ArithmeticComparison::compare_encodings(std::vector<Finding>& findings) const {
  Set places;
  for (const Texts* texts : {&before_.stored, &after_.stored, &before_.set})
    for (const auto& [place, shapes] : *texts) places.insert(place);
  for (const std::string& place : places) {
    const bool number = is_encoded(after_, before_, place) || is_encoded(before_, after_, place);
    // The one side may keep what other code does with all bits, in a loop.
    const bool sets = at(before_.set, place) != at(after_.set, place);
    const bool tests = at(before_.tested, place) != at(after_.tested, place);
    const bool bit = sets && tests &&
                     (exchanged(before_.set, after_.set, place) ||
                      exchanged(before_.tested, after_.tested, place));
    if (!number && !bit) continue;
    Finding finding = about(place);
    finding.code = "encoding-changed";
    if (finding.users.empty()) continue;
    finding.message = fmt::format(
        "the patch adds another constant to what it stores in {}, and to what it reads there: what "
        "live objects have there would be read as another number",
        place);
    const auto said = [&](const ArithmeticUses& uses) {
      return bit ? fmt::format("bits set at {}, tested at {}", told(at(uses.set, place)),
                               told(at(uses.tested, place)))
                 : fmt::format("stored with {}, read with {}", told(at(uses.stored, place)),
                               told(at(uses.read, place)));
    };
    finding.was = said(before_);
    finding.is = said(after_);
    finding.remedy = fmt::format("keep what {} says", place);
    findings.push_back(std::move(finding));
  }
}

void ArithmeticComparison::compare_orders(std::vector<Finding>& findings) const {
  for (const Pair& pair : pairs_) {
    const Set lost = without(pair.before.orders, pair.after.orders);
    const Set gained = without(pair.after.orders, pair.before.orders);
    const auto turned = std::ranges::find_if(lost, [&](const std::string& order) {
      constexpr std::string_view kLess = " < ";
      const std::size_t between = order.find(kLess);
      return gained.contains(order.substr(between + kLess.size()) + std::string(kLess) +
                             order.substr(0, between));
    });
    if (turned == lost.end()) continue;
    Finding finding;
    finding.code = "order-changed";
    finding.name = pair.name;
    finding.place = pair.place;
    finding.message = fmt::format(
        "{} walks a tree by the opposite comparison: what is in the tree was put there in the "
        "other order, and is not found",
        pair.name);
    finding.was = told(lost);
    finding.is = told(gained);
    finding.remedy = "keep the order of the tree";
    findings.push_back(std::move(finding));
  }
}

// Two functions, of which one makes under a name what the other finds by it.
void ArithmeticComparison::compare_names(std::vector<Finding>& findings) const {
  for (auto one = pairs_.begin(); one != pairs_.end(); ++one) {
    const Set lost = without(one->before.names, one->after.names);
    const Set gained = without(one->after.names, one->before.names);
    if (lost.empty() || gained.empty()) continue;
    for (auto other = std::next(one); other != pairs_.end(); ++other) {
      const auto in_both = [](const Set& names, const Set& has, const Set& has_not) {
        return std::ranges::find_if(names, [&](const std::string& name) {
          return has.contains(name) && !has_not.contains(name);
        });
      };
      const auto was = in_both(lost, other->before.names, other->after.names);
      const auto is = in_both(gained, other->after.names, other->before.names);
      if (was == lost.end() || is == gained.end()) continue;
      Finding finding;
      finding.code = "name-changed";
      finding.name = *was;
      finding.place = one->place;
      finding.message = fmt::format(
          "{} and {} use another name: what was made under the old one before the update is not "
          "found under the new one",
          one->name, other->name);
      finding.was = *was;
      finding.is = *is;
      finding.users = {one->name, other->name};
      finding.remedy = "keep the name";
      findings.push_back(std::move(finding));
      break;
    }
  }
}

}  // namespace splicer
