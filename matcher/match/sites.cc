// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/match/sites.h"

#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>

namespace splicer {

namespace {

Failure malformed(const ElfObject& object, const Section& table, SectionOffset offset,
                  const char* what) {
  return fail(ExitCode::error, "site-table-malformed",
              fmt::format("{}+{}: {}", table.name, offset, what))
      .at_file(object.name())
      .hint("the object is damaged, or was built for a kernel whose tables Splice does not know");
}

// Where a relocation of a table points, if that is inside the object.
std::optional<Place> target_of(const ElfObject& object, const Relocation& relocation) {
  const Symbol& symbol = object.symbol(relocation.symbol);
  if (!symbol.defined()) return std::nullopt;
  const SectionOffset offset = symbol.value + static_cast<std::uint64_t>(relocation.addend);
  if (offset > object.section(symbol.section).size) return std::nullopt;
  return Place{symbol.section, offset};
}

bool cuts_a_field(const ElfObject& object, std::uint32_t section,
                  const std::vector<SiteGroup>& groups) {
  auto group = groups.begin();
  for (const Relocation& relocation : object.section(section).relocations) {
    const SectionOffset end = relocation.offset + relocation_width(relocation.type).value_or(0);
    while (group != groups.end() && group->end <= relocation.offset) ++group;
    if (group == groups.end()) break;
    if (end > group->begin && (relocation.offset < group->begin || end > group->end)) return true;
  }
  return false;
}

// Collects sites section by section before they are grouped.
class Collector {
 public:
  explicit Collector(const ElfObject& object) : object_(object) {}

  Result<void> run() {
    for (const Section& table : object_.sections()) {
      const KernelSection* row = kernel_section(table.name);
      if (row == nullptr || !row->site || table.size == 0 || table.is_nobits()) continue;
      if (auto done = read(table, *row); !done) return done;
    }
    return {};
  }

  std::map<std::uint32_t, std::vector<Site>> take() { return std::move(sites_); }

 private:
  Result<void> read(const Section& table, const KernelSection& row) {
    switch (*row.site) {
      case SiteKind::alternative:
        return alternatives(table);
      case SiteKind::paravirt:
        return paravirt(table);
      case SiteKind::static_key:
        return static_keys(table, row);
      case SiteKind::static_call:
        if (row.role == SectionRole::table) return static_calls(table, row);
        static_call_trampolines(table);
        return {};
      default:
        return one_relocation_each(table, row);
    }
  }

  // Does the table consist of entries as its row says?
  static bool fits(const Section& table, const KernelSection& row) {
    return table.size % row.entry_size == 0 &&
           table.relocations.size() == table.size / row.entry_size * row.relocations;
  }

  // Byte of the code at `place`, or nullopt outside the section.
  std::optional<std::uint8_t> byte_at(Place place) const {
    const Bytes bytes = object_.section(place.section).bytes;
    if (place.offset >= bytes.size()) return std::nullopt;
    return bytes[place.offset.value()];
  }

  Result<void> add(const Section& table, SectionOffset entry, Place place, Site site) {
    if (place.offset + site.length > object_.section(place.section).bytes.size())
      return malformed(object_, table, entry, "the site runs over the end of its section");
    site.offset = place.offset;
    sites_[place.section].push_back(site);
    return {};
  }

  // Bytes of the instruction that a site stands for, told from its opcode. The kernel decodes the
  // instruction in memory (arch_jump_entry_size, apply_retpolines, apply_returns), and these are
  // all the forms that objtool lists.
  std::optional<std::uint32_t> length_of(SiteKind kind, Place place) const {
    const auto first = byte_at(place);
    if (!first) return std::nullopt;
    switch (kind) {
      case SiteKind::ftrace:
        return 5;
      case SiteKind::lock_prefix:
        return *first == 0xf0 ? std::optional<std::uint32_t>(1) : std::nullopt;
      case SiteKind::endbr:
        return 4;
      case SiteKind::static_key:
        if (*first == 0xeb || *first == 0x66) return 2;
        if (*first == 0xe9 || *first == 0x0f) return 5;
        return std::nullopt;
      case SiteKind::static_call:
        if (*first == 0xe8 || *first == 0xe9) return 5;
        if (*first == 0x0f) return 6;  // jcc rel32
        return std::nullopt;
      case SiteKind::retpoline:
        if (*first == 0xe8 || *first == 0xe9) return 5;
        if (*first == 0x2e || *first == 0x0f) return 6;  // cs prefix; jcc rel32
        return std::nullopt;
      case SiteKind::return_thunk:
        return *first == 0xe9 ? std::optional<std::uint32_t>(5) : std::nullopt;
      default:
        return std::nullopt;
    }
  }

