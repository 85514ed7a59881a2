// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/references.h"

#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstring>

#include "matcher/instruction.h"

namespace splicer {

namespace {

// Deeper than any constant of the kernel refers to another, and far from the end of the stack.
constexpr unsigned kMaxDepth = 64;

bool is_merged(const Section& section) { return (section.flags & SHF_MERGE) != 0; }

}  // namespace

std::uint64_t read_field(Bytes field, std::uint32_t type) {
  std::uint64_t raw = 0;
  std::memcpy(&raw, field.data(), std::min<std::size_t>(field.size(), sizeof raw));
  switch (field.size()) {
    case 1:
      return static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int8_t>(raw)));
    case 2:
      return static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int16_t>(raw)));
    case 4:
      // psABI, table 4.9: R_X86_64_32 is zero-extended, the others are signed.
      if (type == R_X86_64_32) return raw;
      return static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int32_t>(raw)));
    default:
      return raw;
  }
}

References::References(const ElfObject& object, const Image& image, const MatchOptions& options)
    : object_(object),
      image_(image),
      options_(options),
      bindings_(object.sections().size() + object.symbols().size()),
      names_(object.sections().size()) {
  for (const Symbol& symbol : object.symbols())
    if (symbol.defined() && !symbol.is_section() && !symbol.name.empty())
      names_[symbol.section].push_back(symbol.index);
}

std::size_t References::number(Anchor anchor) const {
  return anchor.is_section ? anchor.index : object_.sections().size() + anchor.index;
}

std::optional<std::uint64_t> References::bound(Anchor anchor) const {
  return bindings_[number(anchor)];
}

std::optional<std::uint64_t> References::section_base(std::uint32_t section) const {
  return bound({true, section});
}

std::optional<std::uint64_t> References::symbol_value(std::uint32_t index) const {
  const Symbol& symbol = object_.symbol(index);
  if (symbol.absolute) return symbol.value;
  if (const auto found = bound({false, index})) return found;
  if (!symbol.defined() || symbol.is_weak()) return std::nullopt;
  const auto base = section_base(symbol.section);
  return base ? std::optional(*base + symbol.value) : std::nullopt;
}

const std::vector<std::uint64_t>& References::instructions(std::uint32_t section) const {
  const auto [place, is_new] = instructions_.try_emplace(section);
  if (!is_new) return place->second;
  // x86 code is decoded forwards only, and every function begins anew.
  const Bytes code = object_.section(section).bytes;
  std::vector<std::uint64_t> starts;
  for (const Symbol* function : object_.functions_in(section)) starts.push_back(function->value);
  auto next_start = starts.begin();
  for (std::uint64_t at = 0; at < code.size();) {
    place->second.push_back(at);
    const auto instruction = decode(code.subspan(at));
    std::uint64_t next = at + (instruction ? instruction->length : 1);
    while (next_start != starts.end() && *next_start <= at) ++next_start;
    if (next_start != starts.end()) next = std::min(next, *next_start);
    at = next;
  }
  place->second.push_back(code.size());
  return place->second;
}

std::optional<std::uint64_t> Trial::find(Anchor anchor) const {
  if (const std::uint32_t place = place_[references_.number(anchor)]; place != 0)
    return added_[place - 1].value;
  return references_.bound(anchor);
}

std::optional<std::string> Trial::agree(const std::string& name, std::uint64_t address,
                                        bool local) const {
  const SymbolTable& table = references_.image_.symbols();
  if (table.has(local ? references_.options_.target : std::string_view(), name, address))
    return std::nullopt;
  auto known = local ? table.find(references_.options_.target, name) : table.find_anywhere(name);
  const auto brought = table.find_in_updates(name);
  known.insert(known.end(), brought.begin(), brought.end());
  if (known.empty()) return std::nullopt;
  return fmt::format(
      "the code puts '{}' at {:#x}, the kernel's symbol table has it at {:#x}{}", name, address,
      known[0]->address,
      known.size() > 1 ? fmt::format(" and {} other places", known.size() - 1) : std::string());
}

std::optional<std::string> Trial::bind(Anchor anchor, std::uint64_t value) {
  if (const auto bound = find(anchor)) {
    if (*bound == value) return std::nullopt;
    const ElfObject& object = references_.object_;
    const std::string& name =
        anchor.is_section ? object.section(anchor.index).name : object.symbol(anchor.index).name;
    return fmt::format("the code puts '{}' at {:#x} here and at {:#x} elsewhere", name, value,
                       *bound);
  }
  added_.push_back({anchor, value});
  place_[references_.number(anchor)] = static_cast<std::uint32_t>(added_.size());
  return std::nullopt;
}

