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

// What init code may call as it likes: nothing is set up by it.
constexpr const char* kWithoutState[] = {
    "_printk", "__warn_printk", "__fentry__", "__stack_chk_fail", "__x86_return_thunk",
    "panic",   "memset",        "memcpy",     "synchronize_rcu"};

class UnitDiffer {
 public:
  explicit UnitDiffer(const UnitPair& unit)
      : unit_(unit), compare_(unit), shared_(shared_constants(unit)) {}

  UnitDiff run(const std::set<std::string>& wanted) {
    place_constants(unit_, shared_, compare_);
    check_init_tables();
    check_linked();
    check_data();
    check_pieces();
    find_changed_code();
    find_hooks();
    include_wanted(wanted);
    close_over_references();
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

  Finding& refuse(const char* code, const std::string& name, const std::string& what,
                  const char* remedy) {
    Finding finding;
    finding.code = code;
    finding.name = name;
    finding.place.file = unit_.unit.source;
    finding.message = what;
    finding.remedy = remedy;
    diff_.findings.push_back(std::move(finding));
    return diff_.findings.back();
  }
  Finding& warn(const char* code, const std::string& name, const std::string& what) {
    Finding& finding = refuse(code, name, what, "");
    finding.refuse = false;
    return finding;
  }

  // Sections that the kernel reads once, at start-up, and start-up code itself.
  void check_init_tables() {
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
      note_init_change(was == before.end() ? std::nullopt : std::optional(was->second),
                       is == after.end() ? std::nullopt : std::optional(is->second));
    }
  }

  // What differs in init code or in an init-time table; one of the two may be missing.
  void note_init_change(std::optional<std::uint32_t> was, std::optional<std::uint32_t> is) {
    const AtomTable& side = is ? post() : pre();
    const Atom& atom = side.at(is ? *is : *was);
    if (side.role(atom) == SectionRole::init) {
      diff_.init_changes.push_back({atom.name, gained(was, is)});
      return;
    }
    if (side.role(atom) == SectionRole::export_names) return;
    if (!was && side.role(atom) == SectionRole::export_table) {
      diff_.exported.push_back(atom.name.substr(kExported.size()));
      return;
    }
    const std::string& section = side.object().section(atom.section).name;
    const KernelSection* about = kernel_section(section);
    const bool one_sided = was.has_value() != is.has_value();
    if (about != nullptr && about->may_grow && !was) {
      warn("not-in-force", atom.name,
           fmt::format("{} is new in {}, which is read at start-up: it is not in force before a "
                       "reboot",
                       atom.name, section));
    } else if (about != nullptr && about->may_shrink && !is && !is_gone(atom)) {
      warn("not-in-force", atom.name,
           fmt::format("{} is taken out of {}, which was read at start-up: it stays in force until "
                       "a reboot",
                       atom.name, section));
    } else if (about == nullptr || !about->describes || one_sided) {
      refuse("special-section-changed", atom.name,
             fmt::format("the patch changes {}, which the kernel reads only at start-up "
                         "(exported symbols, parameters, tracepoints and the like)",
                         section),
             "leave the change out of the live patch; it takes effect after a reboot");
    }
  }

  // Is what an entry of pre exported not defined any more?
  bool is_gone(const Atom& entry) const {
    if (!entry.name.starts_with(kExported)) return false;
    const std::string name = entry.name.substr(kExported.size());
    return std::ranges::none_of(post().object().symbols(), [&](const Symbol& symbol) {
      return symbol.defined() && symbol.name == name;
    });
  }

  // What an atom of post refers to by name and its twin does not.
  std::set<std::string> gained(std::optional<std::uint32_t> was,
                               std::optional<std::uint32_t> is) const {
    std::set<std::string> names;
    if (!is) return names;
    names = referred(post(), *is);
    if (was)
      for (const std::string& name : referred(pre(), *was)) names.erase(name);
    return names;
  }

  // With what functions refer to that pre has not got.
  std::set<std::string> referred(const AtomTable& table, std::uint32_t index) const {
    std::set<std::string> names;
    std::set<std::uint32_t> seen = {index};
    std::deque<std::uint32_t> todo = {index};
    while (!todo.empty()) {
      const Atom& atom = table.at(todo.front());
      todo.pop_front();
      for (const Reference& reference : atom.references) {
        if (reference.undefined) {
          names.insert(table.object().symbol(reference.symbol).name);
          continue;
        }
        const Atom& target = table.at(reference.atom);
        if (target.kind != AtomKind::writable && target.kind != AtomKind::code) continue;
        names.insert(unnumbered(target.name).empty() ? target.name : unnumbered(target.name));
        if (&table == &post() && target.kind == AtomKind::code &&
            !unit_.twins->pre_of(reference.atom) && seen.insert(reference.atom).second)
          todo.push_back(reference.atom);
      }
    }
    for (const char* name : kWithoutState) names.erase(name);
    return names;
  }

