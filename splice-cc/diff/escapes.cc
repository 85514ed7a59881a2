// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/diff/escapes.h"

#include <fmt/core.h>

#include <algorithm>
#include <deque>
#include <set>
#include <string_view>

#include "matcher/elf/address_flow.h"
#include "matcher/elf/instruction.h"
#include "matcher/elf/instruction_starts.h"

namespace splicer {

namespace {

constexpr std::string_view kForgetful[] = {
#include "splice-cc/diff/escapes.inc"
};

bool forgets(std::string_view callee) {
  return std::ranges::any_of(kForgetful,
                             [&](std::string_view prefix) { return callee.starts_with(prefix); });
}

class EscapeFinder {
 public:
  EscapeFinder(const UnitPair& unit, const UnitDiff& diff)
      : unit_(unit), diff_(diff), post_(*unit.post), starts_(unit.post->object()) {}

  std::vector<std::string> run() {
    find_taken_back();
    for (const std::uint32_t index : diff_.included)
      if (post_.at(index).kind == AtomKind::code && !is_hook(index)) look_at(index);
    for (const UnitValue& value : diff_.values)
      for (const Reference& reference : post_.at(value.post_atom).references)
        if (reference.offset >= value.begin && reference.offset < value.begin + value.size &&
            is_of_update(reference))
          found_.insert(fmt::format("{} gets the address of {}", value.name, name_of(reference)));
    return {found_.begin(), found_.end()};
  }

 private:
  // In memory that an undo frees. A function that the kernel has means its old entry.
  bool is_of_update(const Reference& reference) const {
    if (reference.undefined || !diff_.included.contains(reference.atom)) return false;
    const Atom& target = post_.at(reference.atom);
    return target.kind != AtomKind::code || !unit_.twins->pre_of(reference.atom) ||
           is_cold(target.name);
  }

  std::string name_of(const Reference& reference) const {
    const Atom& target = post_.at(reference.atom);
    const bool has_name = target.kind != AtomKind::merged && target.kind != AtomKind::anonymous;
    return has_name ? target.name : "a string or constant of the update";
  }

  bool is_hook(std::uint32_t atom) const {
    return std::ranges::any_of(diff_.hooks, [&](const UnitHook& hook) {
      const auto& symbols = post_.at(atom).symbols;
      return std::ranges::find(symbols, hook.post_symbol) != symbols.end();
    });
  }

  // What the unit's own undo hooks mention, with the new functions that they call.
  void find_taken_back() {
    std::deque<std::uint32_t> todo;
    std::set<std::uint32_t> seen;
    for (const UnitHook& hook : diff_.hooks) {
      if (!hook.kind.ends_with("undo")) continue;
      const Symbol& function = post_.object().symbol(hook.post_symbol);
      const auto atom = post_.find(function.section, function.value.value());
      if (atom && seen.insert(*atom).second) todo.push_back(*atom);
    }
    for (; !todo.empty(); todo.pop_front())
      for (const Reference& reference : post_.at(todo.front()).references) {
        if (reference.undefined || !diff_.included.contains(reference.atom)) continue;
        taken_back_.insert(reference.atom);
        if (post_.at(reference.atom).kind == AtomKind::code && seen.insert(reference.atom).second)
          todo.push_back(reference.atom);
      }
  }

  void look_at(std::uint32_t index) {
    const Atom& atom = post_.at(index);
    for (const Reference& reference : atom.references) {
      if (!is_of_update(reference) || taken_back_.contains(reference.atom)) continue;
      const std::uint64_t at = instruction_of(starts_, atom, reference);
      const Bytes code = post_.bytes(atom);
      const auto instruction = decode(code.subspan(at));
      if (instruction && instruction->direct_branch) continue;
      if (address_use(code.subspan(at), static_cast<unsigned>(reference.offset - at)) !=
          AddressUse::address)
        continue;
      const std::string how = escape(atom, reference, fate_of_address(code, at, reference.offset));
      if (!how.empty()) found_.insert(fmt::format("{} {}", atom.name, how));
    }
  }

  // May it be kept by whom it is handed to?
  bool is_worth_keeping(const Reference& reference) const {
    const Atom& target = post_.at(reference.atom);
    return target.kind == AtomKind::code || target.kind == AtomKind::writable ||
           has_function_pointers(post_, target);
  }

  // Empty if it does not get out.
  std::string escape(const Atom& atom, const Reference& reference, const AddressFate& fate) const {
    const std::string name = name_of(reference);
    if (fate.stored || is_stored_outside(atom, fate))
      return fmt::format("stores the address of {}", name);
    if (fate.returned) return fmt::format("returns the address of {}", name);
    if (!is_worth_keeping(reference)) return "";
    if (fate.lost || fate.indirect) return fmt::format("hands out the address of {}", name);
    for (const std::uint64_t field : fate.calls) {
      const std::string callee = callee_at(atom, field);
      if (!forgets(callee))
        return fmt::format("hands the address of {} to {}", name,
                           callee.empty() ? "another function" : callee);
    }
    return "";
  }

  // In a variable that is not the update's own: that goes with it.
  bool is_stored_outside(const Atom& atom, const AddressFate& fate) const {
    return std::ranges::any_of(fate.statics, [&](std::uint64_t field) {
      const auto into = std::ranges::find(atom.references, field, &Reference::offset);
      return into == atom.references.end() || !is_of_update(*into);
    });
  }

  std::string callee_at(const Atom& atom, std::uint64_t field) const {
    const auto call = std::ranges::find(atom.references, field, &Reference::offset);
    if (call == atom.references.end()) return "";
    return call->undefined ? post_.object().symbol(call->symbol).name : post_.at(call->atom).name;
  }

  const UnitPair& unit_;
  const UnitDiff& diff_;
  const AtomTable& post_;
  const InstructionStarts starts_;
  std::set<std::uint32_t> taken_back_;
  std::set<std::string> found_;
};

}  // namespace

std::vector<std::string> find_escapes(const UnitPair& unit, const UnitDiff& diff) {
  return EscapeFinder(unit, diff).run();
}

}  // namespace splicer
