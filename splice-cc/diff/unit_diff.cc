// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/diff/unit_diff.h"

#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <regex>

#include "runtime/package/package.h"
#include "splice-cc/diff/atom_compare.h"

namespace splicer {

namespace {

// Does the atom hold pointers to functions (struct file_operations and the like)?
bool has_function_pointers(const AtomTable& table, const Atom& atom) {
  return std::any_of(atom.references.begin(), atom.references.end(), [&](const Reference& r) {
    if (r.undefined) {
      const Symbol& symbol = table.object().symbol(r.symbol);
      return symbol.type == STT_FUNC || symbol.type == STT_NOTYPE;
    }
    return table.at(r.atom).kind == AtomKind::code;
  });
}

// A name without __COUNTER__ and __LINE__, which any new header or line shifts:
// "__initcall__kmod_proc__306_27_proc_version_init5" (include/linux/init.h, __initcall_id),
// "__UNIQUE_ID___addressable_cleanup_module788" (include/linux/compiler.h, ___ADDRESSABLE).
std::string steady_name(const std::string& name) {
  static const std::regex numbers("^(__initcall__kmod_.*?)__[0-9]+_[0-9]+_");
  if (name.starts_with("__UNIQUE_ID_")) return unnumbered(name);
  return std::regex_replace(name, numbers, "$1__");
}

// EXPORT_SYMBOL() (include/linux/export.h) writes an entry, and its name into a section that all
// share. Modules that are loaded later look the symbol up by them; code of the update itself gets
// its address from the matcher. So a new entry goes nowhere, and the names, which the linker merges
// as it likes, say nothing.
constexpr std::string_view kExported = "__ksymtab_";

class UnitDiffer {
 public:
  explicit UnitDiffer(const UnitPair& unit) : unit_(unit), compare_(unit) {}

  Result<UnitDiff> run(const std::set<std::string>& wanted) {
    if (auto checked = check_init_tables(); !checked) return propagate(checked);
    if (auto checked = check_data(); !checked) return propagate(checked);
    if (auto checked = find_changed_code(); !checked) return propagate(checked);
    if (auto found = find_hooks(); !found) return propagate(found);
    include_wanted(wanted);
    if (auto closed = close_over_references(); !closed) return propagate(closed);
    find_checked();
    name_added();
    return std::move(diff_);
  }

 private:
  const AtomTable& pre() const { return *unit_.pre; }
  const AtomTable& post() const { return *unit_.post; }
  SectionRole role(const Atom& atom) const { return post().role(atom); }
  const KernelSection* row(const Atom& atom) const {
    return kernel_section(post().object().section(atom.section).name);
  }
  // Descriptors of pr_debug(), which differ wherever a line was added above.
  bool has_lines(const Atom& atom) const { return row(atom) != nullptr && row(atom)->lines; }

  Failure refuse(const char* code, const std::string& name, const std::string& what) const {
    return fail(ExitCode::unsafe, code, what).at_file(unit_.unit.source).in_function(name);
  }

  // Sections that the kernel reads once, at start-up, and start-up code itself.
  Result<void> check_init_tables() {
    const auto content = [](const AtomTable& table) {
      std::map<std::string, std::uint32_t> found;
      for (std::uint32_t i = 0; i < table.all().size(); ++i) {
        const Section& section = table.object().section(table.at(i).section);
        const SectionRole kind = table.role(section);
        if (kind == SectionRole::init || is_init_table(kind)) {
          // Those of one name are each other's in the order of the file.
          const std::string name = section.name + " " + steady_name(table.at(i).name);
          for (unsigned n = 0; !found.emplace(fmt::format("{} {}", name, n), i).second;) ++n;
        }
      }
      return found;
    };
    const auto before = content(pre());
    const auto after = content(post());
    std::set<std::string> names;
    for (const auto& [name, atom] : before) names.insert(name);
    for (const auto& [name, atom] : after) names.insert(name);
    for (const std::string& name : names) {
      const auto was = before.find(name);
      const auto is = after.find(name);
      if (was != before.end() && is != after.end() && !compare_.difference(was->second, is->second))
        continue;
      const AtomTable& side = is != after.end() ? post() : pre();
      const Atom& atom = side.at(is != after.end() ? is->second : was->second);
      if (side.role(atom) == SectionRole::init) {
        diff_.init_changes.push_back(atom.name);
        continue;
      }
      if (side.role(atom) == SectionRole::export_names) continue;
      if (was == before.end() && side.role(atom) == SectionRole::export_table) {
        diff_.exported.push_back(atom.name.substr(kExported.size()));
        continue;
      }
      return refuse("special-section-changed", atom.name,
                    fmt::format("the patch changes {}, which the kernel reads only at start-up "
                                "(exported symbols, parameters, tracepoints and the like)",
                                side.object().section(atom.section).name))
          .hint("leave the change out of the live patch; it takes effect after a reboot");
    }
    return {};
  }

