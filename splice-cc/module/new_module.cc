// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/module/new_module.h"

#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstddef>

#include "kmod/splice_abi.h"
#include "matcher/elf/elf_writer.h"
#include "matcher/elf/kernel_sections.h"

namespace splicer {

namespace {

constexpr std::uint64_t kFunctionAlign = 16;
constexpr const char* kReplacedSuffix = ".splice";

// Name of the section that an atom goes into: one for each kind, so that /sys/module/NAME/sections
// has unique names. The kernel gives a meaning to some (kernel/module/main.c,
// find_module_sections).
std::string output_name(const Section& section, const Atom& atom) {
  if (section.is_code() && is_cold(atom.name)) return ".text.unlikely";
  const KernelSection* row = kernel_section(section.name);
  const bool known = row != nullptr && !row->becomes.empty();
  if (known && section.is_code() == row->holds_code()) return std::string(row->becomes);
  if (section.is_code()) return section.name;
  return section.is_writable() ? ".data" : ".rodata";
}

std::uint64_t kept_flags(const Section& section) {
  return section.flags & (SHF_ALLOC | SHF_WRITE | SHF_EXECINSTR);
}

class ModuleMaker {
 public:
  ModuleMaker(const std::vector<const ChangedUnit*>& units, const ModuleGlue& glue,
              std::size_t number, const std::map<std::string, std::string>& elsewhere)
      : units_(units), glue_(glue), number_(number), elsewhere_(elsewhere) {}

  Result<NewModule> run() {
    for (std::size_t unit = 0; unit < units_.size(); ++unit) lay_out(unit);
    for (std::size_t unit = 0; unit < units_.size(); ++unit) {
      for (const std::uint32_t atom : units_[unit]->diff->included) {
        if (auto written = write_references(unit, atom); !written) return propagate(written);
        if (auto written = write_entries(unit, atom); !written) return propagate(written);
      }
      if (auto written = write_values(unit); !written) return propagate(written);
      describe_functions(unit);
    }
    add_module_sections();
    auto bytes = out_.finish();
    if (!bytes) return propagate(bytes);
    result_.bytes = std::move(*bytes);
    return std::move(result_);
  }

 private:
  struct Position {
    ElfWriter::SectionId section = 0;
    std::uint64_t offset = 0;
  };

  const AtomTable& post(std::size_t unit) const { return *units_[unit]->pair->post; }
  const AtomTable& pre(std::size_t unit) const { return *units_[unit]->pair->pre; }

  void lay_out(std::size_t unit) {
    const AtomTable& atoms = post(unit);
    for (const std::uint32_t index : units_[unit]->diff->included) {
      const Atom& atom = atoms.at(index);
      const Section& section = atoms.object().section(atom.section);
      const std::string name = output_name(section, atom);
      const bool zeros = section.is_nobits();
      Position position;
      position.section = out_.section(name, zeros ? SHT_NOBITS : SHT_PROGBITS, kept_flags(section));
      const std::uint64_t align = section.is_code() && atom.kind == AtomKind::code
                                      ? std::max(section.align, kFunctionAlign)
                                      : section.align;
      position.offset = zeros ? out_.reserve(position.section, atom.size, align)
                              : out_.append(position.section, content(unit, index), align);
      positions_[{unit, index}] = position;
      define_symbols(unit, atom, position);
    }
  }

  // The kernel's loader refuses a relocation where something stands already
  // (__apply_relocate_add() in arch/x86/kernel/module.c), as it does where the assembler settled a
  // branch to another function of the section.
  std::vector<std::uint8_t> content(std::size_t unit, std::uint32_t index) const {
    const Atom& atom = post(unit).at(index);
    const Bytes bytes = post(unit).bytes(atom);
    std::vector<std::uint8_t> cleared(bytes.begin(), bytes.end());
    for (const Reference& reference : atom.references)
      std::fill_n(cleared.begin() + static_cast<std::ptrdiff_t>(reference.offset),
                  relocation_width(reference.type).value_or(0), std::uint8_t{0});
    const ElfObject& object = post(unit).object();
    for (const TableEntry& entry : units_[unit]->pair->post_tables->of(index))
      if (const std::uint32_t width = constant_width(object.section(entry.section).name);
          width != 0 &&
          static_cast<std::uint64_t>(entry.references[0].into) + width <= cleared.size())
        std::fill_n(cleared.begin() + entry.references[0].into, width, std::uint8_t{0});
    return cleared;
  }

