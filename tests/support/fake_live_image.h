// SPDX-License-Identifier: GPL-2.0-or-later
//
// A kernel made up for a test: some memory at one address, some symbols.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "matcher/image/image.h"

namespace splicer {

class FakeImage final : public Image {
 public:
  FakeImage(RunAddress base, std::vector<std::uint8_t> memory, std::vector<KernelSymbol> symbols)
      : base_(base), memory_(std::move(memory)), symbols_(std::move(symbols)) {}

  Result<void> read(RunAddress address, std::span<std::uint8_t> out) const override {
    if (address < base_ || address - base_ > memory_.size() ||
        out.size() > memory_.size() - (address - base_))
      return fail(ExitCode::error, "image-read", "not in the made-up kernel").at_address(address);
    std::copy_n(memory_.begin() + static_cast<std::ptrdiff_t>(address - base_), out.size(),
                out.begin());
    return {};
  }
  const SymbolTable& symbols() const override { return symbols_; }
  bool live() const override { return false; }

  void set_types(const std::string& target, std::vector<std::uint8_t> types) {
    types_[target] = std::move(types);
  }
  std::vector<std::uint8_t> types(const std::string& target) const override {
    const auto found = types_.find(target);
    return found == types_.end() ? std::vector<std::uint8_t>() : found->second;
  }

 private:
  RunAddress base_;
  std::vector<std::uint8_t> memory_;
  SymbolTable symbols_;
  std::map<std::string, std::vector<std::uint8_t>> types_;  // by target
};

}  // namespace splicer
