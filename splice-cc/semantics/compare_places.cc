// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/compare_places.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "splice-cc/semantics/text_sets.h"

namespace splicer {

namespace {

// "msecs_to_jiffies" gives jiffies, and takes msecs. A clock gives what it counts.
std::string unit(std::string_view conversion, bool given) {
  while (conversion.starts_with('_')) conversion.remove_prefix(1);
  constexpr std::string_view kTo = "_to_";
  if (const std::size_t to = conversion.find(kTo); to != std::string_view::npos)
    return std::string(given ? conversion.substr(to + kTo.size()) : conversion.substr(0, to));
  if (conversion.find("jiffies") != std::string_view::npos) return "jiffies";
  constexpr std::string_view kGet = "ktime_get";
  if (!conversion.starts_with(kGet)) return std::string(conversion);
  // ktime_get(), ktime_get_ns(), ktime_get_real_seconds()
  conversion.remove_prefix(kGet.size());
  if (conversion.empty()) return "ktime";
  return std::string(conversion.substr(1));
}

bool is_any(std::int64_t value) {
  return value == kAnyValue || value == kCopied || value == kNotZero;
}

bool overlap(std::int64_t one, std::int64_t other) {
  return is_any(one) || is_any(other) || (one & other) != 0;
}

bool touches(const std::set<Mark>& marks, const std::string& place, std::int64_t value) {
  return std::ranges::any_of(
      marks, [&](const Mark& mark) { return mark.first == place && overlap(mark.second, value); });
}

std::string record_of(const std::string& place) { return place.substr(0, place.rfind('.')); }

std::string guard_text(const Guard& guard) {
  if (guard.value == kNotZero) return fmt::format("{} is not zero", guard.what);
  if (guard.equal) return fmt::format("{} is {}", guard.what, guard.value);
  return fmt::format("{} has {:#x}", guard.what, guard.value);
}

}  // namespace

void PlaceComparison::Version::add(const PlaceUses& uses, const std::string& function) {
  for (const auto& [place, held] : uses.holds) holds.insert(place);
  for (const auto& [place, names] : uses.stored)
    for (const std::string& name : names) stored[place].insert(unit(name, true));
  for (const auto& [place, names] : uses.read)
    for (const std::string& name : names) read[place].insert(unit(name, false));
  merge(sizes, uses.sizes);
  merge(queues, uses.queues);
  merge(callbacks, uses.callbacks);
  for (const Mark& mark : uses.marks) marks[mark].insert(function);
}

void PlaceComparison::add(const UnitFacts& pre, const UnitFacts& post, const ChangedCode& code) {
  for (const auto& [name, function] : pre.functions) before_.add(function.places, name);
  for (const auto& [name, function] : post.functions) after_.add(function.places, name);
  for (const auto& [name, before, after] : replaced_functions(code, pre, post))
    pairs_.push_back(
        {name, after->place, before->places, after->places, without(after->calls, before->calls)});
  on_stacks_.merge(records_on_stacks(post));
  for (const auto& [name, variable] : pre.variables)
    if (!post.variables.contains(name)) gone_variables_.insert(name);
}

std::vector<Finding> PlaceComparison::compare() const {
  std::vector<Finding> findings;
  compare_containers(findings);
  compare_queues(findings);
  compare_callbacks(findings);
  compare_units(findings);
  compare_sizes(findings);
  for (const Pair& pair : pairs_) compare_guards(pair, findings);
  compare_senses(findings);
  return findings;
}

void PlaceComparison::compare_containers(std::vector<Finding>& findings) const {
  for (const std::string& place : before_.holds) {
    if (after_.holds.contains(place) || gone_variables_.contains(place) ||
        on_stacks_.contains(record_of(place)))
      continue;
    for (const Pair& pair : pairs_) {
      const auto was = pair.before.holds.find(place);
      if (was == pair.before.holds.end()) continue;
      const std::string& type = was->second.type;
      const auto fresh = std::ranges::find_if(pair.after.holds, [&](const auto& entry) {
        const auto [other, held] = entry;
        const auto before = pair.before.holds.find(other);
        return held.type == type &&
               (before == pair.before.holds.end() || before->second.uses < held.uses);
      });
      if (fresh == pair.after.holds.end()) continue;
      Finding finding;
      finding.code = "container-changed";
      finding.name = place;
      finding.place = pair.place;
      finding.message = fmt::format(
          "{} now uses {} instead of {}: what lives already is in the old one, or waits there, and "
          "new "
          "code does not look there",
          pair.name, fresh->first, place);
      finding.was = fmt::format("{} {}", type, place);
      finding.is = fmt::format("{} {}", type, fresh->first);
      finding.users = {pair.name};
      finding.remedy = fmt::format("keep {}, or look in both", place);
      findings.push_back(std::move(finding));
      break;
    }
  }
}

// Work goes to another queue, and who waits for it waits there: what is in the old one is not waited for.
void PlaceComparison::compare_queues(std::vector<Finding>& findings) const {
  std::map<std::pair<std::string, std::string>, Texts> exchanged;  // by old and new: callees
  for (const auto& [callee, was] : before_.queues)
    for (const std::string& old : without(was, at(after_.queues, callee)))
      for (const std::string& fresh : without(at(after_.queues, callee), was))
        exchanged[{old, fresh}].insert(callee);
  for (const auto& [queues, callees] : exchanged) {
    if (callees.size() < 2) continue;
    const auto& [old, fresh] = queues;
    const auto user = std::ranges::find_if(pairs_, [&, &from = old](const Pair& pair) {
      return std::ranges::any_of(pair.before.queues,
                                 [&](const auto& entry) { return entry.second.contains(from); });
    });
    if (user == pairs_.end()) continue;
    Finding finding;
    finding.code = "container-changed";
    finding.name = old;
    finding.place = user->place;
    finding.message = fmt::format(
        "the patch gives {} {} instead of {}: work that is in the old queue is not waited for",
        list(callees), fresh, old);
    finding.was = old;
    finding.is = fresh;
    finding.users = {user->name};
    finding.remedy = fmt::format("wait for {}, too", old);
    findings.push_back(std::move(finding));
  }
}

// A callback that nothing sets any more, and that is called directly now: for live objects it is called twice.
void PlaceComparison::compare_callbacks(std::vector<Finding>& findings) const {
  for (const auto& [place, was] : before_.callbacks)
    for (const std::string& name : without(was, at(after_.callbacks, place))) {
      const auto caller = std::ranges::find_if(pairs_, [&, &callback = name](const Pair& pair) {
        return pair.newly_calls.contains(callback);
      });
      if (caller == pairs_.end()) continue;
      Finding finding;
      finding.code = "reference-discipline";
      finding.name = caller->name;
      finding.place = caller->place;
      finding.message = fmt::format(
          "refcount imbalance: {} now calls {}, which live objects have in {}, too, and call once "
          "more by that",
          caller->name, name, place);
      finding.users = {caller->name};
      finding.remedy = fmt::format("leave the call of {} to {}", name, place);
      findings.push_back(std::move(finding));
    }
}

const PlaceComparison::Pair* PlaceComparison::user_of(const std::string& place) const {
  for (const Pair& pair : pairs_)
    for (const PlaceUses* uses : {&pair.after, &pair.before})
      if (uses->stored.contains(place) || uses->read.contains(place) || uses->sizes.contains(place))
        return &pair;
  return nullptr;
}

// A number that is converted when it is read, and was when it was stored; or that is of another unit.
void PlaceComparison::compare_units(std::vector<Finding>& findings) const {
  Texts places;
  for (const auto& all : {&before_.stored, &before_.read})
    for (const auto& [place, units] : *all) places.insert(place);
  for (const std::string& place : places) {
    const Texts lost_stored = without(at(before_.stored, place), at(after_.stored, place));
    const Texts new_stored = without(at(after_.stored, place), at(before_.stored, place));
    const Texts lost_read = without(at(before_.read, place), at(after_.read, place));
    const Texts new_read = without(at(after_.read, place), at(before_.read, place));
    const bool changed =
        !(lost_stored.empty() && lost_read.empty()) && !(new_stored.empty() && new_read.empty());
    const Pair* user = changed ? user_of(place) : nullptr;
    if (user == nullptr || on_stacks_.contains(record_of(place))) continue;
    Finding finding;
    finding.code = "unit-changed";
    finding.name = place;
    finding.place = user->place;
    finding.message = fmt::format(
        "{} takes the number in {} for one of another unit: what is there already would be misread",
        user->name, place);
    finding.was = fmt::format("stored as {}; read from {}", list(at(before_.stored, place)),
                              list(at(before_.read, place)));
    finding.is = fmt::format("stored as {}; read from {}", list(at(after_.stored, place)),
                             list(at(after_.read, place)));
    finding.users = {user->name};
    finding.remedy = fmt::format("keep the unit of {}, and convert where it is used", place);
    findings.push_back(std::move(finding));
  }
}

void PlaceComparison::compare_sizes(std::vector<Finding>& findings) const {
  for (const auto& [place, was] : before_.sizes) {
    const Texts& is = at(after_.sizes, place);
    const Pair* user = exchanged(before_.sizes, after_.sizes, place) ? user_of(place) : nullptr;
    if (user == nullptr) continue;
    Finding finding;
    finding.code = "release-changed";
    finding.name = place;
    finding.place = user->place;
    finding.message = fmt::format(
        "{} now releases the memory of {} with another size than the running kernel allocated it "
        "with",
        user->name, place);
    finding.was = list(was);
    finding.is = list(is);
    finding.users = {user->name};
    finding.remedy = "keep the size; or keep it in the object, and release it with that";
    findings.push_back(std::move(finding));
  }
}

PlaceComparison::Texts PlaceComparison::new_marks(const Guard& guard) const {
  const auto answers = [&](const Mark& mark) {
    if (mark.first != guard.what) return false;
    if (guard.equal && !is_any(mark.second)) return mark.second == guard.value;
    // A word that is copied in has the bits that its maker knew.
    if (!guard.equal && guard.value != kNotZero && mark.second == kCopied) return false;
    return overlap(mark.second, guard.value);
  };
  for (const auto& [mark, functions] : before_.marks)
    if (answers(mark)) return {};
  Texts all;
  for (const auto& [mark, functions] : after_.marks)
    if (answers(mark)) all.insert(functions.begin(), functions.end());
  return all;
}

// What was done for each object, and now is for those only that are marked, as no old one is.
void PlaceComparison::compare_guards(const Pair& pair, std::vector<Finding>& findings) const {
  for (const auto& [callee, guards] : pair.after.guarded) {
    const auto before = pair.before.guarded.find(callee);
    if (before == pair.before.guarded.end()) continue;
    for (const Guard& guard : guards) {
      if (!guard.holds || before->second.contains(guard) ||
          on_stacks_.contains(record_of(guard.what)))
        continue;
      Texts by = new_marks(guard);
      by.erase(pair.name);
      if (by.empty()) continue;
      Finding finding;
      finding.code = "guard-added";
      finding.name = pair.name;
      finding.place = pair.place;
      finding.message = fmt::format(
          "{} now calls {}() only where {}, which {} sets and nothing did before: objects from "
          "before the update never have it",
          pair.name, callee, guard_text(guard), list(by));
      finding.users = {by.begin(), by.end()};
      finding.remedy =
          "let the mark mean what is not to be done, so that an object without it is treated as "
          "before";
      findings.push_back(std::move(finding));
      return;
    }
  }
}

// What set a flag now clears it, and who asks for it asks for the opposite.
void PlaceComparison::compare_senses(std::vector<Finding>& findings) const {
  std::map<std::string, const Pair*> turned;  // by place
  Texts confirmed;
  Texts begun;
  for (const Pair& pair : pairs_) {
    const auto turn = [&](const std::set<Mark>& was, const std::set<Mark>& not_was,
                          const std::set<Mark>& is, const std::set<Mark>& not_is) {
      for (const auto& [place, value] : was)
        if (!touches(not_was, place, value) && touches(is, place, value) &&
            !touches(not_is, place, value))
          if (const auto [entry, fresh] = turned.try_emplace(place, &pair);
              !fresh && entry->second != &pair)
            confirmed.insert(place);
    };
    turn(pair.before.marks, pair.before.clears, pair.after.clears, pair.after.marks);
    turn(pair.before.clears, pair.before.marks, pair.after.marks, pair.after.clears);
    // What it did nothing to, it now sets where another function sets it no more.
    for (const auto& [set, unset] : {std::pair{&PlaceUses::marks, &PlaceUses::clears},
                                     std::pair{&PlaceUses::clears, &PlaceUses::marks}})
      for (const auto& [place, value] : pair.after.*set)
        if (!touches(pair.before.*set, place, value) && !touches(pair.before.*unset, place, value))
          begun.insert(place);
    for (const auto& [callee, guards] : pair.after.guarded) {
      const auto before = pair.before.guarded.find(callee);
      if (before == pair.before.guarded.end()) continue;
      for (Guard guard : guards) {
        guard.holds = !guard.holds;
        if (before->second.contains(guard)) confirmed.insert(guard.what);
      }
    }
  }
  for (const auto& [place, pair] : turned) {
    if ((!confirmed.contains(place) && !begun.contains(place)) ||
        on_stacks_.contains(record_of(place)))
      continue;
    Finding finding;
    finding.code = "sense-inverted";
    finding.name = place;
    finding.place = pair->place;
    finding.message = fmt::format(
        "{} now clears in {} what it set, or sets what it cleared, and other code asks for the "
        "opposite: what objects hold that already exist would be taken for its contrary",
        pair->name, place);
    finding.users = {pair->name};
    finding.remedy = fmt::format("keep what {} says when it is set", place);
    findings.push_back(std::move(finding));
  }
}

}  // namespace splicer
