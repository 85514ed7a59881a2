// SPDX-License-Identifier: GPL-2.0-or-later
//
// Alters what stands beside the code, one field at a time, and asks the matcher whether it notices.
//
//     mutate-tables --image vmlinuz --modules lib/modules/REL --count 100000 LIST
//
// Altered are fields of the object's tables about its matched functions, the same fields of the
// kernel's own tables, the rows of the kernel's symbol table that have names which the matched
// functions define or refer to, and the kernel's BTF of what the updates given by --update use. An alteration is detected if a function, a constant or the object is
// refused. If not, it must be harmless by one of the rules in kRules, which is decided here, before
// the matcher is asked, from what the field means; and all functions must match with the addresses
// that they had. Anything else is a hole, and printed:
//
//     object .static_call_sites key         1874 detected, 3 harmless, 0 holes
//
// Example: bit 0 of a static key's field says which way the branch goes, so nothing makes its
// alteration harmless; bit 1 is the kernel's own note (rule `note`).
//
// Invariant: same image, list and seed: same alterations.
#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "matcher/base/command_line.h"
#include "matcher/elf/elf_object.h"
#include "matcher/match/match.h"
#include "runtime/package/package.h"
#include "tests/proof/altered_image.h"
#include "tests/proof/code_entries.h"
#include "tests/proof/object_list.h"
#include "tests/proof/random_draw.h"
#include "tests/proof/symbol_sample.h"
#include "tests/proof/type_alterations.h"

namespace {

using namespace splicer;
namespace po = boost::program_options;

// Why an alteration that is not noticed does no harm.
struct Rule {
  std::string_view name;
  std::string_view why;
};
constexpr std::array kRules = {
    Rule{"place", "file and line of a trap are only printed"},
    Rule{"warned", "BUGFLAG_DONE: the kernel's own note that a WARN_ONCE() has warned"},
    Rule{"note", "bit 1 of a key: the kernel's or objtool's own note"},
    Rule{"same-place", "another symbol with which the field leads to the same place"},
    Rule{"trampoline", "a static call's trampoline for its key, as modules have it"},
    Rule{"equal", "an equal replacement elsewhere"},
    Rule{"empty", "where a replacement of no bytes would be"},
    Rule{"letter", "who may refer to a name; where it is, the code proves, or it is not known"},
    Rule{"no-name",
         "a name that is not listed: the code alone proves where it is, or it is not known"},
    Rule{"another", "a symbol of the name that the code does not refer to"},
};

// One alteration, made.
struct Alteration {
  std::string kind;
  std::string where;
  std::string_view rule = {};  // by which it would be harmless, if by any
  std::string unlearnt = {};   // the symbol whose address need not be learnt then
};

struct Subject {
  ElfObject object;
  MatchOptions options;
  MatchResult clean;
  std::vector<CodeEntry> entries;            // about matched code
  std::map<std::uint32_t, RunAddress> code;  // of matched sections
  SymbolSample symbols;
};

// The object without debug information, which is most of it: its sections become empty ones.
std::vector<std::uint8_t> without_debug_information(const ElfObject& object) {
  std::vector<std::uint8_t> file(object.file().begin(), object.file().end());
  const Elf64_Ehdr header = *load<Elf64_Ehdr>(file, 0);
  for (const Section& section : object.sections()) {
    if (!section.name.starts_with(".debug") && !section.name.starts_with(".rela.debug")) continue;
    Elf64_Shdr row{};
    std::uint8_t* at = file.data() + header.e_shoff + section.index * sizeof row;
    std::memcpy(&row, at, sizeof row);
    row.sh_type = SHT_NULL;
    row.sh_size = 0;
    std::memcpy(at, &row, sizeof row);
  }
  return file;
}

class Mutation {
 public:
  Mutation(const Image& image, std::uint64_t seed) : image_(image), random_(seed) {}

  Result<void> prepare(const std::vector<ListedObject>& objects) {
    for (const ListedObject& listed : objects) {
      auto whole = ElfObject::load(listed.path);
      if (!whole) return propagate(whole);
      auto object = ElfObject::parse(without_debug_information(*whole), listed.unit);
      if (!object) return propagate(object);
      MatchOptions options;
      options.target = listed.target;
      auto clean = match_object(*object, image_, options);
      if (!clean) return propagate(clean);
      if (auto done = add(std::move(*object), options, std::move(*clean)); !done) return done;
    }
    if (subjects_.empty())
      return fail(ExitCode::error, "list-empty", "no object of the list matches");
    return {};
  }

