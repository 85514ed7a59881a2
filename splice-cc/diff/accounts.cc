// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/diff/accounts.h"

#include <elf.h>
#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string_view>

namespace splicer {

namespace {

using Atoms = std::set<std::uint32_t>;

std::string source_name(const Atom& atom) {
  const std::string base = unnumbered(atom.name);
  return base.empty() ? atom.name : base;
}

// State that may begin anew: it limits or describes messages (linux/printk.h, linux/once_lite.h,
// linux/lockdep_types.h, linux/once.h).
bool may_begin_anew(const AtomTable& table, const Atom& atom) {
  static constexpr std::array<std::string_view, 9> kNames = {
      "_rs",     "__key",       "__already_done", "__warned", "descriptor",
      "___done", "___once_key", "__print_once",   "once_key"};
  const KernelSection* row = kernel_section(table.object().section(atom.section).name);
  return atom.size == 0 || (row != nullptr && row->fresh_copy) ||
         atom.name.starts_with("__UNIQUE_ID") ||
         std::ranges::find(kNames, source_name(atom)) != kNames.end();
}

bool has_pointers(const Atom& atom) { return !atom.references.empty(); }

// What the compiler makes of a switch or of __func__ is no variable of the source's.
bool is_variable(const AtomTable& table, const Atom& atom) {
  if (!is_content(table.role(atom)) || atom.symbols.empty() || may_begin_anew(table, atom))
    return false;
  if (atom.kind == AtomKind::writable) return true;
  return atom.kind == AtomKind::read_only && !atom.name.starts_with("CSWTCH") &&
         !atom.name.starts_with("__func__") && !atom.name.starts_with("__PRETTY_FUNCTION__");
}

// One side of a unit: its atoms, and which of them have a twin.
struct Side {
  const AtomTable& table;
  const Twins& twins;
  bool is_pre;

  bool has_twin(std::uint32_t atom) const {
    return (is_pre ? twins.post_of(atom) : twins.pre_of(atom)).has_value();
  }

  // The variables that code at `start` mentions, itself and through code that the other side lacks,
  // out-of-line parts among it, and through constants (tun_attr_group of drivers/net/tun.c leads to
  // tun_dev_attrs).
  Atoms variables_from(std::uint32_t start) const {
    Atoms seen = {start};
    Atoms found;
    std::deque<std::uint32_t> todo = {start};
    while (!todo.empty()) {
      const Atom& atom = table.at(todo.front());
      todo.pop_front();
      for (const Reference& reference : atom.references) {
        if (reference.undefined) continue;
        const Atom& target = table.at(reference.atom);
        const bool goes_along = target.kind == AtomKind::code
                                    ? !has_twin(reference.atom) || is_cold(target.name)
                                    : target.kind != AtomKind::writable;
        if (is_variable(table, target)) found.insert(reference.atom);
        if (goes_along && seen.insert(reference.atom).second) todo.push_back(reference.atom);
      }
    }
    return found;
  }
};

struct Gone {
  const ChangedUnit* unit = nullptr;
  std::uint32_t atom = 0;  // of pre
  std::string name;
  std::set<std::string> functions;   // that used it, and are replaced
  std::set<std::string> successors;  // new variables that they use
};

// The accounts of one unit.
class UnitAccounts {
 public:
  explicit UnitAccounts(const ChangedUnit& unit)
      : unit_(unit),
        pre_{*unit.pair->pre, *unit.pair->twins, true},
        post_{*unit.pair->post, *unit.pair->twins, false} {}

  std::map<std::string, Gone> gone;
  std::map<std::string, std::uint32_t> fresh;  // new variables of the new code: atoms of post

  void run() {
    find_used();
    for (const std::uint32_t index : unit_.diff->included)
      if (const Atom& atom = post_.table.at(index);
          is_variable(post_.table, atom) && !post_.has_twin(index) && !is_ambiguous(index))
        fresh.emplace(source_name(atom), index);
    for (const ReplacedFunction& function : unit_.diff->replaced) compare(function);
  }

 private:
  // The variables that any code or data of post mentions.
  void find_used() {
    for (std::uint32_t i = 0; i < post_.table.all().size(); ++i)
      if (is_content(post_.table.role(post_.table.at(i))))
        for (const Reference& reference : post_.table.at(i).references)
          if (!reference.undefined) used_.insert(reference.atom);
  }

  // Which of the kernel's it is, nothing says: the differ has a finding of its own for that.
  bool is_ambiguous(std::uint32_t post) const {
    return unit_.pair->twins->ambiguous.contains(post);
  }

  // Nothing of post uses it: it is not there, or kept by an attribute only.
  bool is_gone(std::uint32_t pre) const {
    const auto twin = unit_.pair->twins->post_of(pre);
    return !twin || !used_.contains(*twin);
  }

