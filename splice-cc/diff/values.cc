// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/diff/values.h"

#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <deque>

#include "splice-cc/diff/atom_compare.h"

namespace splicer {

namespace {

constexpr std::uint64_t kWord = 8;  // what a handler that is not held off reads at once

bool is_per_cpu(const AtomTable& table, const Atom& atom) {
  return table.object().section(atom.section).name.find("percpu") != std::string::npos;
}

std::vector<const Reference*> references_in(const Atom& atom, std::uint64_t begin,
                                            std::uint64_t size) {
  std::vector<const Reference*> found;
  for (const Reference& reference : atom.references)
    if (reference.offset >= begin && reference.offset < begin + size) found.push_back(&reference);
  return found;
}

// A function's entry, which lies behind the padding of its atom where the kernel calls for some
// (CONFIG_CALL_PADDING).
bool is_entry(const AtomTable& table, const Atom& code, std::int64_t into) {
  return std::ranges::any_of(code.symbols, [&](std::uint32_t index) {
    const Symbol& symbol = table.object().symbol(index);
    return symbol.value == code.begin + static_cast<std::uint64_t>(into) &&
           (symbol.is_function() || !symbol.is_local());
  });
}

// A pointer that is what a symbol of the kernel's is, or nothing but one in its place.
bool is_of_kernel(const AtomTable& table, const Reference& reference) {
  if (reference.undefined) return true;
  const Atom& target = table.at(reference.atom);
  if (target.kind == AtomKind::merged || target.kind == AtomKind::anonymous ||
      target.symbols.empty())
    return false;
  return target.kind != AtomKind::code ||
         (!is_cold(target.name) && is_entry(table, target, reference.into));
}

// Text for people, as the kernel's own names are.
bool is_printable(char c) { return c >= ' ' && c <= '~'; }

}  // namespace

std::optional<std::string> string_at(const AtomTable& table, const Reference& reference) {
  if (reference.undefined || reference.into < 0) return std::nullopt;
  const Atom& target = table.at(reference.atom);
  const Bytes bytes = table.bytes(target);
  const auto begin = static_cast<std::size_t>(reference.into);
  if (target.kind != AtomKind::merged || begin >= bytes.size()) return std::nullopt;
  const auto first = bytes.begin() + reference.into;
  const auto last = std::find(first, bytes.end(), 0);
  std::string text(first, last);
  if (last == bytes.end() || !std::ranges::all_of(text, is_printable)) return std::nullopt;
  return text;
}

namespace {

std::vector<std::uint8_t> word_of(const AtomTable& table, const Atom& atom, std::uint64_t begin,
                                  std::uint64_t size) {
  const Bytes bytes = table.bytes(atom);
  std::vector<std::uint8_t> word(size, 0);  // .bss is zeros
  if (!bytes.empty())
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(begin), size, word.begin());
  return word;
}

std::string text_of(const AtomTable& table, const Atom& atom, std::uint64_t begin,
                    std::uint64_t size) {
  const auto references = references_in(atom, begin, size);
  if (!references.empty()) {
    const Reference& first = *references.front();
    if (const auto text = string_at(table, first)) return '"' + *text + '"';
    return first.undefined ? table.object().symbol(first.symbol).name : table.at(first.atom).name;
  }
  const std::vector<std::uint8_t> word = word_of(table, atom, begin, size);
  std::uint64_t number = 0;
  for (std::size_t i = word.size(); i-- > 0;) number = number << 8 | word[i];
  return number == 0 ? "0" : fmt::format("{:#x}", number);
}

class ValueFinder {
 public:
  ValueFinder(const UnitPair& unit, AtomComparer& compare, std::uint32_t pre, std::uint32_t post)
      : unit_(unit), compare_(compare), pre_(pre), post_(post) {}

  std::optional<std::vector<UnitValue>> run() {
    const Atom& atom = unit_.post->at(post_);
    if (is_per_cpu(*unit_.post, atom) || is_per_cpu(*unit_.pre, unit_.pre->at(pre_)))
      return std::nullopt;
    std::vector<UnitValue> values;
    for (std::uint64_t at = 0; at < atom.size; at += kWord) {
      const std::uint64_t size = std::min(kWord, atom.size - at);
      if (!differs(at, size)) continue;
      if (!can_be_said(at, size)) return std::nullopt;
      UnitValue value{atom.name, pre_, post_, at, size, false, ""};
      value.what =
          fmt::format("+{:#x}: {} -> {}", at, text_of(*unit_.pre, unit_.pre->at(pre_), at, size),
                      text_of(*unit_.post, atom, at, size));
      values.push_back(std::move(value));
    }
    if (values.size() == 1 && atom.size <= kWord && atom.references.empty() &&
        unit_.pre->at(pre_).references.empty())
      values.front().is_default = atom.kind == AtomKind::writable;
    return values;
  }