std::optional<std::string> Trial::bind_section(std::uint32_t section, std::uint64_t base) {
  const bool is_new = !find({true, section}).has_value();
  if (auto conflict = bind({true, section}, base)) return conflict;
  if (!is_new) return std::nullopt;
  for (const std::uint32_t index : references_.names_[section]) {
    const Symbol& symbol = references_.object_.symbol(index);
    if (symbol.is_weak()) continue;
    if (auto conflict = agree(symbol.name, base + symbol.value, true)) return conflict;
  }
  return std::nullopt;
}

std::optional<std::string> Trial::prove(const Relocation& relocation, Bytes field,
                                        std::uint64_t address, std::uint32_t origin,
                                        std::uint64_t place) {
  const ElfObject& object = references_.object_;
  const Symbol& symbol = object.symbol(relocation.symbol);
  const bool relative = relocation_is_pc_relative(relocation.type);
  const std::uint64_t sum = read_field(field, relocation.type) + (relative ? address : 0);
  const std::uint64_t value = sum - static_cast<std::uint64_t>(relocation.addend);

  if (relocation.symbol == 0 || symbol.absolute) {
    if (value == symbol.value) return std::nullopt;
    return fmt::format("an absolute value is {:#x}, expected {:#x}", value, symbol.value);
  }
  // A weak symbol may be another unit's strong one, so its section says nothing about it.
  if (!symbol.defined() || (symbol.is_weak() && !symbol.is_section())) {
    if (const bool is_new = !find({false, symbol.index}).has_value(); is_new && value != 0)
      if (auto conflict = agree(symbol.name, value, false)) return conflict;
    return bind({false, symbol.index}, value);
  }

  const Section& section = object.section(symbol.section);
  const bool constant = section.is_alloc() && !section.is_writable() && !section.is_code();
  if (constant && (symbol.is_section() || symbol.type == STT_NOTYPE)) {
    // The operand counts from the end of the instruction, the relocation from its field.
    const unsigned distance = relative && object.section(origin).is_code()
                                  ? distance_to_next_instruction(origin, place)
                                  : 0;
    const std::uint64_t offset =
        symbol.value + static_cast<std::uint64_t>(relocation.addend) + distance;
    // A label of its own (.LC40 + 10) is for an address past the end of its string: the linker
    // keeps the distance from the label, so the label's string is what must be there.
    if (is_merged(section) && !symbol.is_section())
      return same_content(symbol, symbol.value, value);
    // With -fdata-sections each named object has a section of its own, so that a reference to it,
    // past its end or before its start too, is about that object.
    if (is_merged(section) || references_.names_[symbol.section].empty())
      return same_content(symbol, offset, sum + distance);
  }

  const std::uint64_t base = value - symbol.value;
  if (const auto bound = find({true, symbol.section}); bound && section.is_code()) {
    // Code that an update replaced has two places: its symbol stays at the old entry, and what the
    // new code says about its own inside (a .cold piece that jumps back) means the new code.
    const auto redirect = references_.options_.redirects.find(*bound);
    if (redirect != references_.options_.redirects.end() && base == redirect->second.code)
      return std::nullopt;
  }
  return bind_section(symbol.section, base);
}

unsigned Trial::distance_to_next_instruction(std::uint32_t section, std::uint64_t place) const {
  const std::vector<std::uint64_t>& starts = references_.instructions(section);
  const auto next = std::upper_bound(starts.begin(), starts.end(), place);
  constexpr unsigned kNoImmediate = 4;  // the field ends the instruction
  return next == starts.end() ? kNoImmediate
                              : std::max(kNoImmediate, static_cast<unsigned>(*next - place));
}