  // Lists that are filled when the kernel is linked: new code uses the kernel's, as it is.
  void check_linked() {
    for (std::uint32_t i = 0; i < post().all().size(); ++i) {
      const Atom& atom = post().at(i);
      const auto twin = unit_.twins->pre_of(i);
      if (role(atom) != SectionRole::linked || !twin) continue;
      if (list_of_ids(pre(), *twin) != list_of_ids(post(), i))
        refuse(
            "special-section-changed", atom.name,
            fmt::format("the patch changes a list in {}, which is filled when the kernel is "
                        "linked",
                        post().object().section(atom.section).name),
            "leave the change of the list out of the live patch; it takes effect after a reboot");
    }
  }

  // What a list of .BTF_ids names, in its order; the labels are numbered (include/linux/btf_ids.h).
  static std::vector<std::pair<std::uint64_t, std::string>> list_of_ids(const AtomTable& table,
                                                                        std::uint32_t index) {
    static const std::regex number("__[0-9]+$");
    std::vector<std::pair<std::uint64_t, std::string>> ids = {{table.at(index).size, ""}};
    for (const std::uint32_t one : table.at(index).symbols) {
      const Symbol& symbol = table.object().symbol(one);
      ids.emplace_back(symbol.value.value() - table.at(index).begin,
                       std::regex_replace(symbol.name, number, ""));
    }
    return ids;
  }

  // What new code is needed for the value stands in the update.
  void add_values(std::uint32_t before, std::uint32_t after) {
    auto values = differing_values(unit_, compare_, before, after);
    if (!values) return;
    for (UnitValue& value : *values) {
      for (const Reference& reference : post().at(after).references) {
        if (reference.offset < value.begin || reference.offset >= value.begin + value.size)
          continue;
        if (!reference.undefined &&
            (compare_.is_own_content(reference) || !unit_.twins->pre_of(reference.atom)))
          include(reference.atom);
      }
      diff_.values.push_back(std::move(value));
    }
  }

  // Constants first: a variable that points to a changed one differs only because of it.
  void check_data() {
    for (const AtomKind kind : {AtomKind::read_only, AtomKind::writable}) {
      for (std::uint32_t i = 0; i < post().all().size(); ++i) {
        const Atom& atom = post().at(i);
        const auto twin = unit_.twins->pre_of(i);
        if (!is_content(role(atom)) || atom.kind != kind || !twin) continue;
        // The descriptors of pr_debug hold line numbers; new code brings its own where they differ.
        if (has_lines(atom)) continue;
        if (kind == AtomKind::writable)
          check_variable(*twin, i);
        else
          check_constant(*twin, i);
      }
    }
  }

  // Variables that live in the kernel: neither size nor initial value may have changed.
  void check_variable(std::uint32_t before, std::uint32_t after) {
    const Atom& old = pre().at(before);
    const Atom& atom = post().at(after);
    if (old.size != atom.size) {
      refuse("data-size-changed", atom.name,
             fmt::format("the variable was {} bytes long and is {} with the patch, but the running "
                         "kernel has the old one",
                         old.size, atom.size),
             "keep the variable as it is and put what is new into a new one");
    } else if (const auto what = compare_.difference(before, after)) {
      if (describes_only(atom.name))
        diff_.described.push_back(atom.name);
      else
        refuse("initial-value-changed", atom.name,
               fmt::format("the patch changes its initial value ({}), but the running kernel's "
                           "variable has long been initialised",
                           *what),
               "set the value where the code uses it, or leave the change out");
      add_values(before, after);
    }
  }

  // A constant that changed is brought along by the functions that read it. That is right only if
  // no others can see it.
  void check_constant(std::uint32_t before, std::uint32_t after) {
    const auto what = compare_.difference(before, after);
    if (!what) return;
    const Atom& atom = post().at(after);
    if (!shared_.contains(after)) return;
    const char* const written =
        "accept the finding if nobody has a copy of it: it is then written into the running "
        "kernel's, and given back by undo";
    const bool placed = compare_.is_placed(after);
    if (placed) add_values(before, after);
    if (has_function_pointers(post(), atom) || has_function_pointers(pre(), pre().at(before))) {
      refuse("function-table-changed", atom.name,
             fmt::format("the patch changes a table of functions ({}) that the running kernel may "
                         "have handed out",
                         *what),
             placed ? written : "change the functions instead of the table");
      return;
    }
    const Symbol* symbol = post().symbol_at_start(atom);
    if (symbol != nullptr && !symbol->is_local()) {
      refuse("readonly-data-changed", atom.name,
             fmt::format("the patch changes a constant ({}) that other files use too", *what),
             placed ? written : "bring a new constant, and let the code use that");
      return;
    }
    const auto reader = std::ranges::find_if(post().all(), [&](const Atom& one) {
      return one.kind != AtomKind::code &&
             std::ranges::any_of(one.references, [&](const Reference& r) {
               return !r.undefined && r.atom == after;
             });
    });
    refuse("readonly-data-changed", atom.name,
           fmt::format("the patch changes a constant ({}) that {} points to", *what,
                       reader == post().all().end() ? "start-up code" : reader->name),
           placed ? written : "bring a new constant, and let the code use that");
  }

