// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/own_exports.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "matcher/elf/elf_object.h"

namespace splicer {

namespace {

// The entry's first member is the distance from there (CONFIG_HAVE_ARCH_PREL32_RELOCATIONS).
Result<RunAddress> exported_at(RunAddress entry, const Image& image) {
  std::array<std::uint8_t, 4> bytes{};
  if (auto read = image.read(entry, bytes); !read) return propagate(read);
  std::int32_t distance = 0;
  std::memcpy(&distance, bytes.data(), sizeof distance);
  return entry + static_cast<std::uint64_t>(static_cast<std::int64_t>(distance));
}

}  // namespace

Result<Addresses> own_exports(const std::vector<std::uint8_t>& module, const std::string& member,
                              const std::string& target, const Addresses& given,
                              const Image& image) {
  Addresses own;
  if (target == "vmlinux") return own;
  const auto object = ElfObject::parse(module, member);
  if (!object) return propagate(object).at_file(member);
  for (const Symbol& symbol : object->symbols()) {
    if (!symbol.undefined() || symbol.name.empty() || given.contains(symbol.name)) continue;
    const auto entry = image.symbols().find(target, "__ksymtab_" + symbol.name);
    if (entry.empty()) continue;
    auto address = exported_at(entry.front()->address, image);
    if (!address) return propagate(address);
    const auto places = image.symbols().find(target, symbol.name);
    const bool agree = std::ranges::any_of(
        places, [&](const KernelSymbol* place) { return place->address == *address; });
    if (entry.size() != 1 || !agree)
      return fail(ExitCode::mismatch, "symbol-unknown",
                  fmt::format("module {} exports {}, but not where its symbols have that", target,
                              symbol.name))
          .in_function(symbol.name)
          .at_address(*address)
          .hint("load the module anew, from the kernel's own package");
    own.emplace(symbol.name, *address);
  }
  return own;
}

}  // namespace splicer
