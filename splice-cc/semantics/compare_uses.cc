// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/semantics/compare_uses.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <tuple>

#include "runtime/package/digest.h"

#include "splice-cc/semantics/text_sets.h"

namespace splicer {

namespace {

std::string digest(const std::set<std::string>& texts) {
  constexpr std::size_t kDigits = 8;
  return sha256_hex(list(texts)).substr(0, kDigits);
}

class UseComparison {
 public:
  UseComparison(const UnitFacts& pre, const UnitFacts& post, const ChangedCode& code)
      : pre_(pre), post_(post), code_(code) {
    StateValues::add(pre, states_before_);
    StateValues::add(post, states_after_);
  }

  std::vector<Finding> run() {
    for (const auto& [name, before] : pre_.functions) {
      const auto after = post_.functions.find(name);
      if (after == post_.functions.end()) {
        if (before.address_taken && !before.start_up) report_callback(name, before);
      } else if (is_replaced(code_, pre_, name)) {
        compare_constants(name, before, after->second);
        compare_renamed_constants(name, before, after->second);
        compare_casts(name, before, after->second);
        compare_indexes(name, before, after->second);
      }
    }
    compare_hash_parameters();
    find_nmi_code();
    for (auto& [key, finding] : found_) findings_.push_back(std::move(finding));
    return std::move(findings_);
  }

 private:
  // One finding for each code and name, with all functions that have it.
  Finding& found(const std::string& code, const std::string& name, const FunctionFacts& function,
                 const std::string& user) {
    const auto [entry, fresh] = found_.try_emplace({code, name});
    Finding& finding = entry->second;
    if (fresh) {
      finding.name = name;
      finding.place = function.place;
    }
    finding.users.push_back(user);
    return finding;
  }

  // By name: a macro or an enumerator that had one value and has another, in one use of it.
  void compare_constants(const std::string& function, const FunctionFacts& before,
                         const FunctionFacts& after) {
    using Key = std::tuple<std::string, std::string, ConstantRole>;
    const auto by_name = [](const FunctionFacts& facts) {
      std::map<Key, std::set<std::int64_t>> values;
      for (const ConstantUse& use : facts.uses.constants)
        if (!use.name.empty()) values[{use.name, use.memory, use.role}].insert(use.value);
      return values;
    };
    const auto was = by_name(before);
    for (const auto& [key, values] : by_name(after)) {
      const auto old = was.find(key);
      if (old == was.end()) continue;
      const auto lost = without(old->second, values);
      const auto gained = without(values, old->second);
      const auto& [name, memory, role] = key;
      // An enumerator that has another value is a finding of its own.
      if (lost.empty() || gained.empty() || pre_.enumerators.contains(name)) continue;
      report_constant(name,
                      fmt::format("{} has another value, and code that is replaced uses it", name),
                      memory, lost, gained, after, function);
    }
  }

  void report_constant(const std::string& name, const std::string& what, const std::string& memory,
                       const std::set<std::int64_t>& was, const std::set<std::int64_t>& is,
                       const FunctionFacts& after, const std::string& function) {
    Finding& finding = found("constant-changed", name, after, function);
    finding.code = "constant-changed";
    finding.message =
        fmt::format("{} with {}: what was stored or allocated before the update has the old one",
                    what, memory.empty() ? "memory that may live on" : memory);
    finding.was = list(was);
    finding.is = list(is);
    finding.remedy =
        fmt::format("leave {} as it is, and give a new meaning a new name and value", name);
  }

  // A name that only one version knows, in the place of one that only the other knows, and of another
  // value: the two are one constant, which was renamed.
  void compare_renamed_constants(const std::string& function, const FunctionFacts& before,
                                 const FunctionFacts& after) {
    using Place = std::pair<std::string, ConstantRole>;
    struct Constants {
      std::set<std::string> names;
      std::set<std::int64_t> values;
    };
    const auto only_known_here = [](const FunctionFacts& facts, const UnitFacts& other) {
      std::map<Place, Constants> found;
      for (const ConstantUse& use : facts.uses.constants) {
        if (use.name.empty() || knows_all(other, use.name)) continue;
        Constants& constants = found[{use.memory, use.role}];
        constants.names.insert(use.name);
        constants.values.insert(use.value);
      }
      return found;
    };
    const auto was = only_known_here(before, post_);
    for (const auto& [place, constants] : only_known_here(after, pre_)) {
      const auto old = was.find(place);
      if (old == was.end() || old->second.values == constants.values) continue;
      const std::string& memory = place.first;
      if (has_state(states_before_, memory, old->second.values) &&
          has_state(states_after_, memory, constants.values))
        continue;  // StateValues has it, for all units
      const std::string name = list(old->second.names);
      report_constant(name,
                      fmt::format("{} has gone, and code that is replaced uses {}, which has "
                                  "another value, in its place",
                                  name, list(constants.names)),
                      memory, old->second.values, constants.values, after, function);
    }
  }