  Result<void> one_relocation_each(const Section& table, const KernelSection& row) {
    const SiteKind kind = *row.site;
    if (!fits(table, row))
      return malformed(object_, table, SectionOffset(), "its size does not fit its relocations");
    for (const Relocation& relocation : table.relocations) {
      const auto place = target_of(object_, relocation);
      if (!place) return malformed(object_, table, relocation.offset, "it points nowhere");
      // alternatives_smp_lock() and its twin look at the first byte, and leave alone a lock prefix
      // behind another one (cmpxchg of 16 bits).
      if (kind == SiteKind::lock_prefix && byte_at(*place) == 0x66 &&
          byte_at({place->section, place->offset + 1}) == 0xf0)
        continue;
      Site site;
      site.kind = kind;
      if (kind == SiteKind::constant) {  // it ends an instruction, wherever that begins
        site.length = row.constant_width;
        site.variable = constant_variable(table.name);
      } else if (const auto length = length_of(kind, *place)) {
        site.length = *length;
      } else {
        return malformed(object_, table, relocation.offset, "unexpected instruction");
      }
      if (auto done = add(table, relocation.offset, *place, site); !done) return done;
    }
    return {};
  }

  // struct alt_instr: s32 instr_offset, s32 repl_offset, flags of 2 or 4 bytes, u8 instrlen,
  // u8 replacementlen (asm/alternative.h). The two lengths are the entry's last bytes, whatever the
  // flags' size; an entry without replacement has the relocation all the same. Entries about one
  // place that follow each other (nested ALTERNATIVE()s) all have the greatest of their lengths, as
  // apply_alternatives() gives them.
  Result<void> alternatives(const Section& table) {
    const std::vector<Relocation>& relocations = table.relocations;
    const std::size_t count = relocations.size() / 2;
    if (count == 0 || relocations.size() % 2 != 0 || table.size % count != 0)
      return malformed(object_, table, SectionOffset(), "its size does not fit its relocations");
    const std::uint64_t entry_size = table.size / count;
    if (entry_size < 12)
      return malformed(object_, table, SectionOffset(), "its entries are too short");
    const auto length_at = [&](std::size_t i) { return table.bytes[(i + 1) * entry_size - 2]; };
    std::vector<std::uint32_t> lengths(count);
    for (std::size_t i = 0, next = 0; i < count; i = next) {
      const auto same_place = [&](std::size_t other) {
        return relocations[2 * other].symbol == relocations[2 * i].symbol &&
               relocations[2 * other].addend == relocations[2 * i].addend;
      };
      std::uint32_t longest = 0;
      for (next = i; next < count && same_place(next); next++)
        longest = std::max<std::uint32_t>(longest, length_at(next));
      std::fill(lengths.begin() + static_cast<std::ptrdiff_t>(i),
                lengths.begin() + static_cast<std::ptrdiff_t>(next), longest);
    }
    for (std::size_t i = 0; i < count; i++) {
      const std::uint64_t at = i * entry_size;
      const SectionOffset entry(at);
      const Relocation& code = relocations[2 * i];
      const Relocation& replacement = relocations[2 * i + 1];
      if (code.offset != entry || replacement.offset != entry + 4)
        return malformed(object_, table, entry, "its relocations are not where they belong");
      const auto place = target_of(object_, code);
      const auto other = target_of(object_, replacement);
      if (!place || !other) return malformed(object_, table, entry, "it points nowhere");
      Site site;
      site.kind = SiteKind::alternative;
      site.length = lengths[i];
      // ALT_FLAG_DIRECT_CALL, in the upper half of flags of 4 bytes.
      site.direct_call = entry_size >= 14 && (table.bytes[at + 10] & 2) != 0;
      site.replacement = *other;
      site.replacement_length = table.bytes[at + entry_size - 1];
      if (site.replacement_length > site.length ||
          other->offset + site.replacement_length > object_.section(other->section).bytes.size())
        return malformed(object_, table, entry, "its replacement does not fit");
      if (auto done = add(table, entry, *place, site); !done) return done;
    }
    return {};
  }

  // struct paravirt_patch_site: u8 *instr, u8 type, u8 len, padded to 16 (asm/paravirt_types.h).
  Result<void> paravirt(const Section& table) {
    for (const Relocation& relocation : table.relocations) {
      if (relocation.offset + 10 > table.bytes.size())
        return malformed(object_, table, relocation.offset, "it is cut short");
      const auto place = target_of(object_, relocation);
      if (!place) return malformed(object_, table, relocation.offset, "it points nowhere");
      Site site;
      site.kind = SiteKind::paravirt;
      site.paravirt_slot = table.bytes[relocation.offset.value() + 8];
      site.length = table.bytes[relocation.offset.value() + 9];
      if (auto done = add(table, relocation.offset, *place, site); !done) return done;
    }
    return {};
  }