 private:
  bool differs(std::uint64_t at, std::uint64_t size) {
    const Atom& before = unit_.pre->at(pre_);
    const Atom& after = unit_.post->at(post_);
    if (references_in(before, at, size).empty() && references_in(after, at, size).empty())
      return word_of(*unit_.pre, before, at, size) != word_of(*unit_.post, after, at, size);
    return compare_.difference_in(pre_, post_, {at, at, size}, false).has_value();
  }

  bool can_be_said(std::uint64_t at, std::uint64_t size) const {
    const auto before = references_in(unit_.pre->at(pre_), at, size);
    const auto after = references_in(unit_.post->at(post_), at, size);
    const bool describes = describes_only(unit_.post->at(post_).name);
    const auto is_pointer = [&](const Reference* one) {
      return one->type == R_X86_64_64 && one->offset == at && size == kWord;
    };
    return std::ranges::all_of(before,
                               [&](const Reference* one) {
                                 return is_pointer(one) &&
                                        (is_of_kernel(*unit_.pre, *one) ||
                                         (describes && string_at(*unit_.pre, *one)));
                               }) &&
           std::ranges::all_of(after, is_pointer);
  }

  const UnitPair& unit_;
  AtomComparer& compare_;
  const std::uint32_t pre_;
  const std::uint32_t post_;
};

// Who points to what, but for code.
std::vector<std::vector<std::uint32_t>> data_readers(const AtomTable& table) {
  std::vector<std::vector<std::uint32_t>> readers(table.all().size());
  for (std::uint32_t i = 0; i < table.all().size(); ++i) {
    const Atom& atom = table.at(i);
    if (atom.kind == AtomKind::code && table.role(atom) != SectionRole::init) continue;
    for (const Reference& reference : atom.references)
      if (!reference.undefined && reference.atom != i) readers[reference.atom].push_back(i);
  }
  return readers;
}

}  // namespace

bool describes_only(const std::string& name) {
  return name.starts_with("types__") || name.starts_with("args__") ||
         name.starts_with("__syscall_meta_");
}

bool has_function_pointers(const AtomTable& table, const Atom& atom) {
  return std::any_of(atom.references.begin(), atom.references.end(), [&](const Reference& r) {
    if (r.undefined) {
      const Symbol& symbol = table.object().symbol(r.symbol);
      return symbol.type == STT_FUNC || symbol.type == STT_NOTYPE;
    }
    return table.at(r.atom).kind == AtomKind::code;
  });
}

std::set<std::uint32_t> shared_constants(const UnitPair& unit) {
  const AtomTable& post = *unit.post;
  const auto readers = data_readers(post);
  std::set<std::uint32_t> shared;
  std::deque<std::uint32_t> todo;
  const auto add = [&](std::uint32_t atom) {
    if (shared.insert(atom).second) todo.push_back(atom);
  };
  const auto constant_of_pre = [&](std::uint32_t atom) {
    return post.at(atom).kind == AtomKind::read_only && is_content(post.role(post.at(atom))) &&
           unit.twins->pre_of(atom).has_value();
  };
  for (std::uint32_t i = 0; i < post.all().size(); ++i) {
    if (!constant_of_pre(i)) continue;
    const Atom& atom = post.at(i);
    const Symbol* symbol = post.symbol_at_start(atom);
    const bool seen = std::ranges::any_of(readers[i], [&](std::uint32_t reader) {
      return post.at(reader).kind == AtomKind::writable ||
             post.role(post.at(reader)) == SectionRole::init ||
             is_init_table(post.role(post.at(reader)));
    });
    if (seen || (symbol != nullptr && !symbol->is_local()) || has_function_pointers(post, atom) ||
        has_function_pointers(*unit.pre, unit.pre->at(*unit.twins->pre_of(i))))
      add(i);
  }
  // And what those point to.
  for (; !todo.empty(); todo.pop_front())
    for (const Reference& reference : post.at(todo.front()).references)
      if (!reference.undefined && constant_of_pre(reference.atom)) add(reference.atom);
  return shared;
}

std::optional<std::vector<UnitValue>> differing_values(const UnitPair& unit, AtomComparer& compare,
                                                       std::uint32_t pre, std::uint32_t post) {
  return ValueFinder(unit, compare, pre, post).run();
}

void place_constants(const UnitPair& unit, const std::set<std::uint32_t>& shared,
                     AtomComparer& compare) {
  std::set<std::uint32_t> placed;
  for (const std::uint32_t constant : shared) {
    const std::uint32_t twin = *unit.twins->pre_of(constant);
    if (unit.pre->at(twin).size == unit.post->at(constant).size &&
        compare.difference(twin, constant))
      placed.insert(constant);
  }
  // One that points to another which is placed may not differ by itself.
  compare.place(placed);
  std::erase_if(placed, [&](std::uint32_t constant) {
    return !differing_values(unit, compare, *unit.twins->pre_of(constant), constant);
  });
  compare.place(std::move(placed));
}

}  // namespace splicer
