// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/resolve.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "matcher/elf/kernel_sections.h"
#include "matcher/match/scope.h"

namespace splicer {

namespace {

// Symbols of one address are one candidate: aliases are not an ambiguity.
std::vector<const KernelSymbol*> places(std::vector<const KernelSymbol*> symbols) {
  symbols.erase(std::unique(symbols.begin(), symbols.end(),
                            [](const KernelSymbol* a, const KernelSymbol* b) {
                              return a->address == b->address;
                            }),
                symbols.end());
  return symbols;
}

// The one place of the candidates. Errors: "symbol-unknown", "symbol-ambiguous".
Result<RunAddress> only_place(const PackageSymbol& symbol, std::vector<const KernelSymbol*> found) {
  found = places(std::move(found));
  if (found.size() == 1) return found.front()->address;
  if (found.empty()) {
    return fail(ExitCode::mismatch, "symbol-unknown",
                fmt::format("the running kernel has no symbol {} that the new code could mean",
                            symbol.kernel_name))
        .in_function(symbol.name)
        .hint(
            "modprobe the module that exports it, and apply again; if no module does, the update "
            "is for another kernel");
  }
  std::string candidates;
  for (const KernelSymbol* candidate : found)
    candidates +=
        fmt::format("{} {} [{}]\n", candidate->address, candidate->name, candidate->module);
  return fail(
             ExitCode::mismatch, "symbol-ambiguous",
             fmt::format("the running kernel has {} symbols named {}, and the package does not say "
                         "which one is meant",
                         found.size(), symbol.kernel_name))
      .in_function(symbol.name)
      .detail(std::move(candidates))
      .hint(
          "send this message to the maker of the update: the new code must refer to a symbol that "
          "the old code of its file uses too");
}

// What code of `target` may mean by a name that its file does not define.
Result<RunAddress> by_name(const PackageSymbol& symbol, const std::string& target,
                           const SymbolTable& kernel) {
  std::vector<const KernelSymbol*> found = kernel.find_anywhere(symbol.kernel_name);
  std::erase_if(found, [&](const KernelSymbol* one) { return !is_visible(*one, target); });
  return only_place(symbol, std::move(found));
}

// Is the kernel's symbol code where the object's is, and data where that is? Absolute ones are
// per-CPU variables.
bool is_of_kind(const Section& section, char letter) {
  const bool text = letter == 't' || letter == 'T' || letter == 'w' || letter == 'W';
  return section.is_code() == text;
}

// What could be a symbol that the unit itself defines. In vmlinux a letter tells static from
// global; in a module it does not.
std::vector<const KernelSymbol*> defined_by(const ElfObject& object, const Symbol& symbol,
                                            const PackageSymbol& wanted, const std::string& target,
                                            const SymbolTable& kernel) {
  std::vector<const KernelSymbol*> found = kernel.find(target, wanted.kernel_name);
  std::erase_if(found, [&](const KernelSymbol* one) {
    if (!is_of_kind(object.section(symbol.section), one->type)) return true;
    return target == "vmlinux" && is_global(one->type) == symbol.is_local();
  });
  return found;
}

Failure unknown(const PackageSymbol& symbol, const SymbolTable& kernel, bool variable) {
  const std::string& name = symbol.kernel_name.empty() ? symbol.name : symbol.kernel_name;
  const bool hidden = variable && !kernel.lists_variables();
  return fail(ExitCode::mismatch, "symbol-unknown",
              hidden ? fmt::format("the address of {} is unknown: this kernel lists no variables",
                                   name)
                     : fmt::format("the address of {} is unknown: no function of {} that matches "
                                   "the running kernel uses it",
                                   name, symbol.unit))
      .at_file(symbol.unit)
      .in_function(symbol.name)
      .hint(hidden ? "use a kernel with CONFIG_KALLSYMS_ALL"
                   : "send this message to the maker of the update: the new code must refer to a "
                     "symbol that the old code of its file uses too");
}

// A "pre" symbol that neither matched code nor a table about it mentions. A global name has one
// meaning; a static one has one if the object's own target has a single symbol of that name, binding
// and kind.
Result<RunAddress> not_inferred(const PackageSymbol& symbol, const PackageTarget& target,
                                const ElfObject& object, const SymbolTable& kernel) {
  const bool own_unit =
      std::any_of(target.units.begin(), target.units.end(),
                  [&](const PackageUnit& unit) { return unit.name == symbol.unit; });
  const bool known = symbol.pre_symbol < object.symbols().size();
  if (!own_unit || !known || symbol.kernel_name.empty()) return unknown(symbol, kernel, false);
  const Symbol& pre = object.symbol(symbol.pre_symbol);
  if (!pre.defined() || pre.is_weak()) return by_name(symbol, target.name, kernel);
  const auto own = places(defined_by(object, pre, symbol, target.name, kernel));
  if (own.size() == 1) return own.front()->address;
  if (own.size() > 1 && !pre.is_local()) return only_place(symbol, own);
  return unknown(symbol, kernel, !object.section(pre.section).is_code());
}

Result<RunAddress> inferred(const PackageSymbol& symbol, const UnitMatches& matches,
                            const PackageTarget& target, const SymbolTable& kernel) {
  const auto unit = matches.find(symbol.unit);
  if (unit == matches.end()) return unknown(symbol, kernel, false);
  const MatchResult& match = unit->second.match;
  if (const auto address = match.addresses.find(symbol.pre_symbol);
      address != match.addresses.end())
    return address->second;
  for (const auto* altered : {&match.altered_constants, &match.altered_functions})
    if (const auto found = altered->find(symbol.pre_symbol); found != altered->end()) {
      Error error = found->second;
      error.exit = ExitCode::mismatch;
      return Failure(std::move(error));
    }
  return not_inferred(symbol, target, unit->second.object, kernel);
}

// A string of the kernel's that only a pointer in data leads to: no code tells where it is. It is where the
// live pointer leads, if that is to the text which stood there when the kernel was built.
Result<RunAddress> string_of(const PackageSymbol& symbol, const UnitMatches& matches,
                             const PackageTarget& target, const Image& image) {
  auto variable = inferred(symbol, matches, target, image.symbols());
  if (!variable) return propagate(variable);
  const RunAddress place = *variable + symbol.offset;
  std::array<std::uint8_t, 8> pointer{};
  if (auto read = image.read(place, pointer); !read) return propagate(read);
  std::uint64_t word = 0;
  std::memcpy(&word, pointer.data(), sizeof word);
  std::vector<std::uint8_t> expected(symbol.text.begin(), symbol.text.end());
  expected.push_back(0);
  std::vector<std::uint8_t> found(expected.size());
  if (image.read(RunAddress(word), found) && found == expected) return RunAddress(word);
  return fail(ExitCode::mismatch, "value-changed",
              fmt::format("{} does not point to \"{}\" at +{:#x}, as the update expects",
                          symbol.kernel_name, symbol.text, symbol.offset))
      .at_file(symbol.unit)
      .in_function(symbol.kernel_name)
      .at_address(place)
      .bytes(std::move(expected), std::move(found))
      .hint("make the update on what is applied there (--on), or undo that first");
}

// The new code's one or eight bytes; runtime_const_init() takes the variable's lowest ones, too.
Result<std::uint64_t> constant(const PackageSymbol& symbol, const Image& image) {
  // The variable may be static: runtime_const_init() is called where it is defined.
  auto address = only_place(symbol, image.symbols().find("vmlinux", symbol.kernel_name));
  if (!address) return propagate(address);
  std::array<std::uint8_t, 8> bytes{};
  const std::size_t width = constant_width(symbol.name);
  if (auto read = image.read(*address, std::span(bytes).first(width)); !read)
    return propagate(read);
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

}  // namespace

Result<Addresses> resolve_symbols(const PackageTarget& target, const UnitMatches& matches,
                                  const Image& image) {
  const SymbolTable& kernel = image.symbols();
  Addresses addresses;
  for (const PackageSymbol& symbol : target.symbols) {
    if (symbol.source == "update" || symbol.source == "constant") continue;
    auto address = symbol.source == "pre"      ? inferred(symbol, matches, target, kernel)
                   : symbol.source == "string" ? string_of(symbol, matches, target, image)
                                               : by_name(symbol, target.name, kernel);
    if (!address) return propagate(address);
    addresses.emplace(symbol.name, *address);
  }
  return addresses;
}

Result<RuntimeConstants> resolve_constants(const PackageTarget& target, const Image& image) {
  RuntimeConstants constants;
  for (const PackageSymbol& symbol : target.symbols) {
    if (symbol.source != "constant") continue;
    auto value = constant(symbol, image);
    if (!value) return propagate(value);
    constants.emplace(symbol.name, *value);
  }
  return constants;
}

Result<Definition> find_definition(const PackageSymbol& symbol, const ElfObject& module) {
  // A global definition is the one that other files see; a local one counts when it is alone.
  std::vector<const Symbol*> found;
  for (const bool local : {false, true}) {
    for (const Symbol& candidate : module.symbols())
      if (candidate.defined() && candidate.name == symbol.kernel_name &&
          candidate.is_local() == local && !candidate.is_section())
        found.push_back(&candidate);
    if (!found.empty()) break;
  }
  if (found.size() == 1)
    return Definition{module.section(found.front()->section).name, found.front()->value};
  return fail(ExitCode::bad_package, "link-symbol",
              fmt::format("the update's module for {} has {} definitions of {}, expected one",
                          symbol.target, found.size(), symbol.kernel_name))
      .at_file(module.name())
      .in_function(symbol.name)
      .hint("make the package again with splice-create");
}

std::set<std::string> owners(const std::vector<RunAddress>& addresses, const SymbolTable& kernel) {
  std::set<std::string> modules;
  for (const RunAddress address : addresses)
    if (const KernelSymbol* symbol = kernel.nearest(address); symbol != nullptr)
      modules.insert(symbol->module);
  modules.erase("vmlinux");
  return modules;
}

}  // namespace splicer
