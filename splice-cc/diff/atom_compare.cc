// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/diff/atom_compare.h"

#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <set>

namespace splicer {

namespace {

const char* thing(AtomKind kind) { return kind == AtomKind::code ? "code" : "content"; }

// What a reference into a section of strings and constants that the linker merges means: the string
// up to its NUL, or the constant.
std::optional<Bytes> merged_content(const Section& section, std::int64_t into) {
  const auto at = static_cast<std::uint64_t>(into);
  if (into < 0 || at >= section.bytes.size()) return std::nullopt;
  if ((section.flags & SHF_STRINGS) != 0) {
    const auto from = section.bytes.begin() + into;
    const auto nul = std::find(from, section.bytes.end(), std::uint8_t{0});
    return section.bytes.subspan(at, static_cast<std::size_t>(nul - from));
  }
  const std::uint64_t unit = std::max<std::uint64_t>(section.entsize, 1);
  const std::uint64_t end = std::min<std::uint64_t>(at / unit * unit + unit, section.bytes.size());
  return section.bytes.subspan(at, end - at);
}

// A string for people: in quotes, on one line, not too long.
std::string quoted(Bytes text) {
  constexpr std::size_t kMost = 40;
  std::string out = "\"";
  for (const std::uint8_t byte : text.first(std::min(text.size(), kMost))) {
    if (byte == '\n') {
      out += "\\n";
    } else if (byte == '\t') {
      out += "\\t";
    } else if (byte == '"' || byte == '\\') {
      out += {'\\', static_cast<char>(byte)};
    } else if (byte < 0x20 || byte > 0x7e) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += static_cast<char>(byte);
    }
  }
  return out + (text.size() > kMost ? "...\"" : "\"");
}

std::vector<Reference> references_between(const Atom& atom, std::uint64_t begin,
                                          std::uint64_t end) {
  std::vector<Reference> found;
  for (Reference reference : atom.references) {
    if (reference.offset < begin || reference.offset >= end) continue;
    reference.offset -= begin;
    found.push_back(reference);
  }
  return found;
}

}  // namespace

bool AtomComparer::is_own_content(const Reference& reference) const {
  const Atom& target = unit_.post->at(reference.atom);
  if (target.kind == AtomKind::merged || target.kind == AtomKind::anonymous) return true;
  // A function's own constant without pointers (__func__) is what it holds; where the kernel has
  // its copy, no code may tell.
  if (target.kind == AtomKind::read_only)
    return target.references.empty() && !unnumbered(target.name).empty();
  if (target.kind != AtomKind::code) return false;
  if (is_cold(target.name)) return true;
  // A reference to a function's entry means the function; any other place in code means that code.
  return std::none_of(target.symbols.begin(), target.symbols.end(), [&](std::uint32_t index) {
    const Symbol& symbol = unit_.post->object().symbol(index);
    return symbol.value == target.begin + static_cast<std::uint64_t>(reference.into) &&
           (symbol.is_function() || !symbol.is_local());
  });
}

std::optional<std::string> AtomComparer::difference(std::uint32_t pre, std::uint32_t post) {
  const auto [place, is_new] = known_.emplace(std::pair{pre, post}, std::nullopt);
  // A function and its out-of-line part refer to each other: while one is being compared it counts
  // as equal, and if it is not, the other is found different through it or not at all.
  if (!is_new) return place->second;
  auto what = compare(pre, post);
  known_[{pre, post}] = what;
  return what;
}

std::optional<std::string> AtomComparer::compare(std::uint32_t pre, std::uint32_t post) {
  const Atom& a = unit_.pre->at(pre);
  const Atom& b = unit_.post->at(post);
  if (a.size != b.size)
    return fmt::format("its {} was {} bytes long and is {}", thing(b.kind), a.size, b.size);
  return difference_in(pre, post, {0, 0, a.size}, true);
}

std::optional<std::string> AtomComparer::difference_in(std::uint32_t pre, std::uint32_t post,
                                                       const AtomStretch& stretch,
                                                       bool with_entries) {
  const Atom& a = unit_.pre->at(pre);
  const Atom& b = unit_.post->at(post);
  const auto before = references_between(a, stretch.pre_begin, stretch.pre_begin + stretch.size);
  const auto after = references_between(b, stretch.post_begin, stretch.post_begin + stretch.size);
  const auto empty = [](Bytes bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
  };
  const Bytes old_bytes = unit_.pre->bytes(a);
  const Bytes new_bytes = unit_.post->bytes(b);
  std::uint64_t where = 0;
  if (old_bytes.empty() || new_bytes.empty()) {  // .bss: zeros
    if (!empty(old_bytes) || !empty(new_bytes) || before.size() != after.size())
      return std::string("it was or is all zeros");
    return std::nullopt;
  }
  if (before.size() == after.size()) {
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (before[i].offset != after[i].offset || before[i].type != after[i].type) break;
      if (same_reference(before[i], after[i])) continue;
      return reference_difference(before[i], after[i]);
    }
  }
  const auto fields = [](const std::vector<Reference>& references) {
    std::vector<std::pair<std::uint64_t, std::uint32_t>> list;
    list.reserve(references.size());
    for (const Reference& reference : references)
      list.emplace_back(reference.offset, reference.type);
    return list;
  };
  if (fields(before) != fields(after) ||
      !same_bytes(old_bytes, new_bytes, stretch, before, &where)) {
    same_bytes(old_bytes, new_bytes, stretch, {}, &where);
    return fmt::format("its {} differs from +{:#x} on", thing(b.kind), where);
  }
  std::string table;
  if (with_entries && !same_entries(pre, post, stretch, &table))
    return fmt::format("its entries in {} differ", table);
  return std::nullopt;
}