  Result<void> add_update(const std::string& path) {
    auto package = read_package(path);
    if (!package) return propagate(package);
    for (const PackageTarget& target : package->manifest.targets) {
      TypeAlterations types(image_.types("vmlinux"),
                            {target.types, target.enumerators, target.declarations});
      if (!types.empty()) types_.push_back(std::move(types));
    }
    return {};
  }

  Result<void> run(std::size_t count, const Console& console) {
    const auto began = std::chrono::steady_clock::now();
    for (std::size_t done = 0; done < count;) {
      if (!alter_one()) continue;
      if (++done % 5000 != 0) continue;
      const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - began;
      console.stage("{} alterations, {:.0f} a second", done,
                    static_cast<double>(done) / spent.count());
    }
    return {};
  }

  int report() const {
    Count all;
    for (const auto& [kind, count] : counts_) {
      fmt::print("{:<40} {:>7} detected, {} harmless, {} holes\n", kind, count.detected,
                 count.harmless, count.holes);
      all.detected += count.detected;
      all.harmless += count.harmless;
      all.holes += count.holes;
    }
    for (const Rule& rule : kRules)
      if (const auto used = rules_.find(rule.name); used != rules_.end())
        fmt::print("harmless: {:<12} {:>7}  {}\n", rule.name, used->second, rule.why);
    fmt::print("alterations {}: detected {}, harmless {}, holes {}\n",
               all.detected + all.harmless + all.holes, all.detected, all.harmless, all.holes);
    return all.holes == 0 ? 0 : 5;
  }

 private:
  struct Count {
    std::size_t detected = 0;
    std::size_t harmless = 0;
    std::size_t holes = 0;
  };

  Result<void> add(ElfObject object, const MatchOptions& options, MatchResult clean) {
    std::map<std::uint32_t, RunAddress> code;
    for (const FunctionMatch& function : clean.functions) {
      const Symbol& symbol = object.symbol(function.symbol);
      if (function.state == MatchState::matched && function.run_bytes.size() == symbol.size)
        code.emplace(symbol.section, function.code - symbol.value);
    }
    std::vector<CodeEntry> entries;
    for (const CodeEntry& entry : code_entries(object))
      if (code.contains(entry.code_section)) entries.push_back(entry);
    if (code.empty()) return {};
    SymbolSample symbols = sample_symbols(object, image_, options.target, clean);
    // The sample must be as good as the whole table.
    const SymbolTable table(symbols.rows);
    const AlteredImage sampled(image_, &table);
    const auto again = match_object(object, sampled, options);
    if (!again || !is_same(clean, *again)) symbols.used.clear();
    without_sample_ += symbols.used.empty() ? 1 : 0;
    subjects_.push_back({std::move(object), options, std::move(clean), std::move(entries),
                         std::move(code), std::move(symbols)});
    return {};
  }

  std::size_t below(std::size_t limit) { return random_.below(limit); }

  static bool is_same(const MatchResult& a, const MatchResult& b) {
    return same_verdicts(a, b) && a.addresses == b.addresses;
  }
  static bool same_verdicts(const MatchResult& a, const MatchResult& b) {
    return std::equal(a.functions.begin(), a.functions.end(), b.functions.begin(),
                      b.functions.end(),
                      [](const FunctionMatch& x, const FunctionMatch& y) {
                        return x.state == y.state &&
                               (x.state != MatchState::matched || x.address == y.address);
                      }) &&
           a.altered_constants.size() == b.altered_constants.size();
  }

  // All verdicts as before, and all addresses; but one that is not known is none that is wrong.
  static bool is_harmless(const Subject& subject, const Alteration& alteration,
                          const MatchResult& altered) {
    auto addresses = subject.clean.addresses;
    auto others = altered.addresses;
    const auto is_exempt = [&](const auto& learnt) {
      const std::string& name = subject.object.symbol(learnt.first).name;
      return name == alteration.unlearnt &&
             (!altered.addresses.contains(learnt.first) || alteration.rule == "equal");
    };
    std::erase_if(addresses, is_exempt);
    std::erase_if(others, is_exempt);
    return same_verdicts(subject.clean, altered) && others == addresses;
  }

