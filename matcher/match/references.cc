// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/match/references.h"

#include <elf.h>
#include <emmintrin.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "matcher/elf/kernel_sections.h"
#include "matcher/match/fields.h"
#include "matcher/match/scope.h"

namespace splicer {

namespace {

// Deeper than any constant of the kernel refers to another, and far from the end of the stack.
constexpr unsigned kMaxDepth = 64;

// Are a and b equal in all bytes that are no relocated field? `relocated` is PlannedSection's.
// Sixteen bytes at a time: SSE2 is part of x86-64.
bool equal_beside_fields(const std::vector<std::uint16_t>& relocated, const std::uint8_t* a,
                         const std::uint8_t* b, std::size_t size) {
  constexpr std::size_t kBlock = sizeof(__m128i);
  constexpr unsigned kAll = 0xffff;
  const auto load = [](const std::uint8_t* at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  };
  const auto equal_bytes = [&](std::size_t at) {
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(load(a + at), load(b + at))));
  };
  if (size < kBlock) {
    for (std::size_t i = 0; i < size; i++)
      if (a[i] != b[i] && (relocated[0] >> i & 1) == 0) return false;
    return true;
  }
  // The rest that is no whole block, and some bytes before it.
  const std::size_t last = size - kBlock;
  const unsigned words = relocated[last / kBlock] | unsigned{relocated[last / kBlock + 1]}
                                                        << kBlock;
  unsigned all = equal_bytes(last) | words >> last % kBlock;
  for (std::size_t at = 0; at < last; at += kBlock) all &= equal_bytes(at) | relocated[at / kBlock];
  return (all & kAll) == kAll;
}

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

References::References(const ElfObject& object, const ReferencePlan& plan, const Image& image,
                       const MatchOptions& options)
    : object_(object),
      plan_(plan),
      image_(image),
      options_(options),
      bindings_(plan.slots()),
      known_(object.symbols().size()),
      known_bases_(object.sections().size()) {
  const auto begin = image.symbols().find("vmlinux", "__start_rodata");
  const auto end = image.symbols().find("vmlinux", "__end_rodata");
  if (begin.size() == 1 && end.size() == 1 && options.target == "vmlinux")
    read_only_ = AddressRange{begin[0]->address, end[0]->address};
  if (options.target != "vmlinux") find_module_constants();
  look_names_up();
}

// What a module's objects have in mergeable sections is in the sections of its file that are
// named like them, but for the function that gcc may put into the name of the object's:
// .rodata.str1.1 for .rodata.pie_dump.str1.1.
void References::find_module_constants() {
  const auto sections = image_.sections(options_.target);
  if (sections.empty()) return;
  for (const Section& section : object_.sections()) {
    if ((section.flags & SHF_MERGE) == 0 || !section.name.starts_with(".rodata.")) continue;
    const std::size_t kind =
        std::max(section.name.rfind(".str") + 1, section.name.rfind(".cst") + 1);
    if (kind == 0) continue;
    const auto found = sections.find(".rodata" + section.name.substr(kind - 1));
    if (found != sections.end()) module_constants_.emplace(section.index, found->second);
  }
}

std::optional<std::string> Trial::misplaced(const PlannedConstant& constant,
                                            RunAddress address) const {
  if (!update_module_.empty()) {
    const auto sections = references_.image_.sections(update_module_);
    const bool in_any = std::ranges::any_of(
        sections, [&](const auto& section) { return section.second.contains(address); });
    return sections.empty() || in_any ? std::nullopt : std::optional(update_module_);
  }
  const auto& read_only = references_.read_only_;
  if (constant.read_only && read_only && !read_only->contains(address))
    return "the kernel's read-only data";
  const auto range = references_.module_constants_.find(constant.section);
  if (range != references_.module_constants_.end() && !range->second.contains(address))
    return fmt::format("the constants of {}", references_.options_.target);
  return std::nullopt;
}