std::optional<std::string> Trial::same_content(const Symbol& symbol, std::uint64_t offset,
                                               std::uint64_t address) {
  const Section& section = references_.object_.section(symbol.section);
  if (offset >= section.bytes.size())
    return fmt::format("it refers to {}+{:#x}, which is outside", section.name, offset);

  std::uint64_t end = section.bytes.size();
  if ((section.flags & SHF_STRINGS) != 0) {
    const auto from = section.bytes.begin() + static_cast<std::ptrdiff_t>(offset);
    const auto nul = std::find(from, section.bytes.end(), std::uint8_t{0});
    end = offset + static_cast<std::uint64_t>(nul - from) + (nul == section.bytes.end() ? 0 : 1);
  } else if (is_merged(section) && section.entsize > 0) {
    const std::uint64_t inside = offset % section.entsize;
    offset -= inside;
    address -= inside;
    end = std::min(end, offset + section.entsize);
  } else {
    // An anonymous constant ends where the next one begins, at the latest; the zeros before that
    // may be padding, which is not the constant's.
    for (const Section& other : references_.object_.sections())
      for (const Relocation& relocation : other.relocations) {
        const Symbol& target = references_.object_.symbol(relocation.symbol);
        const std::uint64_t at = target.value + static_cast<std::uint64_t>(relocation.addend);
        if (target.section == section.index && !relocation_is_pc_relative(relocation.type) &&
            at > offset && at < end)
          end = at;
      }
    while (
        end > offset + 1 && section.bytes[end - 1] == 0 &&
        references_.object_.relocations_in(section.index, end - 8 > end ? 0 : end - 8, end).empty())
      end--;
  }

  if (auto conflict = place_constant(section, offset, address)) return conflict;
  if (!compared_.insert({section.index, offset, address}).second) return std::nullopt;
  if (depth_ >= kMaxDepth) return "constants refer to each other without end";

  std::vector<std::uint8_t> run(end - offset);
  if (!references_.image_.read(address, run))
    return fmt::format("it refers to a constant at {:#x}, where nothing is mapped", address);
  std::uint64_t at = offset;
  for (const Relocation& relocation :
       references_.object_.relocations_in(section.index, offset, end)) {
    const unsigned width = relocation_width(relocation.type).value_or(0);
    if (relocation.offset < at || relocation.offset + width > end) continue;
    if (!std::equal(section.bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    section.bytes.begin() + static_cast<std::ptrdiff_t>(relocation.offset),
                    run.begin() + static_cast<std::ptrdiff_t>(at - offset)))
      return fmt::format("the constant at {:#x} is not {}+{:#x}", address, section.name, offset);
    depth_++;
    auto conflict = prove(relocation, Bytes(run).subspan(relocation.offset - offset, width),
                          address + (relocation.offset - offset), section.index, relocation.offset);
    depth_--;
    if (conflict) return conflict;
    at = relocation.offset + width;
  }
  if (!std::equal(section.bytes.begin() + static_cast<std::ptrdiff_t>(at),
                  section.bytes.begin() + static_cast<std::ptrdiff_t>(end),
                  run.begin() + static_cast<std::ptrdiff_t>(at - offset)))
    return fmt::format("the constant at {:#x} is not {}+{:#x}", address, section.name, offset);
  return std::nullopt;
}

// Equal content is not enough: code could have been led to a byte that happens to be equal now. A
// constant is read-only data of the kernel (RO_DATA() in asm-generic/vmlinux.lds.h), and the linker
// gave it one place, whoever refers to it.
std::optional<std::string> Trial::place_constant(const Section& section, std::uint64_t offset,
                                                 std::uint64_t address) {
  // Code that an update brought has its constants in the update's own module.
  if (!references_.options_.redirects.empty()) return std::nullopt;
  const SymbolTable& table = references_.image_.symbols();
  const auto begin = table.find("vmlinux", "__start_rodata");
  const auto end = table.find("vmlinux", "__end_rodata");
  if (references_.options_.target == "vmlinux" && section.name.starts_with(".rodata") &&
      begin.size() == 1 && end.size() == 1 &&
      (address < begin[0]->address || address >= end[0]->address))
    return fmt::format("it refers to a constant at {:#x}, outside the kernel's read-only data",
                       address);
  if (!is_merged(section)) return std::nullopt;
  const std::pair key{section.index, offset};
  for (const auto* places : {&merged_, &references_.merged_}) {
    const auto known = places->find(key);
    if (known == places->end()) continue;
    if (known->second == address) return std::nullopt;
    return fmt::format("{}+{:#x} is at {:#x} here and at {:#x} elsewhere", section.name, offset,
                       address, known->second);
  }
  merged_.emplace(key, address);
  added_.push_back({{true, section.index}, address, offset});
  return std::nullopt;
}

std::vector<std::uint32_t> Trial::commit() {
  std::vector<std::uint32_t> sections;
  for (const auto& [anchor, value, merged] : added_) {
    if (merged) {
      references_.merged_.emplace(std::pair{anchor.index, *merged}, value);
    } else if (auto& binding = references_.bindings_[references_.number(anchor)]; !binding) {
      binding = value;
      if (anchor.is_section) sections.push_back(anchor.index);
    }
  }
  back_to(0);
  return sections;
}

}  // namespace splicer