  // A refusal of what matched before.
  static bool is_refused(const MatchResult& clean, const MatchResult& altered) {
    for (std::size_t i = 0; i < clean.functions.size(); ++i)
      if (clean.functions[i].state == MatchState::matched &&
          altered.functions[i].state != MatchState::matched)
        return true;
    return altered.altered_constants.size() > clean.altered_constants.size();
  }

  bool alter_one() {
    const Subject& subject = subjects_[below(subjects_.size())];
    // What is compared with BTF is read anew each time, so it has a smaller share.
    if (!types_.empty() && below(20) == 0) return alter_type();
    switch (below(3)) {
      case 0:
        return alter_object(subject);
      case 1:
        return alter_kernel(subject);
      default:
        return alter_symbol(subject);
    }
  }

  void judge(const Subject& subject, const Alteration& alteration,
             const Result<MatchResult>& result) {
    Count& count = counts_[alteration.kind];
    if (!result || is_refused(subject.clean, *result)) {
      ++count.detected;
      return;
    }
    if (!alteration.rule.empty() && is_harmless(subject, alteration, *result)) {
      ++count.harmless;
      ++rules_[alteration.rule];
      return;
    }
    ++count.holes;
    fmt::print("hole: {}: {}, {}{}\n", subject.object.name(), alteration.kind, alteration.where,
               is_same(subject.clean, *result) ? "" : ", and a symbol moved");
  }

  // --- the kernel's BTF ---

  bool alter_type() {
    const auto altered = types_[below(types_.size())].alter(random_);
    if (!altered) return false;
    Count& count = counts_[altered->kind];
    (altered->detected ? count.detected : count.holes)++;
    if (!altered->detected) fmt::print("hole: {}, {}\n", altered->kind, altered->where);
    return true;
  }

  // --- the object's tables ---

  bool alter_object(const Subject& subject) {
    if (subject.entries.empty()) return false;
    const CodeEntry& entry = subject.entries[below(subject.entries.size())];
    const auto fields = fields_of(entry);
    const EntryField& field = fields[below(fields.size())];
    Alteration alteration{
        fmt::format("object {} {}", section_of(entry.table), text_of(field.meaning)),
        fmt::format("{}+{}", section_of(entry.table), entry.offset + field.offset)};
    std::vector<std::uint8_t> file(subject.object.file().begin(), subject.object.file().end());
    const auto row = relocation_in_file(subject.object, entry.section, entry.offset + field.offset);
    if (row) {
      if (!alter_relocation(subject, entry, field, *row, file, alteration)) return false;
    } else {
      const Bytes table = subject.object.section(entry.section).bytes;
      const auto at = static_cast<std::uint64_t>(table.data() - subject.object.file().data()) +
                      entry.offset.value() + field.offset;
      const auto change = alter_bytes(file, at, field.width);
      alteration.where += fmt::format(": xor {:#x}", change);
      alteration.rule = rule_of(field.meaning, change);
    }
    auto object = ElfObject::parse(std::move(file), subject.object.name());
    if (!object) {
      ++counts_[alteration.kind].detected;
      return true;
    }
    judge(subject, alteration, match_object(*object, image_, subject.options));
    return true;
  }

  static std::string_view rule_of(FieldMeaning meaning, std::uint64_t change) {
    constexpr std::uint64_t kBugDone = 4;
    constexpr std::uint64_t kKeyNote = 2;
    if (meaning == FieldMeaning::place) return "place";
    if (meaning == FieldMeaning::flags && change == kBugDone) return "warned";
    if (meaning == FieldMeaning::key && change == kKeyNote) return "note";
    return {};
  }

  // Alters one byte, mostly by one bit; returns what differs, as a number of `width` bytes.
  std::uint64_t alter_bytes(std::vector<std::uint8_t>& bytes, std::uint64_t at,
                            std::uint32_t width) {
    const std::size_t which = below(width);
    const auto change = static_cast<std::uint8_t>(below(2) == 0 ? 1U << below(8) : 1 + below(255));
    bytes[at + which] ^= change;
    return std::uint64_t{change} << 8 * which;
  }

