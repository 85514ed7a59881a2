// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any object against a small kernel that was made of it: sections one behind the other, relocations
// applied, a symbol for each name. So the matcher gets far into what it was given. The input's last
// byte says how boot has rewritten that kernel.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "matcher/match/match.h"

namespace {

using namespace splicer;

constexpr RunAddress kBase(0xffffffff81000000);
constexpr std::size_t kMemory = 1 << 18;

class FlatImage final : public Image {
 public:
  explicit FlatImage(std::vector<std::uint8_t> memory, std::vector<KernelSymbol> symbols)
      : memory_(std::move(memory)), symbols_(std::move(symbols)) {}
  Result<void> read(RunAddress address, std::span<std::uint8_t> out) const override {
    const std::uint64_t offset = address - kBase;
    if (offset > memory_.size() || out.size() > memory_.size() - offset)
      return fail(ExitCode::error, "image-read", "not there");
    std::copy_n(memory_.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
    return {};
  }
  const SymbolTable& symbols() const override { return symbols_; }
  bool live() const override { return true; }

 private:
  std::vector<std::uint8_t> memory_;
  SymbolTable symbols_;
};

FlatImage kernel_of(const ElfObject& object, std::uint8_t choice) {
  std::vector<std::uint8_t> memory(kMemory, 0x90);
  std::vector<KernelSymbol> symbols;
  std::vector<std::uint64_t> at(object.sections().size(), 0x1000);
  std::uint64_t next = 0x1000;
  for (const Section& section : object.sections()) {
    if (!section.is_alloc() || next + section.bytes.size() > kMemory / 2) continue;
    at[section.index] = next;
    std::copy(section.bytes.begin(), section.bytes.end(),
              memory.begin() + static_cast<std::ptrdiff_t>(next));
    next = (next + section.bytes.size() + 31) / 32 * 32;
  }
  const auto value_of = [&](const Symbol& symbol) {
    if (symbol.defined()) return kBase + at[symbol.section] + symbol.value;
    return kBase + kMemory / 2 + symbol.index % 1024 * 64;
  };
  for (const Symbol& symbol : object.symbols())
    if (!symbol.name.empty() && !symbol.is_section() && !symbol.absolute)
      symbols.push_back({value_of(symbol), 't', symbol.name, "vmlinux"});
  for (const Section& section : object.sections()) {
    if (at[section.index] == 0x1000 && section.index != 1) continue;
    for (const Relocation& relocation : section.relocations) {
      const unsigned width = relocation_width(relocation.type).value_or(0);
      const std::uint64_t place = at[section.index] + relocation.offset.value();
      std::uint64_t value = value_of(object.symbol(relocation.symbol)).value() +
                            static_cast<std::uint64_t>(relocation.addend);
      if (relocation_is_pc_relative(relocation.type)) value -= (kBase + place).value();
      if (place + width <= kMemory) std::memcpy(&memory[place], &value, width);
    }
  }
  // What the kernel's own rewriting looks at.
  const RunAddress first = kBase + 0x1000;
  for (const char* name : {"pv_ops", "x86_return_thunk", "__SCK__some_call", "x86_return_thunk"}) {
    symbols.push_back({kBase + 0x100, 'd', name, "vmlinux"});
    std::memcpy(&memory[0x100 + 8ull * (choice % 16)], &first, sizeof first);
  }
  if ((choice & 1) != 0) symbols.push_back({first, 't', "_paravirt_nop", "vmlinux"});
  if ((choice & 2) != 0) memory[0x1000 + choice] = choice;
  return FlatImage(std::move(memory), std::move(symbols));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto object = ElfObject::parse({data, data + size - 1}, "fuzz.o");
  if (!object) return 0;
  const std::uint8_t choice = data[size - 1];
  const FlatImage image = kernel_of(*object, choice);
  MatchOptions options;
  if ((choice & 4) != 0) options.redirects[kBase + 0x1000] = {kBase + 0x2000, kBase + 0x1005, "id"};
  const auto result = match_object(*object, image, options);
  if (!result) return 0;
  for (const FunctionMatch& function : result->functions) {
    if (function.state == MatchState::matched) continue;
    if (function.error.code.empty() || function.error.message.empty()) std::abort();
  }
  return 0;
}