  void check_pieces() {
    for (const std::string& name : joined_differently(pre(), post(), *unit_.twins))
      refuse(
          "code-outside-functions", name,
          "in one version only a short jump joins its code to other functions, so that it cannot "
          "be told from theirs",
          "leave the change out of the live patch; it takes effect after a reboot")
          .acceptable = false;
  }

  void find_changed_code() {
    for (std::uint32_t i = 0; i < post().all().size(); ++i) {
      const Atom& atom = post().at(i);
      if (atom.kind != AtomKind::code || !is_content(role(atom))) continue;
      const auto twin = unit_.twins->pre_of(i);
      if (!twin) continue;
      const auto what = compare_.difference(*twin, i);
      if (!what) continue;
      include(i);
      if (row(atom) != nullptr && row(atom)->role == SectionRole::exit)
        diff_.exit_changes.push_back({atom.name, gained(*twin, i)});
      // An out-of-line part differs with its function, which refers to it.
      if (!replace_functions(*twin, i, *what) && !is_cold(atom.name))
        refuse("code-outside-functions", atom.name,
               fmt::format("the patch changes code that is in no function ({}), and only functions "
                           "can be replaced",
                           *what),
               "leave the change out of the live patch; it takes effect after a reboot")
            .acceptable = false;
    }
  }