  // The kernel writes constants into its own code at start-up (asm/runtime-const.h), and nobody
  // does that for a module: the constant becomes a symbol, whose value is the variable's.
  void write_constant(const std::string& table, const Position& code, std::int64_t into) {
    out_.relocate(code.section, code.offset + static_cast<std::uint64_t>(into),
                  out_.undefined(table), constant_width(table) == 8 ? R_X86_64_64 : R_X86_64_8, 0);
    if (!named_.insert(table).second) return;
    PackageSymbol symbol;
    symbol.name = table;
    symbol.kernel_name = constant_variable(table);
    symbol.source = "constant";
    result_.symbols.push_back(std::move(symbol));
  }

  void define_symbols(std::size_t unit, const Atom& atom, Position position) {
    const bool is_new = !units_[unit]->pair->twins->pre_of(index_of(unit, atom));
    for (const std::uint32_t index : atom.symbols) {
      const Symbol& symbol = post(unit).object().symbol(index);
      if (!symbol.is_function() && !symbol.is_object() && symbol.is_local()) continue;
      const std::uint64_t at = position.offset + symbol.value.value() - atom.begin;
      // Were there two symbols of one name, tracefs and perf would take no probe by that name
      // (number_of_same_symbols() in kernel/trace/trace_kprobe.c). What follows a dot does not hide
      // that a function must not be probed (within_kprobe_blacklist() in kernel/kprobes.c).
      const bool replaces = !is_new && symbol.is_function();
      out_.define(replaces ? symbol.name + kReplacedSuffix : symbol.name, position.section, at,
                  symbol.size, STB_LOCAL, symbol.is_function() ? STT_FUNC : STT_OBJECT);
      if (is_new && !symbol.is_local()) globals_[symbol.name] = {position.section, at};
    }
  }

  std::uint32_t index_of(std::size_t unit, const Atom& atom) const {
    return static_cast<std::uint32_t>(&atom - post(unit).all().data());
  }

  Result<void> write_references(std::size_t unit, std::uint32_t index) {
    const Position position = positions_.at({unit, index});
    for (const Reference& reference : post(unit).at(index).references)
      if (auto written =
              write(unit, index, reference, position.section, position.offset + reference.offset);
          !written)
        return written;
    return {};
  }

  // One relocation at `at` of a section of the new module.
  Result<void> write(std::size_t unit, std::uint32_t from, const Reference& reference,
                     ElfWriter::SectionId section, std::uint64_t at) {
    if (reference.undefined) {
      write_undefined(unit, reference, section, at);
      return {};
    }
    const auto inside = positions_.find({unit, reference.atom});
    if (inside != positions_.end() && !means_old_entry(unit, reference)) {
      out_.relocate(section, at, out_.section_symbol(inside->second.section), reference.type,
                    static_cast<std::int64_t>(inside->second.offset) + reference.addend);
      return {};
    }
    return write_to_kernel(unit, from, reference, section, at);
  }

  // The entry of a function that the kernel has: its old entry, for good, also where the function
  // itself mentions it (work that queues itself again).
  bool means_old_entry(std::size_t unit, const Reference& reference) const {
    const Atom& target = post(unit).at(reference.atom);
    if (target.kind != AtomKind::code || is_cold(target.name) ||
        !units_[unit]->pair->twins->pre_of(reference.atom))
      return false;
    return std::any_of(target.symbols.begin(), target.symbols.end(), [&](std::uint32_t index) {
      const Symbol& symbol = post(unit).object().symbol(index);
      return symbol.is_function() &&
             symbol.value == target.begin + static_cast<std::uint64_t>(reference.into);
    });
  }

  void write_undefined(std::size_t unit, const Reference& reference, ElfWriter::SectionId section,
                       std::uint64_t at) {
    write_name(unit, post(unit).object().symbol(reference.symbol).name, reference, section, at);
  }

  void write_name(std::size_t unit, const std::string& name, const Reference& reference,
                  ElfWriter::SectionId section, std::uint64_t at) {
    if (const auto global = globals_.find(name); global != globals_.end()) {
      out_.relocate(section, at, out_.section_symbol(global->second.section), reference.type,
                    static_cast<std::int64_t>(global->second.offset) + reference.addend);
      return;
    }
    out_.relocate(section, at, out_.undefined(name), reference.type, reference.addend);
    if (glue_.exports().contains(name)) {
      imports_.insert(name);
      return;
    }
    if (!named_.insert(name).second) return;
    PackageSymbol symbol;
    symbol.name = name;
    symbol.kernel_name = name;
    const auto other = elsewhere_.find(name);
    const Symbol* known = find_undefined(pre(unit).object(), name);
    if (other != elsewhere_.end()) {
      symbol.source = "update";
      symbol.target = other->second;
    } else if (known != nullptr) {
      symbol.source = "pre";
      symbol.unit = units_[unit]->pair->unit.name;
      symbol.pre_symbol = known->index;
    } else {
      symbol.source = "kernel";
    }
    result_.symbols.push_back(std::move(symbol));
  }