  static bool has_state(const StateValues::ByMemory& states, const std::string& memory,
                        const std::set<std::int64_t>& values) {
    const auto uses = states.find(memory);
    return uses != states.end() && std::ranges::any_of(values, [&](std::int64_t value) {
             return uses->second.is_state(value);
           });
  }

  // "BIT,SHIFT": each of them?
  static bool knows_all(const UnitFacts& facts, std::string_view names) {
    for (std::size_t end = 0; end != std::string_view::npos; names.remove_prefix(end + 1)) {
      end = names.find(',');
      if (!facts.knows_constant(std::string(names.substr(0, end)))) return false;
      if (end == std::string_view::npos) break;
    }
    return true;
  }

  // Records that a void * is taken for. One that is only taken in addition says nothing.
  void compare_casts(const std::string& function, const FunctionFacts& before,
                     const FunctionFacts& after) {
    for (const auto& [memory, records] : after.uses.casts) {
      const auto old = before.uses.casts.find(memory);
      if (old == before.uses.casts.end()) continue;
      const auto lost = without(old->second, records);
      const auto gained = without(records, old->second);
      if (lost.empty() || gained.empty() || same_shapes(lost, gained)) continue;
      Finding& finding = found("private-type-changed", memory, after, function);
      finding.code = "private-type-changed";
      finding.message = fmt::format(
          "the patch takes what {} points to for {}; in objects that already exist it is {}",
          memory, list(gained), list(lost));
      finding.was = list(lost);
      finding.is = list(gained);
      finding.remedy = fmt::format(
          "let {} point to what it pointed to; what is new can be shadow data: see splice.h(3)",
          memory);
    }
  }

  // A record under another name is the same memory.
  bool same_shapes(const std::set<std::string>& lost, const std::set<std::string>& gained) const {
    return lost.size() == gained.size() && std::ranges::all_of(lost, [&](const std::string& name) {
             const auto before = pre_.records.find(name);
             return before != pre_.records.end() && !post_.records.contains(name) &&
                    std::ranges::any_of(gained, [&](const std::string& other) {
                      const auto after = post_.records.find(other);
                      return after != post_.records.end() && !pre_.records.contains(other) &&
                             before->second.size == after->second.size &&
                             before->second.members == after->second.members;
                    });
           });
  }

  void compare_indexes(const std::string& function, const FunctionFacts& before,
                       const FunctionFacts& after) {
    for (const auto& [table, texts] : after.uses.indexes) {
      const auto old = before.uses.indexes.find(table);
      if (old == before.uses.indexes.end() || without(old->second, texts).empty() ||
          without(texts, old->second).empty())
        continue;
      Finding& finding = found("table-index-changed", table, after, function);
      finding.code = "table-index-changed";
      finding.message = fmt::format(
          "the patch computes another index into {}: what is in the table lies where the old code "
          "put it",
          table);
      // The expressions themselves, macros and inline functions in full, are nothing to read.
      finding.was = "an index computed as " + digest(without(old->second, texts));
      finding.is = "an index computed as " + digest(without(texts, old->second));
      finding.remedy = fmt::format("keep the way in which entries of {} are found", table);
    }
  }

  // What a table of the kernel's own kind finds objects by: include/linux/rhashtable-types.h.
  void compare_hash_parameters() {
    for (const auto& [name, before] : pre_.variables) {
      const auto after = post_.variables.find(name);
      if (before.type != "struct rhashtable_params" || after == post_.variables.end() ||
          before.text == after->second.text)
        continue;
      Finding finding;
      finding.code = "table-index-changed";
      finding.name = name;
      finding.place = after->second.place;
      finding.message = fmt::format(
          "the patch changes {}, by which entries of a hash table are found: what is in the table "
          "lies "
          "where the old one put it",
          name);
      finding.was = before.text;
      finding.is = after->second.text;
      finding.remedy = fmt::format("keep the way in which entries are found by {}", name);
      findings_.push_back(std::move(finding));
    }
  }

