// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/livepatch_reference.h"

#include <fmt/core.h>

#include <algorithm>

namespace splicer {

namespace {

constexpr std::size_t kMaxModuleName = 55;  // the widths in klp_resolve_symbols()
constexpr std::size_t kMaxName = 511;

Failure cannot(const std::string& what, const std::string& name) {
  return fail(ExitCode::unsafe, "livepatch-form", what)
      .in_function(name)
      .hint("apply the update with --engine stop");
}

// The symbol that the reference is made of: the one of that name, or what is named next below.
const KernelSymbol* anchor(RunAddress address, const std::string& name, const SymbolTable& kernel) {
  for (const KernelSymbol& symbol : kernel.all_at(address))
    if (symbol.name == name) return &symbol;
  return kernel.nearest(address);
}

}  // namespace

std::string LivepatchReference::symbol() const {
  return fmt::format(".klp.sym.{}.{},{}", object, name, position);
}

Result<LivepatchReference> livepatch_reference(RunAddress address, const std::string& name,
                                               const SymbolTable& kernel) {
  const KernelSymbol* symbol = anchor(address, name, kernel);
  // klp_find_object_symbol() takes the address 0 for "not found".
  if (symbol == nullptr || symbol->address == RunAddress())
    return cannot(fmt::format("{} is at no address that the kernel's livepatch can find", name),
                  name);
  LivepatchReference reference{symbol->module, symbol->name, 0,
                               static_cast<std::int64_t>(address - symbol->address)};
  const bool in_module = symbol->module != "vmlinux";
  if (in_module && reference.distance != 0 && symbol->type != 'r' && symbol->type != 'R')
    return cannot(
        fmt::format("what {} has at {} has no name, and nothing read-only before it has one",
                    symbol->module, address),
        name);
  if (reference.object.find('.') != std::string::npos || reference.object.size() > kMaxModuleName ||
      reference.name.find(',') != std::string::npos || reference.name.size() > kMaxName)
    return cannot(fmt::format("the kernel's livepatch cannot spell {}", reference.name), name);
  const auto same = kernel.find(symbol->module, symbol->name);
  if (same.size() == 1) return reference;
  if (in_module)
    return cannot(
        fmt::format("module {} has {} symbols named {}", symbol->module, same.size(), symbol->name),
        name);
  const auto place = std::ranges::find_if(
      same, [&](const KernelSymbol* one) { return one->address == symbol->address; });
  reference.position = static_cast<std::uint64_t>(place - same.begin()) + 1;
  return reference;
}

}  // namespace splicer