  static const Symbol* find_undefined(const ElfObject& object, const std::string& name) {
    for (const Symbol& symbol : object.symbols())
      if (symbol.undefined() && symbol.name == name) return &symbol;
    return nullptr;
  }

  // To a twin that stays in the kernel.
  Result<void> write_to_kernel(std::size_t unit, std::uint32_t from, const Reference& reference,
                               ElfWriter::SectionId section, std::uint64_t at) {
    const auto twin = units_[unit]->pair->twins->pre_of(reference.atom);
    if (!twin)
      return fail(ExitCode::unsafe, "unknown-special-section",
                  fmt::format("its code refers to {}, which cannot be taken along",
                              post(unit).at(reference.atom).name))
          .at_file(units_[unit]->pair->unit.source)
          .in_function(post(unit).at(from).name)
          .hint("please report it, with the patch");
    return write_to_pre(unit, post(unit).at(from).name, *twin, reference, section, at);
  }

  // To an atom of pre: to what it is in the kernel.
  Result<void> write_to_pre(std::size_t unit, const std::string& from, std::uint32_t target,
                            const Reference& reference, ElfWriter::SectionId section,
                            std::uint64_t at) {
    const Atom& old = pre(unit).at(target);
    // The symbol nearest below what is meant; in an atom of several functions that is the function.
    const Symbol* best = nullptr;
    const std::uint64_t meant =
        old.begin + static_cast<std::uint64_t>(std::max<std::int64_t>(reference.into, 0));
    const auto rank = [](const Symbol& symbol) {
      return std::pair{symbol.value, symbol.is_function() || symbol.is_object()};
    };
    for (const std::uint32_t index : old.symbols) {
      const Symbol& symbol = pre(unit).object().symbol(index);
      if (symbol.value <= std::max(meant, old.begin) &&
          (best == nullptr || rank(symbol) > rank(*best)))
        best = &symbol;
    }
    if (best == nullptr)
      return fail(ExitCode::unsafe, "unknown-special-section",
                  fmt::format("its code refers to {}, which has no symbol", old.name))
          .at_file(units_[unit]->pair->unit.source)
          .in_function(from)
          .hint("please report it, with the patch");
    const bool global = !best->is_local();
    const std::string name =
        global ? best->name
               : fmt::format("{}:{}:{}", units_[unit]->pair->unit.name, best->index, best->name);
    const std::int64_t shift =
        static_cast<std::int64_t>(best->value.value()) - static_cast<std::int64_t>(old.begin);
    out_.relocate(section, at, out_.undefined(name), reference.type, reference.addend - shift);
    if (named_.insert(name).second)
      result_.symbols.push_back(
          {name, "pre", units_[unit]->pair->unit.name, best->index, best->name, ""});
    return {};
  }

  // The special sections' entries about an atom.
  Result<void> write_entries(std::size_t unit, std::uint32_t index) {
    const ElfObject& object = post(unit).object();
    for (const TableEntry& entry : units_[unit]->pair->post_tables->of(index)) {
      const Section& table = object.section(entry.section);
      if (constant_width(table.name) != 0) {
        write_constant(table.name, positions_.at({unit, index}), entry.references[0].into);
        continue;
      }
      std::uint64_t replacement = 0;
      ElfWriter::SectionId replacements = 0;
      const bool alternative = is_alternatives(table);
      if (entry.other_section != 0) {
        const Section& other = object.section(entry.other_section);
        replacements = out_.section(other.name, SHT_PROGBITS, kept_flags(other));
        replacement =
            out_.append(replacements, other.bytes.subspan(entry.other_begin, entry.other_size), 1);
      }
      const auto id = out_.section(table.name, SHT_PROGBITS, kept_flags(table), table.entsize);
      const bool first = out_.size(id) == 0;
      const std::uint64_t at =
          out_.append(id, table.bytes.subspan(entry.begin, entry.size), first ? table.align : 1);
      for (std::size_t i = 0; i < entry.references.size(); ++i) {
        const Reference& reference = entry.references[i];
        if (alternative && i == 1) {
          out_.relocate(id, at + reference.offset, out_.section_symbol(replacements),
                        reference.type,
                        static_cast<std::int64_t>(replacement) + reference.addend - reference.into);
          continue;
        }
        // What a table says about code is about the new code, entries of functions included.
        const auto inside =
            reference.undefined ? positions_.end() : positions_.find({unit, reference.atom});
        if (inside != positions_.end()) {
          out_.relocate(id, at + reference.offset, out_.section_symbol(inside->second.section),
                        reference.type,
                        static_cast<std::int64_t>(inside->second.offset) + reference.addend);
        } else if (auto written = write(unit, index, reference, id, at + reference.offset);
                   !written) {
          return written;
        }
      }
      if (!alternative) continue;
      const Atom& all = post(unit).at(entry.references[1].atom);
      for (const Reference& reference : all.references) {
        const std::uint64_t place = all.begin + reference.offset;
        if (place < entry.other_begin || place >= entry.other_begin + entry.other_size) continue;
        if (auto written = write(unit, index, reference, replacements,
                                 replacement + place - entry.other_begin);
            !written)
          return written;
      }
    }
    return {};
  }

