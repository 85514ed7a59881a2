// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/image/symbol_table.h"

#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <set>

namespace splicer {

namespace {

// By address, equal ones as they were. A symbol is large, so their numbers are sorted, and each is moved
// once: an apply does little else (tests/bench/apply).
std::vector<KernelSymbol> in_order(std::vector<KernelSymbol> symbols) {
  std::vector<std::pair<RunAddress, std::uint32_t>> order;
  order.reserve(symbols.size());
  for (const KernelSymbol& symbol : symbols)
    order.emplace_back(symbol.address, static_cast<std::uint32_t>(order.size()));
  std::sort(order.begin(), order.end());
  std::vector<KernelSymbol> sorted;
  sorted.reserve(symbols.size());
  for (const auto& one : order) sorted.push_back(std::move(symbols[one.second]));
  return sorted;
}

}  // namespace

SymbolTable::SymbolTable(std::vector<KernelSymbol> symbols)
    : symbols_(in_order(std::move(symbols))) {
  heads_.assign(std::bit_ceil(symbols_.size() + 1), kNone);
  next_.assign(symbols_.size(), kNone);
  // Backwards, so that each chain is in order of address.
  for (std::size_t i = symbols_.size(); i-- > 0;) {
    std::uint32_t& head = heads_[bucket(symbols_[i].name)];
    next_[i] = head;
    head = static_cast<std::uint32_t>(i);
    const char letter = symbols_[i].type;
    if ((letter == 'd' || letter == 'b') && symbols_[i].module == "vmlinux")
      (letter == 'd' ? lists_data_ : lists_zeroed_) = true;
    if (i + 1 == symbols_.size() || symbols_[i].module != symbols_[i + 1].module)
      targets_.insert(symbols_[i].module);
  }
}

namespace {

// Of a module's symbols a capital means exported; but is_exported() in kernel/module/kallsyms.c looks
// only at those that any module may use, and not at EXPORT_SYMBOL_GPL(). Each of both kinds has a
// symbol __ksymtab_NAME (include/linux/export.h), which CONFIG_KALLSYMS_ALL keeps.
void note_exports(std::vector<KernelSymbol>& symbols) {
  constexpr std::string_view kEntry = "__ksymtab_";
  std::set<std::pair<std::string_view, std::string_view>> exported;  // module, name
  for (const KernelSymbol& symbol : symbols)
    if (symbol.module != "vmlinux" && symbol.name.starts_with(kEntry))
      exported.emplace(symbol.module, std::string_view(symbol.name).substr(kEntry.size()));
  for (KernelSymbol& symbol : symbols)
    if (symbol.module != "vmlinux" && exported.contains({symbol.module, symbol.name}))
      symbol.type = static_cast<char>(std::toupper(static_cast<unsigned char>(symbol.type)));
}

}  // namespace

Result<SymbolTable> SymbolTable::parse_kallsyms(std::string_view text) {
  std::vector<KernelSymbol> symbols;
  symbols.reserve(text.size() / 40);
  bool any_address = false;
  std::size_t line_number = 0;
  while (!text.empty()) {
    line_number++;
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));

    // "ADDRESS TYPE NAME" and, for a module's symbol, "\t[MODULE]" (kernel/kallsyms.c, s_show).
    KernelSymbol symbol;
    std::uint64_t address = 0;
    const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), address, 16);
    const std::size_t digits = static_cast<std::size_t>(rest - line.data());
    const bool well_formed = error == std::errc() && line.size() > digits + 3 &&
                             line[digits] == ' ' && line[digits + 2] == ' ';
    if (!well_formed) {
      return fail(ExitCode::error, "kallsyms-malformed",
                  fmt::format("line {} of the kernel's symbol table is not a symbol", line_number))
          .hint("mount the proc filesystem of a Linux kernel at /proc");
    }
    symbol.address = RunAddress(address);
    symbol.type = line[digits + 1];
    std::string_view name = line.substr(digits + 3);
    symbol.module = "vmlinux";
    if (const std::size_t tab = name.find('\t'); tab != std::string_view::npos) {
      std::string_view module = name.substr(tab + 1);
      name = name.substr(0, tab);
      if (module.size() > 2 && module.front() == '[' && module.back() == ']')
        symbol.module = module.substr(1, module.size() - 2);
    }
    if (name.empty()) continue;  // nobody can ask for it, and it means nothing to people
    symbol.name = name;
    any_address = any_address || address != 0;
    symbols.push_back(std::move(symbol));
  }
  if (!any_address) {
    return fail(ExitCode::error, "kallsyms-hidden", "the kernel hides the addresses of its symbols")
        .hint(
            "run as root; kernel.kptr_restrict=2 hides them from root too: sysctl "
            "kernel.kptr_restrict=1");
  }
  note_exports(symbols);
  return SymbolTable(std::move(symbols));
}

std::vector<const KernelSymbol*> SymbolTable::find(std::string_view target,
                                                   std::string_view name) const {
  std::vector<const KernelSymbol*> found;
  for_each(name, [&](const KernelSymbol& symbol) {
    if (symbol.module == target) found.push_back(&symbol);
  });
  return found;
}

std::vector<const KernelSymbol*> SymbolTable::find_anywhere(std::string_view name) const {
  std::vector<const KernelSymbol*> found;
  for_each(name, [&](const KernelSymbol& symbol) { found.push_back(&symbol); });
  return found;
}

const KernelSymbol* SymbolTable::nearest(RunAddress address) const {
  const auto after =
      std::partition_point(symbols_.begin(), symbols_.end(),
                           [&](const KernelSymbol& symbol) { return symbol.address <= address; });
  return after == symbols_.begin() ? nullptr : &*std::prev(after);
}

const KernelSymbol* SymbolTable::at(RunAddress address) const {
  const KernelSymbol* symbol = nearest(address);
  return symbol != nullptr && symbol->address == address ? symbol : nullptr;
}

std::string SymbolTable::describe(RunAddress address) const {
  const KernelSymbol* symbol = nearest(address);
  // Far from any symbol the nearest name would mislead.
  if (symbol == nullptr || address - symbol->address > (1u << 20))
    return fmt::format("{}", address);
  std::string text = symbol->name;
  if (address != symbol->address) text += fmt::format("+{:#x}", address - symbol->address);
  if (symbol->module != "vmlinux") text += fmt::format(" [{}]", symbol->module);
  return text;
}

bool SymbolTable::has_target(std::string_view target) const { return targets_.contains(target); }

std::span<const KernelSymbol> SymbolTable::all_at(RunAddress address) const {
  const auto first =
      std::partition_point(symbols_.begin(), symbols_.end(),
                           [&](const KernelSymbol& known) { return known.address < address; });
  const auto last = std::find_if(
      first, symbols_.end(), [&](const KernelSymbol& known) { return known.address != address; });
  return {first, last};
}

char symbol_letter(unsigned binding, std::uint64_t section_flags, bool no_bits) {
  if (binding == STB_WEAK) return 'W';
  char letter = 'r';
  if ((section_flags & SHF_EXECINSTR) != 0) letter = 't';
  if ((section_flags & SHF_WRITE) != 0) letter = no_bits ? 'b' : 'd';
  return binding == STB_LOCAL ? letter : static_cast<char>(letter - 'a' + 'A');
}

}  // namespace splicer
