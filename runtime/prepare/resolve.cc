// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/resolve.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "matcher/elf/kernel_sections.h"

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

Result<RunAddress> by_name(const PackageSymbol& symbol, const std::string& target,
                           const SymbolTable& kernel) {
  std::vector<const KernelSymbol*> found = places(kernel.find(target, symbol.kernel_name));
  if (found.empty()) found = places(kernel.find("vmlinux", symbol.kernel_name));
  if (found.empty()) found = places(kernel.find_anywhere(symbol.kernel_name));
  if (found.size() == 1) return found.front()->address;
  if (found.empty()) {
    return fail(ExitCode::mismatch, "symbol-unknown",
                fmt::format("the running kernel has no symbol {}", symbol.kernel_name))
        .in_function(symbol.name)
        .hint(
            "modprobe the module that defines it, and apply again; if no module does, the update "
            "is "
            "for another kernel");
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

// A "pre" symbol that no matched code mentions. Static keys and static calls are such: code refers
// to them through __jump_table and .static_call_sites, which the kernel sorts at boot and matching
// does not read. A global name has one meaning in the whole kernel; a local one (whose name in the
// new module is made unique, "unit:index:name") has one if the object's own target has a single
// symbol of it, since that must be the object's.
Result<RunAddress> not_inferred(const PackageSymbol& symbol, const PackageTarget& target,
                                const SymbolTable& kernel) {
  const bool own_unit =
      std::any_of(target.units.begin(), target.units.end(),
                  [&](const PackageUnit& unit) { return unit.name == symbol.unit; });
  if (own_unit && !symbol.kernel_name.empty()) {
    if (symbol.name == symbol.kernel_name) return by_name(symbol, target.name, kernel);
    const auto own = places(kernel.find(target.name, symbol.kernel_name));
    if (own.size() == 1) return own.front()->address;
  }
  return fail(ExitCode::mismatch, "symbol-unknown",
              fmt::format(
                  "the address of {} is unknown: no function of {} that matches the running "
                  "kernel uses it",
                  symbol.kernel_name.empty() ? symbol.name : symbol.kernel_name, symbol.unit))
      .at_file(symbol.unit)
      .in_function(symbol.name)
      .hint("run splice-match -v on the package's pre object: it lists the functions that differ");
}

Result<RunAddress> inferred(const PackageSymbol& symbol, const UnitMatches& matches,
                            const PackageTarget& target, const SymbolTable& kernel) {
  const auto unit = matches.find(symbol.unit);
  if (unit != matches.end()) {
    const MatchResult& match = unit->second;
    if (const auto address = match.addresses.find(symbol.pre_symbol);
        address != match.addresses.end())
      return address->second;
    if (const auto altered = match.altered_constants.find(symbol.pre_symbol);
        altered != match.altered_constants.end()) {
      Error error = altered->second;
      error.exit = ExitCode::mismatch;
      return Failure(std::move(error));
    }
  }
  return not_inferred(symbol, target, kernel);
}

// The new code's one or eight bytes; runtime_const_init() takes the variable's lowest ones, too.
Result<std::uint64_t> constant(const PackageSymbol& symbol, const Image& image) {
  auto address = by_name(symbol, "vmlinux", image.symbols());
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
    auto address = symbol.source == "pre" ? inferred(symbol, matches, target, kernel)
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