  bool alter_relocation(const Subject& subject, const CodeEntry& entry, const EntryField& field,
                        std::uint64_t row, std::vector<std::uint8_t>& file,
                        Alteration& alteration) {
    auto relocation = *load<Elf64_Rela>(file, row);
    const ElfObject& object = subject.object;
    const auto before = relocation;
    if (below(2) == 0) {
      relocation.r_addend ^= static_cast<std::int64_t>(std::uint64_t{1} << below(12));
    } else {
      const std::uint64_t symbol = 1 + below(object.symbols().size() - 1);
      relocation.r_info = ELF64_R_INFO(symbol, ELF64_R_TYPE(relocation.r_info));
    }
    if (relocation.r_info == before.r_info && relocation.r_addend == before.r_addend) return false;
    std::memcpy(file.data() + row, &relocation, sizeof relocation);
    const auto& old_symbol = object.symbol(static_cast<std::uint32_t>(ELF64_R_SYM(before.r_info)));
    const auto& new_symbol =
        object.symbol(static_cast<std::uint32_t>(ELF64_R_SYM(relocation.r_info)));
    alteration.where += fmt::format(": {}{:+} became {}{:+}", old_symbol.name, before.r_addend,
                                    new_symbol.name, relocation.r_addend);
    alteration.rule =
        rule_of(field.meaning, static_cast<std::uint64_t>(before.r_addend ^ relocation.r_addend));
    const bool both = old_symbol.defined() && new_symbol.defined();
    if (both && old_symbol.section == new_symbol.section &&
        old_symbol.value + static_cast<std::uint64_t>(before.r_addend) ==
            new_symbol.value + static_cast<std::uint64_t>(relocation.r_addend))
      alteration.rule = "same-place";
    if (entry.table == EntryTable::static_call && before.r_addend == relocation.r_addend &&
        old_symbol.name.starts_with("__SCK__") &&
        new_symbol.name == "__SCT__" + old_symbol.name.substr(7)) {
      alteration.rule = "trampoline";
      alteration.unlearnt = old_symbol.name;
    }
    if (entry.table == EntryTable::alternative && field.meaning == FieldMeaning::target &&
        object.section(entry.section).bytes[entry.offset.value() + entry.entry_size - 1] == 0)
      alteration.rule = "empty";
    return true;
  }

  // --- the kernel's tables ---

  bool alter_kernel(const Subject& subject) {
    if (subject.entries.empty()) return false;
    const CodeEntry& entry = subject.entries[below(subject.entries.size())];
    const auto fields = fields_of(entry);
    const EntryField& field = fields[below(fields.size())];
    const RunAddress code = subject.code.at(entry.code_section) + entry.code;
    const auto table =
        code_table(image_, subject.options.target, section_of(entry.table), entry.entry_size);
    if (!table) return false;
    const auto there = table->about(code, code + 1);
    if (there.empty()) return false;
    const CodeTable::Entry& run = there[below(there.size())];
    const Bytes bytes = table->bytes(run);
    std::vector<std::uint8_t> altered(bytes.begin() + field.offset,
                                      bytes.begin() + field.offset + field.width);
    const std::uint64_t change = alter_bytes(altered, 0, field.width);
    Alteration alteration{
        fmt::format("kernel {} {}", section_of(entry.table), text_of(field.meaning)),
        fmt::format("the entry about {}: xor {:#x}", image_.symbols().describe(code), change),
        rule_of(field.meaning, change)};
    if (entry.table == EntryTable::alternative && field.meaning == FieldMeaning::target &&
        bytes[entry.entry_size - 1] == 0)
      alteration.rule = "empty";
    if (entry.table == EntryTable::alternative && field.meaning == FieldMeaning::target &&
        alteration.rule.empty() &&
        leads_to_equal(table->address(run) + field.offset, bytes, altered)) {
      alteration.rule = "equal";
      alteration.unlearnt = ".altinstr_replacement";
    }
    AlteredImage image(image_);
    image.alter(table->address(run) + field.offset, std::move(altered));
    for (const CodeEntry& other : subject.entries)
      if (other.table != entry.table)
        image.share_table(subject.options.target, section_of(other.table), other.entry_size);
    judge(subject, alteration, match_object(subject.object, image, subject.options));
    return true;
  }