// Every name is looked for once. Where all names of a section agree on one base, that is all that
// there is to ask of it later.
void References::look_names_up() {
  for (const Symbol& symbol : object_.symbols()) {
    if (symbol.is_section() || symbol.absolute || symbol.name.empty()) continue;
    KnownName& known = known_[symbol.index];
    image_.symbols().for_each(symbol.name, [&](const KernelSymbol& found) {
      if (!in_scope(symbol, found, options_)) return;
      known.kind =
          known.kind == KnownName::Kind::nowhere ? KnownName::Kind::once : KnownName::Kind::several;
      known.address = found.address;
    });
  }
  for (const Section& section : object_.sections()) {
    KnownName& base = known_bases_[section.index];
    for (const std::uint32_t index : plan_.names(section.index)) {
      const Symbol& symbol = object_.symbol(index);
      const KnownName& known = known_[index];
      if (symbol.is_weak() || known.kind == KnownName::Kind::nowhere) continue;
      const RunAddress address = known.address - symbol.value;
      const bool agrees = base.kind == KnownName::Kind::nowhere || base.address == address;
      base = {address, agrees ? known.kind : KnownName::Kind::several};
      if (base.kind == KnownName::Kind::several) break;
    }
  }
}

std::optional<RunAddress> References::section_base(std::uint32_t section) const {
  return bound(plan_.section_slot(section));
}

std::optional<RunAddress> References::symbol_value(std::uint32_t index) const {
  const Symbol& symbol = object_.symbol(index);
  if (symbol.absolute) return *symbol.absolute;
  if (const auto found = bound(plan_.symbol_slot(index))) return found;
  if (!symbol.defined() || symbol.is_weak()) return std::nullopt;
  const auto base = section_base(symbol.section);
  return base ? std::optional(*base + symbol.value) : std::nullopt;
}

// Does a kernel that has the symbol list its name? One that lists variables lists all that there is
// (CONFIG_KALLSYMS_ALL). Not asked of a name that the compiler numbered, since an update's code has
// other numbers, nor of those that scripts/kallsyms.c leaves out (is_ignored_symbol()).
bool Trial::must_be_listed(const Symbol& symbol) const {
  const std::string& name = symbol.name;
  return references_.image_.symbols().lists_variables() && !symbol.is_weak() &&
         name.find('.') == std::string::npos && !name.starts_with("__UNIQUE_ID_") &&
         !name.starts_with("kallsyms_");
}

std::string Trial::not_listed(const Symbol& symbol) {
  return fmt::format("the code refers to '{}', which the running kernel does not list",
                     symbol.name);
}

std::optional<std::string> Trial::agree(std::uint32_t index, RunAddress address) const {
  using Kind = References::KnownName::Kind;
  const References::KnownName& only = references_.known_[index];
  if (only.kind == Kind::once && only.address == address) return std::nullopt;
  const Symbol& symbol = references_.object_.symbol(index);
  // But what is not defined here and only static elsewhere would not have been linked.
  if (only.kind == Kind::nowhere && (!symbol.undefined() || symbol.is_weak()))
    return must_be_listed(symbol) ? std::optional(not_listed(symbol)) : std::nullopt;
  const SymbolTable& table = references_.image_.symbols();
  const auto fits = [&](const KernelSymbol& kernel) {
    return in_scope(symbol, kernel, references_.options_);
  };
  // By the address, since some names stand for a thousand things but few addresses have many names.
  for (const KernelSymbol& kernel : table.all_at(address))
    if (kernel.name == symbol.name && fits(kernel)) return std::nullopt;
  std::vector<const KernelSymbol*> known = table.find_anywhere(symbol.name);
  if (known.empty())
    return must_be_listed(symbol) ? std::optional(not_listed(symbol)) : std::nullopt;
  std::erase_if(known, [&](const KernelSymbol* kernel) { return !fits(*kernel); });
  if (known.empty())
    return fmt::format("the code refers to '{}', which the kernel has for other files only",
                       symbol.name);
  return fmt::format(
      "the code puts '{}' at {}, the kernel's symbol table has it at {}{}", symbol.name, address,
      known[0]->address,
      known.size() > 1 ? fmt::format(" and {} other places", known.size() - 1) : std::string());
}

std::string Trial::conflict(std::uint32_t slot, RunAddress value) const {
  const ReferencePlan& plan = references_.plan_;
  const ElfObject& object = references_.object_;
  const std::string& name = plan.is_symbol_slot(slot) ? object.symbol(plan.symbol_of(slot)).name
                                                      : object.section(slot).name;
  return fmt::format("the code puts '{}' at {} here and at {} elsewhere", name, value,
                     references_.bindings_[slot].value);
}