  void compare(const ReplacedFunction& function) {
    const auto atom = [](const AtomTable& table, std::uint32_t index) {
      const Symbol& symbol = table.object().symbol(index);
      return table.find(symbol.section, symbol.value.value());
    };
    const auto before = atom(pre_.table, function.pre_symbol);
    const auto after = atom(post_.table, function.post_symbol);
    if (!before || !after) return;
    std::set<std::string> writable;   // new variables that the function uses
    std::set<std::string> read_only;  // new constants
    for (const std::uint32_t index : post_.variables_from(*after)) {
      const Atom& target = post_.table.at(index);
      if (!post_.has_twin(index) && !is_ambiguous(index))
        (target.kind == AtomKind::writable ? writable : read_only).insert(source_name(target));
    }
    for (const std::uint32_t index : pre_.variables_from(*before)) {
      if (!is_gone(index)) continue;
      const Atom& target = pre_.table.at(index);
      const std::string name = source_name(target);
      Gone& one = gone[name];
      one.unit = &unit_;
      one.atom = index;
      one.name = name;
      one.functions.insert(function.name);
      if (target.kind == AtomKind::writable) {
        one.successors.insert(writable.begin(), writable.end());
        if (read_only.contains(name)) one.successors.insert(name);
      } else {
        // Of constants the address may be known to live objects: a table of functions, and what is
        // now a variable.
        if (writable.contains(name)) one.successors.insert(name);
        if (has_pointers(target)) one.successors.insert(read_only.begin(), read_only.end());
      }
    }
  }

  const ChangedUnit& unit_;
  Side pre_;
  Side post_;
  Atoms used_;
};

Finding state_gone(const Gone& gone) {
  Finding finding;
  finding.code = "state-gone";
  finding.name = gone.name;
  finding.place.file = gone.unit->unit.source;
  const std::string successors = fmt::format("{}", fmt::join(gone.successors, ", "));
  finding.message =
      gone.successors.contains(gone.name)
          ? fmt::format(
                "{} becomes another kind of variable, and new code would start with a copy "
                "of its own, while the kernel goes on with the old one",
                gone.name)
          : fmt::format(
                "{} lives in the kernel and is used no more; new code uses {} in its place, "
                "which starts with its initial value",
                gone.name, successors);
  finding.was = gone.name;
  finding.is = successors;
  finding.users.assign(gone.functions.begin(), gone.functions.end());
  finding.remedy = fmt::format(
      "keep {} under its name, in its file and as the kind of variable that it is", gone.name);
  return finding;
}

Finding state_moved(const std::string& name, const ChangedUnit& to, const std::string& from) {
  Finding finding;
  finding.code = "state-moved";
  finding.name = name;
  finding.place.file = to.unit.source;
  finding.message = fmt::format(
      "{} would be a second variable beside the kernel's own ({}), with its initial value", name,
      from);
  finding.was = from;
  finding.is = to.unit.source;
  finding.remedy = fmt::format("leave {} where it is", name);
  return finding;
}

}  // namespace

std::vector<Finding> account_for_variables(std::span<const ChangedUnit> units) {
  std::map<const ChangedUnit*, UnitAccounts> accounts;
  for (const ChangedUnit& unit : units)
    if (unit.diff && !unit.diff->included.empty())
      accounts.emplace(&unit, unit).first->second.run();

  std::vector<Finding> findings;
  std::set<std::string> moved;
  for (const auto& [unit, own] : accounts) {
    for (const auto& [name, atom] : own.fresh) {
      const Symbol* symbol = unit->pair->post->symbol_at_start(unit->pair->post->at(atom));
      const bool global = symbol != nullptr && !symbol->is_local();
      const std::string& sought = name;  // clang 14 hands no structured binding to a lambda
      for (const auto& [other, theirs] : accounts) {
        const bool goes_there = other != unit && theirs.gone.contains(name);
        const bool known =
            global && std::ranges::any_of(other->pair->pre_object.symbols(),
                                          [&](const Symbol& one) { return one.name == sought; });
        if ((goes_there || known) && moved.insert(name).second)
          findings.push_back(state_moved(name, *unit, other->unit.source));
      }
    }
  }
  for (const auto& [unit, own] : accounts)
    for (const auto& [name, gone] : own.gone)
      if (!gone.successors.empty() && !moved.contains(name)) findings.push_back(state_gone(gone));
  return findings;
}

std::vector<std::string> left_out_functions(const ChangedUnit& unit) {
  std::set<std::string> known;
  for (const Symbol& symbol : unit.pair->pre_object.symbols()) known.insert(symbol.name);
  std::vector<std::string> names;
  const AtomTable& post = *unit.pair->post;
  for (std::uint32_t i = 0; i < post.all().size(); ++i) {
    if (post.at(i).kind != AtomKind::code || unit.pair->twins->pre_of(i) ||
        unit.diff->included.contains(i) || !is_content(post.role(post.at(i))))
      continue;
    for (const std::uint32_t index : post.at(i).symbols)
      if (const Symbol& symbol = post.object().symbol(index);
          symbol.is_function() && !symbol.is_local() && !known.contains(symbol.name))
        names.push_back(symbol.name);
  }
  return names;
}

std::set<std::string> variables_of_new_code(const ChangedUnit& unit) {
  std::set<std::string> names;
  const AtomTable& post = *unit.pair->post;
  for (const std::uint32_t index : unit.diff->included) {
    if (post.at(index).kind != AtomKind::code) continue;
    for (const Reference& reference : post.at(index).references) {
      // What is called or jumped to is no variable; the object says nothing else of its type.
      if (reference.undefined && reference.type != R_X86_64_PLT32)
        names.insert(post.object().symbol(reference.symbol).name);
      else if (!reference.undefined && post.at(reference.atom).kind == AtomKind::writable)
        names.insert(source_name(post.at(reference.atom)));
    }
  }
  return names;
}

}  // namespace splicer