std::string AtomComparer::reference_difference(const Reference& before,
                                               const Reference& after) const {
  const auto name = [](const AtomTable& table, const Reference& reference) {
    return reference.undefined ? table.object().symbol(reference.symbol).name
                               : table.at(reference.atom).name;
  };
  const auto text = [](const AtomTable& table, const Reference& reference) -> std::optional<Bytes> {
    if (reference.undefined || table.at(reference.atom).kind != AtomKind::merged)
      return std::nullopt;
    const Section& section = table.object().section(table.at(reference.atom).section);
    if ((section.flags & SHF_STRINGS) == 0) return std::nullopt;
    return merged_content(section, reference.into);
  };
  const auto was = text(*unit_.pre, before);
  const auto is = text(*unit_.post, after);
  if (was && is)
    return fmt::format("a string that it uses changed: {} -> {}", quoted(*was), quoted(*is));
  const std::string old_name = name(*unit_.pre, before);
  const std::string new_name = name(*unit_.post, after);
  if (old_name == new_name)
    return fmt::format("what it uses of {} at +{:#x} changed", new_name, after.offset);
  return fmt::format("it refers to {} at +{:#x}, where it referred to {}", new_name, after.offset,
                     old_name);
}

bool AtomComparer::same_bytes(Bytes before, Bytes after, const AtomStretch& stretch,
                              const std::vector<Reference>& references, std::uint64_t* where) {
  auto field = references.begin();
  for (std::uint64_t i = 0; i < stretch.size;) {
    if (field != references.end() && i == field->offset) {
      i += relocation_width(field->type).value_or(0);
      ++field;
      continue;
    }
    if (stretch.pre_begin + i >= before.size() || stretch.post_begin + i >= after.size() ||
        before[stretch.pre_begin + i] != after[stretch.post_begin + i]) {
      *where = i;
      return false;
    }
    ++i;
  }
  return true;
}

bool AtomComparer::same_reference(const Reference& a, const Reference& b) {
  if (a.undefined != b.undefined) return false;
  if (a.undefined)
    return a.addend == b.addend &&
           unit_.pre->object().symbol(a.symbol).name == unit_.post->object().symbol(b.symbol).name;
  const Atom& before = unit_.pre->at(a.atom);
  const Atom& after = unit_.post->at(b.atom);
  if (before.kind != after.kind) return false;
  if (after.kind == AtomKind::merged) return same_merged(*unit_.pre, a, *unit_.post, b);
  // In code of several functions an entry is where the function now begins.
  if (a.into != b.into && !is_same_entry(before, a, after, b)) return false;
  const auto twin = unit_.twins->pre_of(b.atom);
  if (after.kind == AtomKind::anonymous) return !difference(a.atom, b.atom);
  if (!twin || *twin != a.atom) {
    // Without twins: constants are what they hold.
    return after.kind == AtomKind::read_only && !twin && !unit_.twins->post_of(a.atom) &&
           !difference(a.atom, b.atom);
  }
  if (is_placed(b.atom)) return true;
  if (after.kind == AtomKind::read_only || is_own_content(b)) return !difference(a.atom, b.atom);
  return true;
}

bool AtomComparer::is_same_entry(const Atom& before, const Reference& a, const Atom& after,
                                 const Reference& b) const {
  const auto entries = [](const ElfObject& object, const Atom& atom, std::int64_t into) {
    std::set<std::string> names;
    for (const std::uint32_t index : atom.symbols) {
      const Symbol& symbol = object.symbol(index);
      if (symbol.is_function() && symbol.value == atom.begin + static_cast<std::uint64_t>(into))
        names.insert(symbol.name);
    }
    return names;
  };
  const std::set<std::string> names = entries(unit_.pre->object(), before, a.into);
  return after.kind == AtomKind::code && !names.empty() &&
         names == entries(unit_.post->object(), after, b.into);
}