std::optional<std::string> Trial::bind(std::uint32_t slot, RunAddress value) {
  References::Binding& binding = references_.bindings_[slot];
  if (binding.known)
    return binding.value == value ? std::nullopt : std::optional(conflict(slot, value));
  binding = {value, true};
  references_.open_.push_back(slot);
  return std::nullopt;
}

void Trial::back_to(std::size_t mark) {
  std::vector<std::uint32_t>& open = references_.open_;
  for (; open.size() > mark; open.pop_back()) references_.bindings_[open.back()] = {};
  compared_.clear();  // what was equal may have been so under the bindings that are gone
}

std::vector<std::uint32_t> Trial::commit() {
  std::vector<std::uint32_t> sections;
  for (const std::uint32_t slot : references_.open_)
    if (!references_.plan_.is_symbol_slot(slot) && !references_.plan_.is_constant_slot(slot))
      sections.push_back(slot);
  references_.open_.clear();
  compared_.clear();
  return sections;
}

std::optional<std::string> Trial::bind_section(std::uint32_t section, RunAddress base) {
  const std::uint32_t slot = references_.plan_.section_slot(section);
  const bool is_new = !references_.bindings_[slot].known;
  const Section& bound = references_.object_.section(section);
  if (is_new && !is_linked(bound))
    return fmt::format("the code refers to {}, which is in no kernel", bound.name);
  if (auto differs = bind(slot, base)) return differs;
  if (!is_new) return std::nullopt;
  using Kind = References::KnownName::Kind;
  const References::KnownName& known = references_.known_bases_[section];
  if (known.kind == Kind::once && known.address == base) return std::nullopt;
  for (const std::uint32_t index : references_.plan_.names(section)) {
    const Symbol& symbol = references_.object_.symbol(index);
    if (symbol.is_weak()) continue;
    if (auto differs = agree(index, base + symbol.value)) return differs;
  }
  return std::nullopt;
}

std::optional<std::string> Trial::prove(const Relocation& relocation, Bytes field,
                                        RunAddress address, std::uint32_t origin,
                                        SectionOffset place) {
  const RelocationTarget target = references_.plan_.target(relocation, origin, place);
  const ElfObject& object = references_.object_;
  const std::uint64_t value = read_field(field, relocation.type) +
                              (relocation_is_pc_relative(relocation.type) ? address.value() : 0) -
                              target.minus;
  if (target.kind == RelocationTarget::Kind::absolute) {
    const RunAddress expected = object.symbol(relocation.symbol).absolute.value_or(RunAddress());
    if (RunAddress(value) == expected) return std::nullopt;
    return fmt::format("an absolute value is {:#x}, expected {}", value, expected);
  }
  if (target.kind == RelocationTarget::Kind::constant && target.slot == 0) {
    const Section& section = object.section(target.section);
    if (target.offset >= section.bytes.size())
      return fmt::format("it refers to {}+{}, which is outside", section.name, target.offset);
    return same_content(references_.plan_.constant(target.section, target.offset), 0,
                        RunAddress(value));
  }
  return settle(target.slot, RunAddress(value));
}

bool Trial::prove_as_built(std::uint32_t index, Bytes run, RunAddress address) {
  const PlannedSection* plan = references_.plan_.section(index);
  if (plan == nullptr) return false;
  const Section& section = references_.object_.section(index);
  const Bytes pre = section.bytes;
  if (!equal_beside_fields(plan->relocated, pre.data(), run.data(), pre.size())) return false;
  for (const PlannedField& field : plan->fields) {
    std::int32_t number = 0;
    std::memcpy(&number, run.data() + field.offset, sizeof number);
    const RunAddress value = (field.relative != 0 ? address + field.offset : RunAddress()) +
                             static_cast<std::uint64_t>(std::int64_t{number} - field.minus);
    const References::Binding& binding = references_.bindings_[field.slot];
    if (binding.known && binding.value == value) continue;
    if (settle(field.slot, value)) return false;
  }
  for (const std::uint32_t unusual : plan->unusual) {
    const Relocation& relocation = section.relocations[unusual];
    if (prove(relocation,
              run.subspan(relocation.offset.value(), relocation_width(relocation.type).value_or(0)),
              address + relocation.offset, index, relocation.offset))
      return false;
  }
  return true;
}