  // Bytes of variables that live: those of pre, those of post, and a record that says where they
  // belong (struct splice_value_record).
  Result<void> write_values(std::size_t unit) {
    for (const UnitValue& value : units_[unit]->diff->values) {
      const auto bytes = out_.section(".splice.values", SHT_PROGBITS, SHF_ALLOC);
      const std::uint64_t before = append_word(bytes, pre(unit), value.pre_atom, value);
      const std::uint64_t after = append_word(bytes, post(unit), value.post_atom, value);
      for (const Reference& reference : pre(unit).at(value.pre_atom).references) {
        if (!is_in(reference, value)) continue;
        const std::uint64_t at = before + reference.offset - value.begin;
        if (reference.undefined) {
          write_name(unit, pre(unit).object().symbol(reference.symbol).name, reference, bytes, at);
        } else if (const auto text = string_at(pre(unit), reference)) {
          write_to_string(unit, value, reference, *text, bytes, at);
        } else if (auto written =
                       write_to_pre(unit, value.name, reference.atom, reference, bytes, at);
                   !written) {
          return written;
        }
      }
      for (const Reference& reference : post(unit).at(value.post_atom).references) {
        if (!is_in(reference, value)) continue;
        if (auto written = write(unit, value.post_atom, reference, bytes,
                                 after + reference.offset - value.begin);
            !written)
          return written;
      }
      if (auto written = write_record(unit, value, bytes, before, after); !written) return written;
    }
    return {};
  }

  // To a string of the kernel's that the variable points to.
  void write_to_string(std::size_t unit, const UnitValue& value, const Reference& reference,
                       const std::string& text, ElfWriter::SectionId section, std::uint64_t at) {
    const Atom& variable = pre(unit).at(value.pre_atom);
    const Symbol& symbol = *pre(unit).symbol_at_start(variable);
    PackageSymbol wanted;
    wanted.name = fmt::format("{}:{}:{}:{}", units_[unit]->pair->unit.name, symbol.index,
                              symbol.name, reference.offset);
    wanted.source = "string";
    wanted.unit = units_[unit]->pair->unit.name;
    wanted.pre_symbol = symbol.index;
    wanted.kernel_name = symbol.name;
    wanted.offset = reference.offset;
    wanted.text = text;
    out_.relocate(section, at, out_.undefined(wanted.name), R_X86_64_64, 0);
    if (named_.insert(wanted.name).second) result_.symbols.push_back(std::move(wanted));
  }

  static bool is_in(const Reference& reference, const UnitValue& value) {
    return reference.offset >= value.begin && reference.offset < value.begin + value.size;
  }

  std::uint64_t append_word(ElfWriter::SectionId section, const AtomTable& table,
                            std::uint32_t index, const UnitValue& value) {
    const Bytes all = table.bytes(table.at(index));
    std::vector<std::uint8_t> word(value.size, 0);
    if (!all.empty())
      std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(value.begin), value.size, word.begin());
    for (const Reference& reference : table.at(index).references)
      if (is_in(reference, value)) std::ranges::fill(word, std::uint8_t{0});
    return out_.append(section, word, sizeof(std::uint64_t));
  }

  Result<void> write_record(std::size_t unit, const UnitValue& value, ElfWriter::SectionId section,
                            std::uint64_t before, std::uint64_t after) {
    splice_value_record record{};
    record.size = static_cast<std::uint32_t>(value.size);
    record.flags = value.is_default ? SPLICE_VALUE_DEFAULT : 0;
    const std::uint64_t at =
        out_.append(section, Bytes(reinterpret_cast<const std::uint8_t*>(&record), sizeof record),
                    alignof(splice_value_record));
    Reference live;
    live.type = R_X86_64_64;
    live.into = live.addend = static_cast<std::int64_t>(value.begin);
    if (auto written = write_to_pre(unit, value.name, value.pre_atom, live, section,
                                    at + offsetof(splice_value_record, address));
        !written)
      return written;
    out_.relocate(section, at + offsetof(splice_value_record, before), out_.section_symbol(section),
                  R_X86_64_64, static_cast<std::int64_t>(before));
    out_.relocate(section, at + offsetof(splice_value_record, after), out_.section_symbol(section),
                  R_X86_64_64, static_cast<std::int64_t>(after));
    result_.values.push_back(
        {value.name, units_[unit]->pair->unit.name, value.what, ".splice.values", at});
    return {};
  }