  // A hook that pre has too is an earlier update's: it belongs to the kernel that is to be patched.
  void find_hooks() {
    for (std::uint32_t i = 0; i < post().all().size(); ++i) {
      const Atom& atom = post().at(i);
      if (role(atom) != SectionRole::hooks) continue;
      const std::string kind =
          post().object().section(atom.section).name.substr(kHookSection.size());
      const Symbol* function = hook_function(atom);
      if (function == nullptr ||
          std::find(kHookKinds.begin(), kHookKinds.end(), kind) == kHookKinds.end()) {
        refuse("hook-unusable", atom.name,
               fmt::format("the hook is of a kind that is not known here ({}), or does not name a "
                           "function of its own file",
                           kind),
               "name a function of this file by one of the macros of <splice.h>")
            .acceptable = false;
        continue;
      }
      const std::uint32_t code = atom.references[0].atom;
      const auto twin = unit_.twins->pre_of(code);
      const bool earlier = unit_.twins->pre_of(i).has_value();
      if (earlier && twin && !compare_.difference(*twin, code)) continue;
      if (twin) {
        refuse("hook-unusable", function->name,
               earlier ? "the patch changes a hook of an earlier update, which is applied"
                       : "the hook is a function that the kernel already has",
               "a hook must be a function that the patch adds: give it a name of its own")
            .acceptable = false;
        continue;
      }
      include(code);
      diff_.hooks.push_back({kind, function->index});
    }
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
          own = compare_.difference_in(before, after,
                                       {old.value.value() - pre().at(before).begin,
                                        symbol.value.value() - post().at(after).begin, old.size},
                                       true);
        }
        // Aliases stand at one place, and one jump serves them all.
        if (!own || !entries.insert(old.value.value()).second) continue;
        diff_.replaced.push_back({symbol.name, old_index, index, *own});
        check_context(before, old);
      }
    }
    return !entries.empty();
  }

  // Code that runs where no jump to new code may be.
  void check_context(std::uint32_t atom, const Symbol& function) {
    const std::string& section = pre().object().section(pre().at(atom).section).name;
    if (section == ".entry.text") {
      // With page-table isolation the processor enters it on page tables that map nothing of a
      // module (arch/x86/mm/pti.c, pti_clone_entry_text()).
      refuse("entry-code", function.name,
             "the patch changes entry code, which runs before the kernel's own page tables are in "
             "use, where new code is not mapped",
             "leave the change out of the live patch; it takes effect after a reboot")
          .acceptable = false;
    } else if (section == ".noinstr.text" && !comes_from_user_mode(pre().at(atom))) {
      // include/linux/compiler_types.h: noinstr. Such code runs in NMI and #MC, which come in the
      // moment of the switch too, and before RCU watches.
      refuse("noinstr-code", function.name,
             "the patch changes code that may run in NMI and exception entry, where the switch of "
             "the update does not hold it off",
             "leave the change out of the live patch; it takes effect after a reboot");
    }
  }

  // An entry from programs (kernel/entry/common.c, enter_from_user_mode() and those that call it):
  // no processor that waits in the kernel for the switch can be in it.
  bool comes_from_user_mode(const Atom& atom) const {
    return std::ranges::any_of(atom.references, [&](const Reference& reference) {
      return reference.undefined &&
             pre().object().symbol(reference.symbol).name.find("enter_from_user_mode") !=
                 std::string::npos;
    });
  }

  // Aliases count as one.
  static std::size_t count_functions(const AtomTable& table, const Atom& atom) {
    std::set<std::uint64_t> places;
    for (const std::uint32_t index : atom.symbols)
      if (table.object().symbol(index).is_function())
        places.insert(table.object().symbol(index).value.value());
    return places.size();
  }

  void include(std::uint32_t atom) {
    if (diff_.included.insert(atom).second) todo_.push_back(atom);
  }

  // A function that takes over: all of its out-of-line parts and special entries come along, and
  // what it mentions that the kernel has not got.
  void close_over_references() {
    while (!todo_.empty()) {
      const std::uint32_t index = todo_.front();
      todo_.pop_front();
      for (const Reference& reference : post().at(index).references) follow(index, reference);
      for (const TableEntry& entry : unit_.post_tables->of(index)) {
        for (const Reference& reference : entry.references) follow(index, reference);
        for (const Reference& reference : replacement_references(entry)) follow(index, reference);
      }
    }
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

  void follow(std::uint32_t from, const Reference& reference) {
    if (reference.undefined || reference.atom == from) return;
    const Atom& target = post().at(reference.atom);
    const SectionRole kind = role(target);
    if (is_code_table(kind)) return;  // entries and replacements go with their code
    // Init-time tables have entries that code uses (tracepoints): those of the kernel.
    if (is_init_table(kind) && target.kind != AtomKind::anonymous &&
        unit_.twins->pre_of(reference.atom))
      return;
    if (kind == SectionRole::linked && unit_.twins->pre_of(reference.atom)) return;
    if (!is_content(kind)) {
      refuse_section(from, target);
      return;
    }
    if (compare_.is_placed(reference.atom)) return;
    if (compare_.is_own_content(reference)) {
      include(reference.atom);
      return;
    }
    if (unit_.twins->ambiguous.contains(reference.atom) && ambiguous_.insert(target.name).second)
      refuse("static-local-ambiguous", target.name,
             "the patch adds or removes a static variable of a name that several functions use, "
             "and nothing says which of the kernel's it now is",
             "give the new variable a name of its own");
    // New, or a constant that the kernel has in another form.
    const auto twin = unit_.twins->pre_of(reference.atom);
    const bool constant = target.kind == AtomKind::read_only || has_lines(target);
    if (!twin || (constant && compare_.difference(*twin, reference.atom))) include(reference.atom);
  }

  // Code refers to a section that new code can neither leave in the kernel nor have a copy of.
  void refuse_section(std::uint32_t from, const Atom& target) {
    const std::string& section = post().object().section(target.section).name;
    const std::string& name = post().at(from).name;
    if (!unplaceable_.insert(name).second) return;
    if (role(target) == SectionRole::linked)
      refuse("unknown-special-section", name,
             fmt::format("its code refers to {}, whose content comes only when the kernel is "
                         "linked, so that a copy in new code would be empty",
                         section),
             "leave this function out of the live patch; its change takes effect after a reboot")
          .acceptable = false;
    else
      refuse("unknown-special-section", name,
             fmt::format("its code refers to {}, a section that new code cannot have a copy of",
                         section),
             "report it with the patch: Splice needs a row for the section")
          .acceptable = false;
  }

  void find_checked() {
    std::set<std::uint32_t> found;
    for (const ReplacedFunction& function : diff_.replaced) {
      const auto atom = pre().find(pre().object().symbol(function.pre_symbol).section,
                                   pre().object().symbol(function.pre_symbol).value.value());
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
  const std::set<std::uint32_t> shared_;  // constants that others see
  UnitDiff diff_;
  std::deque<std::uint32_t> todo_;
  std::set<std::string> ambiguous_;    // reported
  std::set<std::string> unplaceable_;  // reported
};

}  // namespace

UnitDiff diff_unit(const UnitPair& unit, const std::set<std::string>& wanted) {
  return UnitDiffer(unit).run(wanted);
}

}  // namespace splicer
