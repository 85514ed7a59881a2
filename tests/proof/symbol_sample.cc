// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/proof/symbol_sample.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace splicer {

namespace {

// What the kernel's own tables and rewritten code are found by.
constexpr std::array<std::string_view, 11> kAlways = {"__start_",
                                                      "__stop_",
                                                      "__end_",
                                                      "__alt_instructions",
                                                      "__x86_",
                                                      "__SCK__",
                                                      "__SCT__",
                                                      "pv_ops",
                                                      "x86_return_thunk",
                                                      "_paravirt_nop",
                                                      "__static_call_return"};

bool is_always(const std::string& name) {
  return std::any_of(kAlways.begin(), kAlways.end(),
                     [&](std::string_view stem) { return name.starts_with(stem); });
}

}  // namespace

SymbolSample sample_symbols(const ElfObject& object, const Image& image, const std::string& target,
                            const MatchResult& clean) {
  SymbolSample sample;
  std::set<std::string_view> names;
  for (const Symbol& symbol : object.symbols())
    if (!symbol.is_section()) names.insert(symbol.name);
  for (const FunctionMatch& function : clean.functions)
    if (function.state == MatchState::matched) sample.meant[function.name] = function.address;
  for (const auto& [index, address] : clean.addresses)
    if (!object.symbol(index).is_section()) sample.meant[object.symbol(index).name] = address;
  // What lies beside a function of the object decides about a name that several have.
  constexpr std::uint64_t kBeside = 4096;
  std::set<std::uint64_t> pages;
  for (const FunctionMatch& function : clean.functions) {
    if (function.address == RunAddress()) continue;
    const std::uint64_t page = function.address.value() / kBeside;
    pages.insert({page - 1, page, page + 1});
  }
  for (const KernelSymbol& row : image.symbols().all()) {
    const bool own = row.module == target || row.module == "vmlinux";
    if (!names.contains(row.name) && !is_always(row.name) &&
        !(own && pages.contains(row.address.value() / kBeside)))
      continue;
    if (sample.meant.contains(row.name)) sample.used.push_back(sample.rows.size());
    sample.rows.push_back(row);
  }
  return sample;
}

}  // namespace splicer