  // Does an alternative's second field, altered, lead to the same bytes elsewhere?
  bool leads_to_equal(RunAddress field, Bytes entry, Bytes altered) const {
    const auto bytes_at = [&](std::optional<std::int32_t> distance) {
      std::vector<std::uint8_t> bytes(entry.back());
      const RunAddress at = field + static_cast<std::uint64_t>(std::int64_t{*distance});
      if (!image_.read(at, bytes)) bytes.clear();
      return bytes;
    };
    const auto before = bytes_at(load<std::int32_t>(entry, 4));
    return !before.empty() && before == bytes_at(load<std::int32_t>(altered, 0));
  }

  // --- the kernel's symbols ---

  bool alter_symbol(const Subject& subject) {
    if (subject.symbols.used.empty()) return false;
    std::vector<KernelSymbol> rows = subject.symbols.rows;
    const std::size_t which = subject.symbols.used[below(subject.symbols.used.size())];
    KernelSymbol& row = rows[which];
    const KernelSymbol before = row;
    // Of some names there are hundreds, which say little.
    if (!subject.symbols.is_meant(before) && below(8) != 0) return false;
    const KernelSymbol& other = subject.symbols.rows[below(rows.size())];
    Alteration alteration;
    switch (below(3)) {
      case 0:
        alteration.kind = "kernel's symbol: address";
        row.address = below(2) == 0 ? other.address : row.address + (std::uint64_t{1} << below(20));
        break;
      case 1:
        alteration.kind = "kernel's symbol: letter";
        alteration.rule = "letter";
        alteration.unlearnt = before.name;
        row.type = "tTdDbBrRwWvVaA"[below(14)];
        break;
      default:
        alteration.kind = "kernel's symbol: name";
        alteration.rule = "no-name";
        alteration.unlearnt = before.name;
        row.name = below(2) == 0 ? other.name : row.name + "x";
    }
    if (row.address == before.address && row.type == before.type && row.name == before.name)
      return false;
    if (!subject.symbols.is_meant(before)) alteration.rule = "another";
    alteration.where = fmt::format("{} {} {} became {} {} {}", before.address, before.type,
                                   before.name, row.address, row.type, row.name);
    const SymbolTable table(std::move(rows));
    AlteredImage image(image_, &table);
    for (const CodeEntry& entry : subject.entries)
      image.share_table(subject.options.target, section_of(entry.table), entry.entry_size);
    judge(subject, alteration, match_object(subject.object, image, subject.options));
    return true;
  }

  const Image& image_;
  RandomDraw random_;
  std::vector<Subject> subjects_;
  std::vector<TypeAlterations> types_;
  std::map<std::string, Count> counts_;
  std::map<std::string_view, std::size_t> rules_;
  std::size_t without_sample_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Command command("mutate-tables", "[OPTION]... LIST",
                  "Alter tables and symbols field by field; is it noticed?");
  add_listed_options(command);
  command.options().add_options()("count", po::value<std::size_t>()->default_value(20000),
                                  "alterations")(
      "seed", po::value<std::uint64_t>()->default_value(1), "of the random numbers")(
      "update", po::value<std::vector<std::string>>(), "an update whose types are altered, too");
  if (const auto status = command.parse(argc, argv)) return *status;
  const Console& console = command.console();
  const auto kernel = open_listed(command);
  if (!kernel) return console.finish(kernel.error());
  Mutation mutation(*kernel->image, command.values()["seed"].as<std::uint64_t>());
  if (auto ready = mutation.prepare(kernel->objects); !ready) return console.finish(ready.error());
  if (command.has("update"))
    for (const auto& path : command.values()["update"].as<std::vector<std::string>>())
      if (auto added = mutation.add_update(path); !added) return console.finish(added.error());
  if (auto done = mutation.run(command.values()["count"].as<std::size_t>(), console); !done)
    return console.finish(done.error());
  return mutation.report();
}