  // Constants first: a variable that points to a changed one differs only because of it.
  Result<void> check_data() {
    for (const AtomKind kind : {AtomKind::read_only, AtomKind::writable}) {
      for (std::uint32_t i = 0; i < post().all().size(); ++i) {
        const Atom& atom = post().at(i);
        const auto twin = unit_.twins->pre_of(i);
        if (!is_content(role(atom)) || atom.kind != kind || !twin) continue;
        // The descriptors of pr_debug hold line numbers; new code brings its own where they differ.
        if (has_lines(atom)) continue;
        auto checked =
            kind == AtomKind::writable ? check_variable(*twin, i) : check_constant(*twin, i);
        if (!checked) return checked;
      }
    }
    return {};
  }

  // Variables that live in the kernel: neither size nor initial value may have changed.
  Result<void> check_variable(std::uint32_t before, std::uint32_t after) {
    const Atom& old = pre().at(before);
    const Atom& atom = post().at(after);
    if (old.size != atom.size)
      return refuse("data-size-changed", atom.name,
                    fmt::format("the variable was {} bytes long and is {} with the patch, but the "
                                "running kernel has the old one",
                                old.size, atom.size))
          .hint("keep the variable as it is and put what is new into a new one");
    if (const auto what = compare_.difference(before, after))
      return refuse("initial-value-changed", atom.name,
                    fmt::format("the patch changes its initial value ({}), but the running "
                                "kernel's variable has long been initialised",
                                *what))
          .hint("set the value where the code uses it, or leave the change out");
    return {};
  }

  // A constant that changed is brought along by the functions that read it. That is right only if
  // no others can see it.
  Result<void> check_constant(std::uint32_t before, std::uint32_t after) {
    const auto what = compare_.difference(before, after);
    if (!what) return {};
    const Atom& atom = post().at(after);
    if (has_function_pointers(post(), atom) || has_function_pointers(pre(), pre().at(before)))
      return refuse("function-table-changed", atom.name,
                    fmt::format("the patch changes a table of functions ({}) that the running "
                                "kernel may have handed out",
                                *what))
          .hint("change the functions instead of the table");
    const Symbol* symbol = post().symbol_at_start(atom);
    if (symbol != nullptr && !symbol->is_local())
      return refuse(
                 "readonly-data-changed", atom.name,
                 fmt::format("the patch changes a constant ({}) that other files use too", *what))
          .hint("bring a new constant, and let the code use that");
    for (std::uint32_t i = 0; i < post().all().size(); ++i) {
      const Atom& reader = post().at(i);
      const bool outside_code = reader.kind == AtomKind::writable ||
                                role(reader) == SectionRole::init || is_init_table(role(reader));
      if (!outside_code) continue;
      for (const Reference& reference : reader.references)
        if (!reference.undefined && reference.atom == after)
          return refuse("readonly-data-changed", atom.name,
                        fmt::format("the patch changes a constant ({}) that {} points to", *what,
                                    reader.name))
              .hint("bring a new constant, and let the code use that");
    }
    return {};
  }

  Result<void> find_changed_code() {
    for (std::uint32_t i = 0; i < post().all().size(); ++i) {
      const Atom& atom = post().at(i);
      if (atom.kind != AtomKind::code || !is_content(role(atom))) continue;
      const auto twin = unit_.twins->pre_of(i);
      if (!twin) continue;
      const auto what = compare_.difference(*twin, i);
      if (!what) continue;
      include(i);
      if (row(atom) != nullptr && row(atom)->role == SectionRole::exit)
        diff_.exit_changes.insert(atom.name);
      // An out-of-line part differs with its function, which refers to it.
      if (!replace_functions(*twin, i, *what) && !is_cold(atom.name))
        return refuse("code-outside-functions", atom.name,
                      fmt::format("the patch changes code that is in no function ({}), and only "
                                  "functions can be replaced",
                                  *what))
            .hint("leave the change out of the live patch; it takes effect after a reboot");
    }
    return {};
  }