  void report_callback(const std::string& name, const FunctionFacts& before) {
    Finding finding;
    finding.code = "callback-gone";
    finding.name = name;
    finding.place = before.place;
    finding.message = fmt::format(
        "the patch has no function {} any more, whose address was stored: what holds it goes on "
        "calling the old code",
        name);
    finding.remedy = fmt::format("keep {} under its name; it can call a new function", name);
    for (const auto& [caller, facts] : pre_.functions)
      if (facts.mentions.contains(name)) finding.users.push_back(caller);
    findings_.push_back(std::move(finding));
  }

  // NMI and machine-check handlers run while the update is switched, and so does what they call.
  void find_nmi_code() {
    std::map<std::string, std::string> reached;  // by function: the entry
    std::vector<std::string> todo;
    for (const auto& [name, facts] : pre_.functions)
      if (facts.nmi_entry) {
        reached.emplace(name, name);
        todo.push_back(name);
      }
    while (!todo.empty()) {
      const std::string name = std::move(todo.back());
      todo.pop_back();
      const auto facts = pre_.functions.find(name);
      if (facts == pre_.functions.end()) continue;
      for (const std::string& callee : facts->second.calls)
        if (reached.emplace(callee, reached.at(name)).second) todo.push_back(callee);
    }
    for (const auto& [name, entry] : reached) {
      if (!code_.replaced.contains(name)) continue;
      Finding finding;
      finding.code = "nmi-code";
      finding.name = name;
      finding.place = pre_.functions.at(name).place;
      finding.message = fmt::format(
          "the patch changes {}, which runs in NMI or machine-check context ({}): it may run while "
          "the update is switched, in a mixture of old and new code",
          name, name == entry ? "as the handler" : fmt::format("called by {}", entry));
      finding.remedy = "leave the change out of the live patch; it takes effect after a reboot";
      findings_.push_back(std::move(finding));
    }
  }

  const UnitFacts& pre_;
  const UnitFacts& post_;
  const ChangedCode& code_;
  StateValues::ByMemory states_before_;
  StateValues::ByMemory states_after_;
  std::map<std::pair<std::string, std::string>, Finding> found_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> compare_uses(const UnitFacts& pre, const UnitFacts& post,
                                  const ChangedCode& code) {
  return UseComparison(pre, post, code).run();
}

void StateValues::add(const UnitFacts& facts, ByMemory& values) {
  for (const auto& [name, function] : facts.functions)
    for (const ConstantUse& use : function.uses.constants) {
      if (use.memory.empty() || !use.name.empty()) continue;
      if (use.role == ConstantRole::test) values[use.memory].tested.insert(use.value);
      if (use.role == ConstantRole::store) values[use.memory].stored.insert(use.value);
    }
}

void StateValues::add(const UnitFacts& pre, const UnitFacts& post, const ChangedCode& code) {
  add(pre, before_);
  add(post, after_);
  for (const auto& [name, function] : post.functions) {
    if (!is_replaced(code, pre, name)) continue;
    for (const ConstantUse& use : function.uses.constants) {
      if (use.memory.empty()) continue;
      users_[use.memory].insert(name);
      places_.try_emplace(use.memory, function.place);
    }
  }
}

std::vector<Finding> StateValues::compare() const {
  std::vector<Finding> findings;
  for (const auto& [memory, users] : users_) {
    const auto before = before_.find(memory);
    const auto after = after_.find(memory);
    if (before == before_.end() || after == after_.end()) continue;
    std::set<std::int64_t> lost;
    std::set<std::int64_t> gained;
    for (const std::int64_t value : before->second.tested)
      if (before->second.is_state(value) && !after->second.has(value)) lost.insert(value);
    for (const std::int64_t value : after->second.tested)
      if (after->second.is_state(value) && !before->second.has(value)) gained.insert(value);
    if (lost.empty() || gained.empty()) continue;
    Finding finding;
    finding.code = "constant-changed";
    finding.name = memory;
    finding.place = places_.at(memory);
    finding.message = fmt::format(
        "the patch stores and tests other values in {}: what objects hold that already exist would "
        "be taken for something else",
        memory);
    finding.was = list(lost);
    finding.is = list(gained);
    finding.users.assign(users.begin(), users.end());
    finding.remedy = "keep the values that are stored, and add new ones";
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace splicer