  void describe_functions(std::size_t unit) {
    const ChangedUnit& here = *units_[unit];
    const ElfObject& object = post(unit).object();
    std::set<std::uint32_t> replaced;
    for (const ReplacedFunction& function : here.diff->replaced) {
      const Symbol& symbol = object.symbol(function.post_symbol);
      PackageFunction entry = describe(unit, symbol, "replaced", function.why);
      entry.old_size = pre(unit).object().symbol(function.pre_symbol).size;
      entry.pre_symbol = function.pre_symbol;
      replaced.insert(function.post_symbol);
      result_.functions.push_back(std::move(entry));
    }
    for (const std::uint32_t index : here.diff->checked) {
      const Symbol& symbol = pre(unit).object().symbol(index);
      PackageFunction entry;
      entry.name = symbol.name;
      entry.unit = here.pair->unit.name;
      entry.kind = "checked";
      entry.why = "the out-of-line part of a function that is replaced";
      entry.old_size = symbol.size;
      entry.pre_symbol = index;
      result_.functions.push_back(std::move(entry));
    }
    std::set<std::uint32_t> hooks;
    for (const UnitHook& hook : here.diff->hooks) {
      const PackageFunction entry = describe(unit, object.symbol(hook.post_symbol), "new", "");
      result_.hooks.push_back({hook.kind, entry.name, entry.unit, entry.section, entry.offset});
      hooks.insert(hook.post_symbol);
    }
    for (const std::uint32_t atom : here.diff->included) {
      if (here.pair->twins->pre_of(atom) || post(unit).at(atom).kind != AtomKind::code) continue;
      for (const std::uint32_t index : post(unit).at(atom).symbols)
        if (object.symbol(index).is_function())
          result_.functions.push_back(
              describe(unit, object.symbol(index), "new",
                       hooks.contains(index) ? "the update's own hook" : "the new code calls it"));
    }
  }

  PackageFunction describe(std::size_t unit, const Symbol& symbol, const char* kind,
                           const std::string& why) const {
    PackageFunction entry;
    entry.name = symbol.name;
    entry.unit = units_[unit]->pair->unit.name;
    entry.kind = kind;
    entry.why = why;
    entry.size = symbol.size;
    const auto atom = post(unit).find(symbol.section, symbol.value.value());
    const Position position = positions_.at({unit, *atom});
    entry.section = out_.name(position.section);
    entry.offset = position.offset + symbol.value.value() - post(unit).at(*atom).begin;
    return entry;
  }

  void add_module_sections() {
    const auto module =
        out_.section(".gnu.linkonce.this_module", SHT_PROGBITS, SHF_ALLOC | SHF_WRITE);
    out_.append(module, glue_.this_module(number_), glue_.this_module_align());
    const std::string info = glue_.modinfo(number_, imports_);
    out_.append(out_.section(".modinfo", SHT_PROGBITS, SHF_ALLOC),
                Bytes(reinterpret_cast<const std::uint8_t*>(info.data()), info.size()), 1);
    const std::vector<std::uint8_t> versions = glue_.versions(imports_);
    if (!versions.empty())
      out_.append(out_.section("__versions", SHT_PROGBITS, SHF_ALLOC), versions, 32);
  }

  const std::vector<const ChangedUnit*>& units_;
  const ModuleGlue& glue_;
  std::size_t number_;
  const std::map<std::string, std::string>& elsewhere_;
  ElfWriter out_;
  NewModule result_;
  std::map<std::pair<std::size_t, std::uint32_t>, Position> positions_;
  std::map<std::string, Position> globals_;  // new, by name
  std::set<std::string> imports_;            // exported symbols that are used
  std::set<std::string> named_;              // symbols that stand in result_.symbols
};

}  // namespace

Result<NewModule> make_module(const std::vector<const ChangedUnit*>& units, const ModuleGlue& glue,
                              std::size_t number,
                              const std::map<std::string, std::string>& defined_elsewhere) {
  return ModuleMaker(units, glue, number, defined_elsewhere).run();
}

}  // namespace splicer