  // A hook that pre has too is an earlier update's: it belongs to the kernel that is to be patched.
  Result<void> find_hooks() {
    for (std::uint32_t i = 0; i < post().all().size(); ++i) {
      const Atom& atom = post().at(i);
      if (role(atom) != SectionRole::hooks) continue;
      const std::string kind =
          post().object().section(atom.section).name.substr(kHookSection.size());
      const Symbol* function = hook_function(atom);
      if (function == nullptr ||
          std::find(kHookKinds.begin(), kHookKinds.end(), kind) == kHookKinds.end())
        return refuse("hook-unusable", atom.name,
                      fmt::format("the hook is of a kind that is not known here ({}), or does not "
                                  "name a function of its own file",
                                  kind))
            .hint("name a function of this file by one of the macros of <splice.h>");
      const std::uint32_t code = atom.references[0].atom;
      const auto twin = unit_.twins->pre_of(code);
      const bool earlier = unit_.twins->pre_of(i).has_value();
      if (earlier && twin && !compare_.difference(*twin, code)) continue;
      if (twin)
        return refuse("hook-unusable", function->name,
                      earlier ? "the patch changes a hook of an earlier update, which is applied"
                              : "the hook is a function that the kernel already has")
            .hint("a hook must be a function that the patch adds: give it a name of its own");
      include(code);
      diff_.hooks.push_back({kind, function->index});
    }
    return {};
  }

  // What the one pointer of a hook leads to.
  const Symbol* hook_function(const Atom& atom) const {
    if (atom.references.size() != 1 || atom.references[0].undefined) return nullptr;
    const Reference& pointer = atom.references[0];
    const Atom& code = post().at(pointer.atom);
    if (code.kind != AtomKind::code || !is_content(role(code))) return nullptr;
    for (const std::uint32_t index : code.symbols) {
      const Symbol& symbol = post().object().symbol(index);
      if (symbol.is_function() &&
          symbol.value == code.begin + static_cast<std::uint64_t>(pointer.into))
        return &symbol;
    }
    return nullptr;
  }

  void include_wanted(const std::set<std::string>& wanted) {
    for (std::uint32_t i = 0; i < post().all().size(); ++i)
      for (const std::uint32_t index : post().at(i).symbols)
        if (!unit_.twins->pre_of(i) && !post().object().symbol(index).is_local() &&
            wanted.contains(post().object().symbol(index).name))
          include(i);
  }

  // The functions of a changed atom: nearly always one. In an atom of several (assembly) those
  // whose own code or entries differ. False when there is none.
  bool replace_functions(std::uint32_t before, std::uint32_t after, const std::string& why) {
    const bool one = count_functions(pre(), pre().at(before)) == 1 &&
                     count_functions(post(), post().at(after)) == 1;
    std::set<std::uint64_t> entries;
    for (const std::uint32_t index : post().at(after).symbols) {
      const Symbol& symbol = post().object().symbol(index);
      if (!symbol.is_function() || is_cold(symbol.name)) continue;
      for (const std::uint32_t old_index : pre().at(before).symbols) {
        const Symbol& old = pre().object().symbol(old_index);
        if (old.name != symbol.name || !old.is_function()) continue;
        std::optional<std::string> own = why;
        if (old.size != symbol.size) {
          own = fmt::format("its code was {} bytes long and is {}", old.size, symbol.size);
        } else if (!one && old.size != 0) {
          own = compare_.difference_in(
              before, after,
              {old.value - pre().at(before).begin, symbol.value - post().at(after).begin, old.size},
              true);
        }
        // Aliases stand at one place, and one jump serves them all.
        if (!own || !entries.insert(old.value).second) continue;
        diff_.replaced.push_back({symbol.name, old_index, index, *own});
      }
    }
    return !entries.empty();
  }

  // Aliases count as one.
  static std::size_t count_functions(const AtomTable& table, const Atom& atom) {
    std::set<std::uint64_t> places;
    for (const std::uint32_t index : atom.symbols)
      if (table.object().symbol(index).is_function())
        places.insert(table.object().symbol(index).value);
    return places.size();
  }

  void include(std::uint32_t atom) {
    if (diff_.included.insert(atom).second) todo_.push_back(atom);
  }