  // struct jump_entry: s32 code, s32 target, long key, each relative to itself
  // (linux/jump_label.h).
  Result<void> static_keys(const Section& table, const KernelSection& row) {
    if (!fits(table, row))
      return malformed(object_, table, SectionOffset(), "its size does not fit its relocations");
    for (std::size_t i = 0; i < table.relocations.size(); i += row.relocations) {
      const Relocation& code = table.relocations[i];
      const Relocation& target = table.relocations[i + 1];
      const auto place = target_of(object_, code);
      if (!place || !target_of(object_, target))
        return malformed(object_, table, code.offset, "it points nowhere");
      const auto length = length_of(SiteKind::static_key, *place);
      if (!length) return malformed(object_, table, code.offset, "unexpected instruction");
      Site site;
      site.kind = SiteKind::static_key;
      site.length = *length;
      site.symbol = target.symbol;
      site.addend = target.addend;
      if (auto done = add(table, code.offset, *place, site); !done) return done;
    }
    return {};
  }

  // struct static_call_site: s32 addr, s32 key (linux/static_call_types.h). The name of the key is
  // learnt from the instruction, a call or jump to __SCT__NAME.
  Result<void> static_calls(const Section& table, const KernelSection& row) {
    if (!fits(table, row))
      return malformed(object_, table, SectionOffset(), "its size does not fit its relocations");
    for (std::size_t i = 0; i < table.relocations.size(); i += row.relocations) {
      const Relocation& code = table.relocations[i];
      const auto place = target_of(object_, code);
      if (!place) return malformed(object_, table, code.offset, "it points nowhere");
      const auto length = length_of(SiteKind::static_call, *place);
      const auto calls =
          object_.relocations_in(place->section, place->offset, place->offset + length.value_or(0));
      if (!length || calls.size() != 1)
        return malformed(object_, table, code.offset, "it is not a call of a trampoline");
      Site site;
      site.kind = SiteKind::static_call;
      site.length = *length;
      site.symbol = calls[0].symbol;
      if (auto done = add(table, code.offset, *place, site); !done) return done;
    }
    return {};
  }

  // The trampolines themselves: `jmp func` or a return, then a marker
  // (ARCH_DEFINE_STATIC_CALL_TRAMP in asm/static_call.h). arch_static_call_transform() rewrites the
  // first five bytes.
  void static_call_trampolines(const Section& section) {
    for (const Symbol& symbol : object_.symbols()) {
      if (symbol.section != section.index || !symbol.name.starts_with("__SCT__") ||
          symbol.value + 5 > section.bytes.size())
        continue;
      const std::uint8_t first = section.bytes[symbol.value.value()];
      if (first != 0xe9 && first != 0xc3) continue;  // no trampoline: plain code
      Site site;
      site.kind = SiteKind::static_call;
      site.offset = symbol.value;
      site.length = 5;
      site.symbol = symbol.index;
      sites_[section.index].push_back(site);
    }
  }

  const ElfObject& object_;
  std::map<std::uint32_t, std::vector<Site>> sites_;
};

}  // namespace

const char* site_kind_name(SiteKind kind) {
  switch (kind) {
    case SiteKind::ftrace:
      return "ftrace site";
    case SiteKind::alternative:
      return "alternative";
    case SiteKind::paravirt:
      return "paravirtual call";
    case SiteKind::static_key:
      return "static key";
    case SiteKind::static_call:
      return "static call";
    case SiteKind::retpoline:
      return "retpoline";
    case SiteKind::return_thunk:
      return "return thunk";
    case SiteKind::lock_prefix:
      return "lock prefix";
    case SiteKind::endbr:
      return "endbr";
    case SiteKind::constant:
      return "runtime constant";
  }
  return "site";
}

Result<SiteTables> SiteTables::collect(const ElfObject& object) {
  Collector collector(object);
  if (auto done = collector.run(); !done) return propagate(done);

  SiteTables tables;
  tables.groups_.resize(object.sections().size());
  tables.cut_.resize(object.sections().size());
  for (auto& [section, sites] : collector.take()) {
    std::stable_sort(sites.begin(), sites.end(),
                     [](const Site& a, const Site& b) { return a.offset < b.offset; });
    std::vector<SiteGroup>& groups = tables.groups_[section];
    for (const Site& site : sites) {
      if (groups.empty() || site.offset >= groups.back().end)
        groups.push_back({site.offset, site.offset, {}});
      SiteGroup& group = groups.back();
      group.end = std::max(group.end, site.offset + site.length);
      group.sites.push_back(site);
    }
    tables.cut_[section] = cuts_a_field(object, section, groups);
  }
  return tables;
}

const std::vector<SiteGroup>& SiteTables::in(std::uint32_t section) const {
  static const std::vector<SiteGroup> none;
  return section < groups_.size() ? groups_[section] : none;
}

}  // namespace splicer