std::optional<std::string> Trial::settle(std::uint32_t slot, RunAddress value) {
  const ReferencePlan& plan = references_.plan_;
  if (plan.is_constant_slot(slot)) return same_content(plan.constant(slot), slot, value);
  if (plan.is_symbol_slot(slot)) {
    const Symbol& symbol = references_.object_.symbol(plan.symbol_of(slot));
    const bool missing = value == RunAddress() && symbol.is_weak() && symbol.undefined();
    if (!references_.bindings_[slot].known && !missing) {
      if (auto differs = agree(symbol.index, value)) return differs;
      using Kind = References::KnownName::Kind;
      if (value == RunAddress() && references_.known_[symbol.index].kind == Kind::nowhere)
        return fmt::format("the code puts '{}' at 0", symbol.name);
    }
    return bind(slot, value);
  }
  if (const auto bound = references_.bound(slot);
      bound && *bound != value && references_.object_.section(slot).is_code()) {
    // Code that an update replaced has two places: its symbol stays at the old entry, and what the
    // new code says about its own inside (a .cold piece that jumps back) means the new code.
    const auto functions = references_.object_.functions_in(slot);
    const std::uint64_t begin = functions.empty() ? 0 : functions[0]->padding;
    const auto redirect = references_.options_.redirects.find(*bound + begin);
    if (redirect != references_.options_.redirects.end() && value == redirect->second.code - begin)
      return std::nullopt;
  }
  const bool is_new = !references_.bound(slot);
  if (auto differs = bind_section(slot, value)) return differs;
  // What static_cpu_has() jumps to until the alternatives are applied (asm/cpufeature.h) has no
  // name: only its content tells it from whatever else a jump may lead to.
  const Section& section = references_.object_.section(slot);
  if (!is_new || !has_unnamed_code(section.name) || section.is_nobits()) return std::nullopt;
  PlannedConstant whole;
  whole.section = slot;
  whole.end = whole.content_end = SectionOffset(section.size);
  return same_content(whole, 0, value);
}

// Equal content is not enough: code could have been led to a byte that happens to be equal now. A
// constant is read-only data of the kernel (RO_DATA() in asm-generic/vmlinux.lds.h), and the linker
// gave what it merges one place, whoever refers to it.
std::optional<std::string> Trial::same_content(const PlannedConstant& constant, std::uint32_t slot,
                                               RunAddress address) {
  const Section& section = references_.object_.section(constant.section);
  const SectionOffset offset = constant.begin;
  // An update has its own copy of each, and lays them out anew.
  const bool of_update = !update_module_.empty();
  const SectionOffset end = of_update ? constant.content_end : constant.end;
  if (of_update) slot = 0;
  if (const auto where = misplaced(constant, address))
    return fmt::format("it refers to a constant at {}, outside {}", address, *where);
  bool first_place = false;
  if (slot != 0) {
    const References::Binding& binding = references_.bindings_[slot];
    if (binding.known && binding.value == address) return std::nullopt;
    if (binding.known && constant.merged)
      return fmt::format("{}+{} is at {} here and at {} elsewhere", section.name, offset, address,
                         binding.value);
    if (!binding.known) {
      static_cast<void>(bind(slot, address));
      first_place = true;
    }
  }
  if (!first_place && !compared_.insert({section.index, offset, address}).second)
    return std::nullopt;
  if (depth_ >= kMaxDepth) return "constants refer to each other without end";

  Bytes run = references_.image_.view(address, end - offset);
  std::vector<std::uint8_t> copy;
  if (run.empty()) {
    copy.resize(end - offset);
    if (!references_.image_.read(address, copy))
      return fmt::format("it refers to a constant at {}, where nothing is mapped", address);
    run = copy;
  }
  auto differs = compare_stretch(references_.object_, section.index, offset, end, run,
                                 [&](const Relocation& relocation, Bytes field, std::uint64_t at) {
                                   depth_++;
                                   auto reason = prove(relocation, field, address + at,
                                                       section.index, offset + at);
                                   depth_--;
                                   return reason;
                                 });
  if (!differs) return std::nullopt;
  return differs->kind == StretchDifference::Kind::field
             ? std::move(differs->reason)
             : fmt::format("the constant at {} is not {}+{}", address, section.name, offset);
}

}  // namespace splicer