  // A function that takes over: all of its out-of-line parts and special entries come along, and
  // what it mentions that the kernel has not got.
  Result<void> close_over_references() {
    while (!todo_.empty()) {
      const std::uint32_t index = todo_.front();
      todo_.pop_front();
      for (const Reference& reference : post().at(index).references)
        if (auto followed = follow(index, reference); !followed) return followed;
      for (const TableEntry& entry : unit_.post_tables->of(index)) {
        for (const Reference& reference : entry.references)
          if (auto followed = follow(index, reference); !followed) return followed;
        for (const Reference& reference : replacement_references(entry))
          if (auto followed = follow(index, reference); !followed) return followed;
      }
    }
    return {};
  }

  std::vector<Reference> replacement_references(const TableEntry& entry) const {
    std::vector<Reference> found;
    if (!is_alternatives(post().object().section(entry.section))) return found;
    const Atom& all = post().at(entry.references[1].atom);
    for (const Reference& reference : all.references)
      if (all.begin + reference.offset >= entry.other_begin &&
          all.begin + reference.offset < entry.other_begin + entry.other_size)
        found.push_back(reference);
    return found;
  }

  Result<void> follow(std::uint32_t from, const Reference& reference) {
    if (reference.undefined || reference.atom == from) return {};
    const Atom& target = post().at(reference.atom);
    const SectionRole kind = role(target);
    if (is_code_table(kind)) return {};  // entries and replacements go with their code
    // Init-time tables have entries that code uses (tracepoints): those of the kernel.
    if (is_init_table(kind) && target.kind != AtomKind::anonymous &&
        unit_.twins->pre_of(reference.atom))
      return {};
    if (!is_content(kind)) return refuse_section(from, target);
    if (compare_.is_own_content(reference)) {
      include(reference.atom);
      return {};
    }
    if (unit_.twins->ambiguous.contains(reference.atom))
      return refuse("static-local-ambiguous", target.name,
                    "the patch adds or removes a static variable of a name that several functions "
                    "use, and nothing says which of the kernel's it now is")
          .hint("give the new variable a name of its own");
    // New, or a constant that the kernel has in another form.
    const auto twin = unit_.twins->pre_of(reference.atom);
    const bool constant = target.kind == AtomKind::read_only || has_lines(target);
    if (!twin || (constant && compare_.difference(*twin, reference.atom))) include(reference.atom);
    return {};
  }

  // Code refers to a section that new code can neither leave in the kernel nor have a copy of.
  Failure refuse_section(std::uint32_t from, const Atom& target) const {
    const std::string& section = post().object().section(target.section).name;
    if (role(target) == SectionRole::linked)
      return refuse("unknown-special-section", post().at(from).name,
                    fmt::format("its code refers to {}, whose content comes only when the kernel "
                                "is linked, so that a copy in new code would be empty",
                                section))
          .hint(
              "leave this function out of the live patch; its change takes effect after a reboot");
    return refuse(
               "unknown-special-section", post().at(from).name,
               fmt::format("its code refers to {}, a section that new code cannot have a copy of",
                           section))
        .hint("report it with the patch: Splice needs a row for the section");
  }

  void find_checked() {
    std::set<std::uint32_t> found;
    for (const ReplacedFunction& function : diff_.replaced) {
      const auto atom = pre().find(pre().object().symbol(function.pre_symbol).section,
                                   pre().object().symbol(function.pre_symbol).value);
      if (!atom) continue;
      for (const Reference& reference : pre().at(*atom).references) {
        if (reference.undefined) continue;
        const Atom& target = pre().at(reference.atom);
        if (target.kind != AtomKind::code || !is_cold(target.name)) continue;
        for (const std::uint32_t index : target.symbols)
          if (is_cold(pre().object().symbol(index).name)) found.insert(index);
      }
    }
    diff_.checked.assign(found.begin(), found.end());
  }

  void name_added() {
    for (const std::uint32_t index : diff_.included) {
      const Atom& atom = post().at(index);
      if (!unit_.twins->pre_of(index) && !atom.symbols.empty() && !is_cold(atom.name) &&
          (atom.kind == AtomKind::code || atom.kind == AtomKind::writable))
        diff_.added.push_back(atom.name);
    }
  }

  const UnitPair& unit_;
  AtomComparer compare_;
  UnitDiff diff_;
  std::deque<std::uint32_t> todo_;
};

}  // namespace

Result<UnitDiff> diff_unit(const UnitPair& unit, const std::set<std::string>& wanted) {
  return UnitDiffer(unit).run(wanted);
}

}  // namespace splicer