bool AtomComparer::same_merged(const AtomTable& before, const Reference& a, const AtomTable& after,
                               const Reference& b) {
  const Section& old_section = before.object().section(before.at(a.atom).section);
  const Section& new_section = after.object().section(after.at(b.atom).section);
  if (old_section.entsize != new_section.entsize ||
      ((old_section.flags ^ new_section.flags) & SHF_STRINGS) != 0)
    return false;
  const auto was = merged_content(old_section, a.into);
  const auto is = merged_content(new_section, b.into);
  return was && is && std::equal(was->begin(), was->end(), is->begin(), is->end());
}

bool AtomComparer::same_entries(std::uint32_t pre, std::uint32_t post, const AtomStretch& stretch,
                                std::string* table) {
  const auto& before = unit_.pre_tables->of(pre);
  const auto& after = unit_.post_tables->of(post);
  const auto name = [](const AtomTable& atoms, const TableEntry& entry) {
    return atoms.object().section(entry.section).name;
  };
  std::map<std::string, std::vector<const TableEntry*>> old_tables;
  std::map<std::string, std::vector<const TableEntry*>> new_tables;
  const auto inside = [&stretch](const TableEntry& entry, std::uint64_t begin) {
    const auto place = static_cast<std::uint64_t>(entry.references[0].into);
    return place >= begin && place - begin < std::max<std::uint64_t>(stretch.size, 1);
  };
  for (const TableEntry& entry : before)
    if (inside(entry, stretch.pre_begin)) old_tables[name(*unit_.pre, entry)].push_back(&entry);
  for (const TableEntry& entry : after)
    if (inside(entry, stretch.post_begin)) new_tables[name(*unit_.post, entry)].push_back(&entry);
  for (const auto& [which, entries] : new_tables) old_tables.try_emplace(which);
  for (const auto& [which, entries] : old_tables) {
    const auto& others = new_tables[which];
    *table = which;
    if (entries.size() != others.size()) return false;
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (!same_entry(*entries[i], *others[i], stretch)) return false;
  }
  return true;
}

bool AtomComparer::same_entry(const TableEntry& a, const TableEntry& b,
                              const AtomStretch& stretch) {
  const Section& old_table = unit_.pre->object().section(a.section);
  const Section& new_table = unit_.post->object().section(b.section);
  if (a.size != b.size || a.references.size() != b.references.size()) return false;
  const auto line = line_field(new_table, b);
  std::vector<bool> skip(a.size, false);
  for (std::uint64_t i = line.first; i < line.second && i < a.size; ++i) skip[i] = true;
  for (std::size_t i = 0; i < a.references.size(); ++i) {
    const Reference& x = a.references[i];
    const Reference& y = b.references[i];
    if (x.offset != y.offset || x.type != y.type) return false;
    for (std::uint64_t k = 0; k < relocation_width(x.type).value_or(0); ++k)
      if (x.offset + k < a.size) skip[x.offset + k] = true;
    // What an entry says about its owner, and about code in general, is a place in atoms that are
    // compared anyway.
    const bool code = !x.undefined && !y.undefined &&
                      unit_.pre->at(x.atom).kind == AtomKind::code &&
                      unit_.post->at(y.atom).kind == AtomKind::code;
    if (i == 0 || code) {
      // Counted from the stretch, where it is about the stretch itself.
      const bool own = x.atom == a.references[0].atom;
      const auto from = static_cast<std::int64_t>(own ? stretch.pre_begin : 0);
      const auto new_from = static_cast<std::int64_t>(own ? stretch.post_begin : 0);
      if (x.into - from != y.into - new_from || x.undefined != y.undefined) return false;
      if (i != 0 && unit_.twins->pre_of(y.atom) != x.atom) return false;
    } else if (is_alternatives(old_table)) {
      continue;  // the replacement, below
    } else if (!same_reference(x, y)) {
      return false;
    }
  }
  for (std::uint64_t i = 0; i < a.size; ++i)
    if (!skip[i] && old_table.bytes[a.begin + i] != new_table.bytes[b.begin + i]) return false;
  if (a.other_size != b.other_size) return false;
  if (a.other_size == 0) return true;
  const Section& old_other = unit_.pre->object().section(a.other_section);
  const Section& new_other = unit_.post->object().section(b.other_section);
  if (!is_alternatives(old_table))
    return std::equal(
        old_other.bytes.begin() + static_cast<std::ptrdiff_t>(a.other_begin),
        old_other.bytes.begin() + static_cast<std::ptrdiff_t>(a.other_begin + a.other_size),
        new_other.bytes.begin() + static_cast<std::ptrdiff_t>(b.other_begin));
  const std::uint32_t old_atom = a.references[1].atom;
  const std::uint32_t new_atom = b.references[1].atom;
  return !difference_in(old_atom, new_atom,
                        {a.other_begin - unit_.pre->at(old_atom).begin,
                         b.other_begin - unit_.post->at(new_atom).begin, a.other_size},
                        false);
}

}  // namespace splicer
