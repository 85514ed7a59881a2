// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/match/table_compare.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "matcher/elf/nops.h"
#include "matcher/match/fields.h"

namespace splicer {

namespace {

// The lowest bits of a key are no part of its address: the branch's direction or a tail call, and
// what the kernel notes for itself (jump_entry_set_init(), static_call_set_init()) or objtool for the
// kernel (JUMP_LABEL_HACK).
constexpr std::uint64_t kFlags = 3;
constexpr std::uint64_t kMeaning = 1;  // JUMP_TYPE_TRUE, STATIC_CALL_SITE_TAIL

constexpr std::string_view kTrampoline = "__SCT__";  // STATIC_CALL_TRAMP_PREFIX

constexpr std::uint16_t kBugDone = 1U << 2;  // BUGFLAG_DONE: a WARN_ONCE() has warned

// struct jump_entry: s32 code, s32 target, long key; struct static_call_site: s32 addr, s32 key;
// struct exception_table_entry: int insn, int fixup, int data; struct bug_entry: s32 address, s32
// file, u16 line, u16 flags, without CONFIG_DEBUG_BUGVERBOSE s32 address, u16 flags.
constexpr std::uint64_t kSecond = 4;
constexpr std::uint64_t kThird = 8;

}  // namespace

const std::vector<TableComparer::TableKind>& TableComparer::kinds() {
  static const std::vector<TableKind> all = {
      {Kind::static_key, "__jump_table", 16},     {Kind::static_call, ".static_call_sites", 8},
      {Kind::exception, "__ex_table", 12},        {Kind::bug, "__bug_table", 0},
      {Kind::alternative, ".altinstructions", 0},
  };
  return all;
}

TableComparer::TableComparer(const ElfObject& object, const Image& image)
    : object_(object), image_(image) {
  for (const TableKind& kind : kinds()) tables_.push_back(collect(kind));
}

// An entry begins where a relocation leads to code that is not another field of the entry before:
// the first field is the only one about code in __bug_table, and the first of two in
// .altinstructions.
TableComparer::ObjectTable TableComparer::collect(const TableKind& kind) const {
  ObjectTable table{kind, kind.entry_size, false, true, {}};
  for (const Section& section : object_.sections()) {
    if (section.name != kind.section || section.size == 0 || section.is_nobits() ||
        section.relocations.empty())
      continue;
    table.present = true;
    if (kind.kind == Kind::alternative)
      table.entry_size = static_cast<std::uint32_t>(2 * section.size / section.relocations.size());
    if (kind.kind == Kind::bug) {
      table.entry_size = static_cast<std::uint32_t>(section.size);
      for (const Relocation& relocation : section.relocations) {
        const Symbol& symbol = object_.symbol(relocation.symbol);
        if (relocation.offset == 0U || !symbol.defined() ||
            !object_.section(symbol.section).is_code())
          continue;
        table.entry_size = static_cast<std::uint32_t>(relocation.offset.value());
        break;
      }
    }
    table.well_formed = table.well_formed && is_well_formed(section, table.entry_size);
    for (const Relocation& relocation : section.relocations) {
      const Symbol& symbol = object_.symbol(relocation.symbol);
      if (table.entry_size == 0 || relocation.offset.value() % table.entry_size != 0 ||
          !symbol.defined() ||
          !inside(relocation.offset.value(), table.entry_size, section.bytes.size()))
        continue;
      const SectionOffset code = symbol.value + static_cast<std::uint64_t>(relocation.addend);
      table.rows[symbol.section].push_back({section.index, relocation.offset, code});
    }
  }
  for (auto& [section, rows] : table.rows)
    std::ranges::stable_sort(rows, {}, [](const Row& row) { return row.code; });
  return table;
}

// Each entry begins with a field about code of the object, and all have as many fields.
bool TableComparer::is_well_formed(const Section& section, std::uint32_t entry_size) const {
  if (entry_size == 0 || section.size % entry_size != 0) return false;
  const std::uint64_t count = section.size / entry_size;
  const auto begins = std::ranges::count_if(section.relocations, [&](const Relocation& relocation) {
    const Symbol& symbol = object_.symbol(relocation.symbol);
    return relocation.offset.value() % entry_size == 0 && symbol.defined() &&
           object_.section(symbol.section).is_code() &&
           symbol.value + static_cast<std::uint64_t>(relocation.addend) <
               object_.section(symbol.section).size;
  });
  const std::uint64_t fields = section.relocations.size() / count;
  if (static_cast<std::uint64_t>(begins) != count || section.relocations.size() % count != 0)
    return false;
  // struct bug_entry: its pointers, and two numbers of 16 bits.
  return section.name != "__bug_table" || entry_size == 4 * fields + 4;
}

std::optional<Difference> TableComparer::compare(const ComparedCode& code,
                                                 const Comparison& comparison, Trial& trial) const {
  for (const ObjectTable& table : tables_)
    if (auto difference = compare_table(table, code, comparison, trial)) return difference;
  return std::nullopt;
}

std::optional<Difference> TableComparer::compare_table(const ObjectTable& table,
                                                       const ComparedCode& code,
                                                       const Comparison& comparison,
                                                       Trial& trial) const {
  const std::string_view name = table.kind.section;
  const auto own = table.rows.find(code.section);
  const std::vector<Row> none;
  const std::vector<Row>& rows = own == table.rows.end() ? none : own->second;
  if (!table.well_formed)
    return Difference{{}, 0, fmt::format("the object's {} is not of a form that is known", name)};
  // Of how many bytes entries are, only the object tells; and static calls are listed by objtool,
  // which may have run on the kernel and not yet on the object.
  if (table.entry_size == 0 || (!table.present && table.kind.kind == Kind::static_call))
    return std::nullopt;
  const auto there = code_table(image_, code.owner, name, table.entry_size);
  const auto differs = [&](SectionOffset at, std::string reason) {
    return Difference{at, comparison.run_offset(at), std::move(reason)};
  };
  if (!there) {
    if (rows.empty() || (table.kind.kind == Kind::alternative && image_.live()))
      return std::nullopt;
    // Each branch of an update may have been decided (sealed_keys.h): then it has no such section.
    if (code.of_update && table.kind.kind == Kind::static_key) return std::nullopt;
    return differs(rows[0].code,
                   fmt::format("the kernel's {} of {} cannot be found", name, code.owner));
  }
  const auto entries = there->about(code.address, code.address + comparison.run.size());
  auto entry = entries.begin();
  for (const Row& row : rows) {
    const RunAddress at = code.address + comparison.run_offset(row.code);
    if (entry != entries.end() && entry->code < at) break;
    if (entry == entries.end() || entry->code != at) {
      if (code.of_update && table.kind.kind == Kind::static_key) continue;
      return differs(row.code, fmt::format("the kernel's {} has no entry about it", name));
    }
    const Pair pair{table, row, there->address(*entry), there->bytes(*entry), code, comparison};
    if (auto reason = compare_entry(pair, trial))
      return differs(row.code, fmt::format("{} ({})", *reason, name));
    ++entry;
  }
  if (entry == entries.end()) return std::nullopt;
  const std::uint64_t at = entry->code - code.address;
  return Difference{
      SectionOffset(at), at,
      fmt::format("the kernel's {} has an entry about it, the object has none", name)};
}

TableComparer::Reason TableComparer::compare_entry(const Pair& pair, Trial& trial) const {
  switch (pair.table.kind.kind) {
    case Kind::static_key:
      return compare_static_key(pair, trial);
    case Kind::static_call:
      return compare_static_call(pair, trial);
    case Kind::exception:
      return compare_exception(pair, trial);
    case Kind::bug:
      return compare_bug(pair);
    case Kind::alternative:
      return compare_alternative(pair, trial);
  }
  return std::nullopt;
}

const Relocation* TableComparer::relocation_at(const Row& row, std::uint64_t at) const {
  const auto found = object_.relocations_in(row.table, row.entry + at, row.entry + at + 1);
  return found.size() == 1 ? &found[0] : nullptr;
}

Bytes TableComparer::pre_bytes(const Pair& pair) const {
  return object_.section(pair.row.table)
      .bytes.subspan(pair.row.entry.value(), pair.table.entry_size);
}

TableComparer::Reason TableComparer::leads_there(const Pair& pair, std::uint64_t at,
                                                 Trial& trial) const {
  const Relocation* relocation = relocation_at(pair.row, at);
  const auto distance = load<std::int32_t>(pair.run, at);
  if (relocation == nullptr || relocation_width(relocation->type) != 4U || !distance)
    return "the object's entry is not of a form that is known";
  const Symbol& symbol = object_.symbol(relocation->symbol);
  if (!symbol.defined() || !object_.section(symbol.section).is_code()) return "it leads to no code";
  if (symbol.section != pair.code.section || (symbol.is_weak() && !symbol.is_section()))
    return trial.prove(*relocation, pair.run.subspan(at, 4), pair.address + at, pair.row.table,
                       relocation->offset);
  // Inside the code itself, whose layout may differ.
  const RunAddress target = pair.address + at + static_cast<std::uint64_t>(std::int64_t{*distance});
  const SectionOffset pre = symbol.value + static_cast<std::uint64_t>(relocation->addend);
  if (pair.comparison.is_same_place(pre, target - pair.code.address)) return std::nullopt;
  return fmt::format("it leads to {} and not to +{}", image_.symbols().describe(target), pre);
}

TableComparer::Reason TableComparer::leads_to_key(const Pair& pair, std::uint64_t at,
                                                  Trial& trial) const {
  const Relocation* relocation = relocation_at(pair.row, at);
  const unsigned width = relocation == nullptr ? 0 : relocation_width(relocation->type).value_or(0);
  const auto word = load<std::int32_t>(pair.run, at);
  if (width < sizeof *word || !word || at + width > pair.run.size())
    return "the object's entry is not of a form that is known";
  // The kernel writes to a key; a trampoline stands for its key.
  const Symbol& symbol = object_.symbol(relocation->symbol);
  if (symbol.defined() && !object_.section(symbol.section).is_writable() &&
      !symbol.name.starts_with(kTrampoline))
    return "its key is no variable";
  const auto flags = static_cast<std::uint64_t>(relocation->addend) & kFlags;
  std::vector<std::uint8_t> field(pair.run.begin() + static_cast<std::ptrdiff_t>(at),
                                  pair.run.begin() + static_cast<std::ptrdiff_t>(at + width));
  // jump_entry_key() masks the distance, __static_call_key() the address that it leads to: in a
  // module objtool's table may begin anywhere.
  const bool is_key = pair.table.kind.kind == Kind::static_key;
  const std::uint64_t base = is_key ? 0 : (pair.address + at).value();
  const std::uint64_t value = base + static_cast<std::uint64_t>(std::int64_t{*word});
  if (((value ^ flags) & kMeaning) != 0)
    return is_key ? "the branch goes the other way" : "a call is a tail call on one side";
  // In the distance of a key only the lowest bits change.
  const auto proved = static_cast<std::uint32_t>(((value & ~kFlags) | flags) - base);
  std::memcpy(field.data(), &proved, sizeof proved);
  return trial.prove(*relocation, field, pair.address + at, pair.row.table, relocation->offset);
}

TableComparer::Reason TableComparer::compare_static_key(const Pair& pair, Trial& trial) const {
  if (auto reason = leads_there(pair, kSecond, trial)) return reason;
  return leads_to_key(pair, kThird, trial);
}

// In a module the key is the trampoline until static_call_add_module() has found the key, where that
// is not exported (create_static_call_sections() in tools/objtool/check.c).
TableComparer::Reason TableComparer::compare_static_call(const Pair& pair, Trial& trial) const {
  const Relocation* relocation = relocation_at(pair.row, kSecond);
  const auto field = load<std::int32_t>(pair.run, kSecond);
  if (relocation != nullptr && field) {
    const std::string& name = object_.symbol(relocation->symbol).name;
    const std::uint64_t value =
        (pair.address + kSecond + static_cast<std::uint64_t>(std::int64_t{*field})).value();
    const RunAddress key(value & ~kFlags);
    const bool same_kind =
        ((value ^ static_cast<std::uint64_t>(relocation->addend)) & kMeaning) == 0;
    if (same_kind && name.starts_with(kTrampoline)) {
      const std::string key_name = "__SCK__" + name.substr(kTrampoline.size());
      for (const KernelSymbol& symbol : image_.symbols().all_at(key))
        if (symbol.name == key_name) return std::nullopt;
    }
  }
  return leads_to_key(pair, kSecond, trial);
}

TableComparer::Reason TableComparer::compare_exception(const Pair& pair, Trial& trial) const {
  if (auto reason = leads_there(pair, kSecond, trial)) return reason;
  if (first_difference(pre_bytes(pair).subspan(kThird), pair.run.subspan(kThird)))
    return "a fault there is handled in another way";
  return std::nullopt;
}

TableComparer::Reason TableComparer::compare_bug(const Pair& pair) const {
  const bool with_file = relocation_at(pair.row, kSecond) != nullptr;
  const std::uint64_t at = with_file ? pair.table.entry_size - 2 : kSecond;
  const auto pre = load<std::uint16_t>(pre_bytes(pair), at);
  const auto run = load<std::uint16_t>(pair.run, at);
  if (!pre || !run) return "the object's entry is not of a form that is known";
  if (((*pre ^ *run) & ~kBugDone) == 0) return std::nullopt;
  return fmt::format("the trap has flags {:#x} and not {:#x}", *run, *pre);
}

// apply_alternatives() evens out the lengths of entries about one place, so a running kernel's are
// not the object's. What a replacement holds is rewritten at boot as code is, and compared on disk.
TableComparer::Reason TableComparer::compare_alternative(const Pair& pair, Trial& trial) const {
  const Bytes pre = pre_bytes(pair);
  const std::uint64_t lengths = pre.size() - 2;
  if (first_difference(pre.subspan(kThird, lengths - kThird),
                       pair.run.subspan(kThird, lengths - kThird)))
    return "it is for other processors";
  if (pre[lengths + 1] != pair.run[lengths + 1] ||
      (!image_.live() && pre[lengths] != pair.run[lengths]))
    return "it has another length";
  const Relocation* relocation = relocation_at(pair.row, kSecond);
  const std::uint8_t size = pre[lengths + 1];
  if (relocation == nullptr) return "the object's entry is not of a form that is known";
  if (size == 0 || image_.live()) return std::nullopt;
  if (auto reason = trial.prove(*relocation, pair.run.subspan(kSecond, 4), pair.address + kSecond,
                                pair.row.table, relocation->offset))
    return reason;
  const auto distance = *load<std::int32_t>(pair.run, kSecond);
  const RunAddress other =
      pair.address + kSecond + static_cast<std::uint64_t>(std::int64_t{distance});
  const Symbol& symbol = object_.symbol(relocation->symbol);
  const SectionOffset begin = symbol.value + static_cast<std::uint64_t>(relocation->addend);
  std::vector<std::uint8_t> run(size);
  if (!symbol.defined() ||
      !inside(begin.value(), size, object_.section(symbol.section).bytes.size()) ||
      !image_.read(other, run))
    return "its replacement cannot be read";
  const auto differs = compare_stretch(
      object_, symbol.section, begin, begin + size, run,
      [&](const Relocation& field, Bytes bytes, std::uint64_t at) {
        return trial.prove(field, bytes, other + at, symbol.section, SectionOffset(begin + at));
      });
  if (!differs) return std::nullopt;
  return differs->reason.empty() ? "its replacement differs" : differs->reason;
}

}  // namespace splicer
