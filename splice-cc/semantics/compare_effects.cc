// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/compare_effects.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <string>

#include "splice-cc/semantics/lock_families.h"
#include "splice-cc/semantics/text_sets.h"

namespace splicer {

namespace {

// INIT_WORK() initialises it; the work that it is of has a family of its own.
constexpr std::string_view kListOfWork = "set-up of struct work_struct.entry";

const std::set<int>& counts(const HeldEffects& effects, const HeldObject& held) {
  static const std::set<int> none = {0};
  const auto found = effects.find(held);
  return found == effects.end() ? none : found->second;
}

bool has_loop(const std::set<int>& counts) {
  return counts.contains(kMostCounted) || counts.contains(-kMostCounted);
}

std::set<int> signs(const std::set<int>& counts) {
  std::set<int> signs;
  for (const int count : counts) signs.insert(std::clamp(count, -1, 1));
  return signs;
}

// The same count on something that is called otherwise now. `lasting`: variables of both versions, which
// are not called otherwise: one is not the other.
bool only_renamed(const HeldEffects& before, const HeldEffects& after, const HeldObject& held,
                  int change, const std::set<std::string>& lasting) {
  return std::any_of(before.begin(), before.end(), [&](const auto& entry) {
    return entry.first.family == held.family && entry.first.object != held.object &&
           entry.second.contains(change) && !counts(after, entry.first).contains(change) &&
           !lasting.contains(entry.first.object);
  });
}

// "$0.lock" is for comparing; a reader knows the parameter by its number.
std::string readable(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') continue;
    if (text[i] == '$') {
      out += "argument ";
      if (i + 1 < text.size() && text[i + 1] >= '0' && text[i + 1] < '9') {
        out += static_cast<char>(text[++i] + 1);
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

std::string counts_text(const std::set<int>& counts) {
  if (counts == std::set<int>{0}) return "returns with as many held as on entry";
  std::string text;
  for (const int count : counts)
    text += fmt::format("{}{}{}", text.empty() ? "" : " or ", std::abs(count),
                        count == 0  ? ""
                        : count < 0 ? " fewer"
                                    : " more");
  if (*counts.rbegin() == 0) text += " more";  // "1 fewer or 0 more"
  return fmt::format("returns with {} held than on entry", text);
}

// The counts of one lock or reference at return.
struct EffectChange {
  std::set<int> was;
  std::set<int> is;
  bool up = false;     // some new count is above 0
  bool down = false;   // some is below: with both, paths that the analysis cannot tell apart
  bool apart = false;  // or that it can: one call takes, another gives back
  // What it does is clear.
  bool is_sure() const { return !up || !down || apart; }
};

class EffectComparison {
 public:
  EffectComparison(const UnitFacts& pre, const UnitFacts& post, const ChangedCode& code)
      : pre_(pre), post_(post), code_(code) {
    for (const auto& [name, variable] : pre.variables)
      if (post.variables.contains(name)) lasting_.insert(name);
    for (const auto& [name, function] : pre.functions)
      taken_.insert(function.taken.begin(), function.taken.end());
    for (const auto& [name, function] : post.functions) {
      const auto before = pre.functions.find(name);
      // A new function counts as what calls it; as itself only if a table or a pointer leads to it.
      if (before == pre.functions.end() ? !function.address_taken : is_contained(name, function))
        continue;
      for (const std::string& family : function.taken)
        if (before == pre.functions.end() || !before->second.taken.contains(family))
          newly_taken_.emplace(family, name);
    }
  }

  std::vector<Finding> run() {
    for (const auto& [name, before] : pre_.functions) {
      const auto found = post_.functions.find(name);
      if (found == post_.functions.end()) continue;
      const FunctionFacts& after = found->second;
      if (before.effects != after.effects && !is_contained(name, after) &&
          (is_replaced(code_, pre_, name) || !differs_by_callee(after)))
        compare(name, before, after);
      if (before.taken != after.taken && is_replaced(code_, pre_, name) &&
          !is_contained(name, after))
        compare_places(name, before, after);
      if (before.relies != after.relies && is_replaced(code_, pre_, name))
        compare_set_ups(name, before, after);
    }
    return std::move(findings_);
  }

 private:
  // No thread can be in it or between it and its callers: all of them are replaced at once.
  bool is_contained(const std::string& name, const FunctionFacts& after) const {
    if (!after.local || after.address_taken || after.exported) return false;
    const auto before = pre_.functions.find(name);
    if (before != pre_.functions.end() && (before->second.address_taken || !before->second.local))
      return false;
    bool called = false;
    for (const UnitFacts* facts : {&pre_, &post_})
      for (const auto& [caller, function] : facts->functions) {
        if (caller == name || !function.calls.contains(name)) continue;
        if (facts == &post_ && !pre_.functions.contains(caller)) {
          // A new caller is only called by what changed too.
          called = true;
          continue;
        }
        if (!is_replaced(code_, pre_, caller)) return false;
        called = true;
      }
    return called;
  }

  // A function that itself is as it was, and calls one that is reported already.
  bool differs_by_callee(const FunctionFacts& after) const {
    return std::any_of(after.calls.begin(), after.calls.end(), [&](const std::string& callee) {
      const auto before = pre_.functions.find(callee);
      const auto now = post_.functions.find(callee);
      return before != pre_.functions.end() && now != post_.functions.end() &&
             before->second.effects != now->second.effects;
    });
  }

  void compare(const std::string& name, const FunctionFacts& before, const FunctionFacts& after) {
    std::set<HeldObject> all;
    for (const auto& [held, counted] : before.effects) all.insert(held);
    for (const auto& [held, counted] : after.effects) all.insert(held);
    for (const HeldObject& held : all) {
      if (is_kept_up(held)) continue;
      std::set<int> was = counts(before.effects, held);
      std::set<int> is = counts(after.effects, held);
      if (has_loop(was) || has_loop(is)) {
        was = signs(was);
        is = signs(is);
      }
      std::set<int> fresh = without(is, was);
      std::erase_if(fresh, [&](int change) {
        return change != 0 && only_renamed(before.effects, after.effects, held, change, lasting_);
      });
      const bool up = !fresh.empty() && *fresh.rbegin() > 0;
      const bool down = !fresh.empty() && *fresh.begin() < 0;
      // Nothing of what it did before: a function that always took the lock never does.
      const bool dropped =
          !up && !down && fresh.contains(0) && without(was, is) == was &&
          !only_renamed(after.effects, before.effects, held, *was.begin(), lasting_);
      if (!up && !down && !dropped) continue;
      const bool apart = after.apart.contains(held) && !before.apart.contains(held);
      report(name, after, held, {was, is, up, down, apart});
    }
  }

  // What a function set up, or put on a list, and another one does now. An object that came so far under
  // the old code, and goes on under the new, gets it twice or never: a work that was initialised where
  // it was queued, and shall now be so where the object is made.
  void compare_places(const std::string& name, const FunctionFacts& before,
                      const FunctionFacts& after) {
    for (const std::string& family : before.taken) {
      const auto moved = newly_taken_.find(family);
      if (after.taken.contains(family) || moved == newly_taken_.end() ||
          family.starts_with(kCountOf) || family == kListOfWork || callee_lost(after, family))
        continue;
      report_state(
          name, after,
          fmt::format(
              "{} no longer {}, and {} now does: objects from before the update would see both "
              "or none of it",
              name, slot_action(family, 1), moved->second),
          "leave it where it was too, or mark new objects, as with shadow data: see splice.h(3)");
    }
  }

  // What nobody initialised, somebody does now, and this function takes for granted: objects from before the
  // update have not got it.
  void compare_set_ups(const std::string& name, const FunctionFacts& before,
                       const FunctionFacts& after) {
    for (const std::string& family : after.relies) {
      if (before.relies.contains(family) || taken_.contains(family)) continue;
      const auto [begin, end] = newly_taken_.equal_range(family);
      const auto fresh =
          std::find_if(begin, end, [&](const auto& entry) { return entry.second != name; });
      if (fresh == end) continue;
      report_state(
          name, after,
          fmt::format("{} now {}, which only {} initialises, and nothing did before: objects "
                      "from before the update have not got it",
                      name, slot_action(family, -1), fresh->second),
          "use it only in objects that the new code made: mark these with shadow data");
    }
  }

  // Of what is so from then on, and has no counts.
  void report_state(const std::string& name, const FunctionFacts& after, const std::string& what,
                    const char* remedy) {
    Finding finding;
    finding.code = "reference-discipline";
    finding.name = name;
    finding.place = after.place;
    finding.refuse = true;
    finding.message = "refcount imbalance: " + what;
    finding.remedy = remedy;
    findings_.push_back(std::move(finding));
  }

  // A callee did it, and is reported itself.
  bool callee_lost(const FunctionFacts& caller, const std::string& family) const {
    return std::ranges::any_of(caller.calls, [&](const std::string& callee) {
      const auto before = pre_.functions.find(callee);
      const auto now = post_.functions.find(callee);
      return before != pre_.functions.end() && now != post_.functions.end() &&
             before->second.taken.contains(family) && !now->second.taken.contains(family) &&
             !is_contained(callee, now->second);
    });
  }

  // A list, a tree, a timer that the old code has already filled and set up: who takes an object
  // out of it at another place than before finds it there.
  bool is_kept_up(const HeldObject& held) const {
    return is_slot_family(held.family) && !held.family.starts_with(kCountOf) &&
           taken_.contains(held.family);
  }

  void report(const std::string& name, const FunctionFacts& after, const HeldObject& held,
              const EffectChange& change) {
    Finding finding;
    finding.code = "lock-discipline";
    if (held.reference) finding.code = "reference-discipline";
    finding.name = name;
    finding.place = after.place;
    finding.refuse =
        held.reference ? change.up && change.down && change.apart : held.sure && change.is_sure();
    finding.message = message(name, held, change);
    if (!is_slot_family(held.family)) {
      finding.was = counts_text(change.was);
      finding.is = counts_text(change.is);
    }
    finding.remedy = held.reference
                         ? "let objects from before the update keep the old count: mark new ones, "
                           "as with shadow data: see splice.h(3)"
                         : "replace the function that takes the lock and the one that releases it "
                           "by a pair that also understands the old state, or take and release it "
                           "in one function";
    finding.sure = held.sure || !held.reference;
    if (finding.refuse && held.reference)
      finding.message +=
          ", but not in one call: objects from before the update would see only one of the two";
    if (held.reference && change.up != change.down) {
      finding.change = change.up ? 1 : -1;
      const std::size_t last = held.object.rfind('.');
      const bool embedded = held.family == "kref" || held.family == "refcount";
      finding.counted = held.family;
      if (embedded && last != std::string::npos) finding.counted += held.object.substr(last);
    }
    findings_.push_back(std::move(finding));
  }

  static std::string message(const std::string& name, const HeldObject& held,
                             const EffectChange& change) {
    std::string does = change.up ? "now takes" : change.down ? "now releases" : "no longer changes";
    if (change.up && change.down)
      does = change.apart ? "now takes or releases" : "may take or release";
    if (is_slot_family(held.family)) {
      does = slot_action(held.family, change.up ? 1 : -1);
      if (change.up && change.down)
        does = fmt::format("{} or {}", does, slot_action(held.family, -1));
      return fmt::format("refcount imbalance: {} {} {}", name,
                         change.up || change.down ? "now" : "no longer", does);
    }
    const std::string what = readable(
        held.object.empty() ? held.family : fmt::format("{} {}", held.family, held.object));
    if (held.reference) return fmt::format("refcount imbalance: {} {} {}", name, does, what);
    if (change.up && !change.down) does = "now returns with";
    return fmt::format(
        "lock imbalance: {} {} {}, while callers in the running kernel rely on what it did before",
        name, does, what);
  }

  const UnitFacts& pre_;
  const UnitFacts& post_;
  const ChangedCode& code_;
  std::set<std::string> taken_;    // families of slots, in any function of before
  std::set<std::string> lasting_;  // variables of both versions
  std::multimap<std::string, std::string> newly_taken_;  // by family, functions that did not before
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> compare_effects(const UnitFacts& pre, const UnitFacts& post,
                                     const ChangedCode& code) {
  return EffectComparison(pre, post, code).run();
}

}  // namespace splicer
