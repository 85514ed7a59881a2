// SPDX-License-Identifier: GPL-2.0-or-later
//
// A kernel image with a few bytes altered, or with another symbol table.
//
//     AlteredImage altered(image);
//     altered.alter(address, {0x90});
//     match_object(object, altered, options)     must refuse what the byte belongs to
//
// Tables about code that the image has read already are taken over, but for one that is to be read
// anew, so that an alteration costs no more than the match.
//
// Invariant: what is not altered is the base's own memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "matcher/image/image.h"

namespace splicer {

class AlteredImage final : public Image {
 public:
  // Both live as long as this. `symbols` replaces the base's table.
  explicit AlteredImage(const Image& base, const SymbolTable* symbols = nullptr)
      : base_(base), symbols_(symbols) {}

  // In place of what was altered before.
  void alter(RunAddress address, std::vector<std::uint8_t> bytes) {
    address_ = address;
    bytes_ = std::move(bytes);
  }
  // Takes over the base's table of `owner`, which the base has in memory or reads now.
  void share_table(const std::string& owner, std::string_view section, std::uint32_t entry_size) {
    code_tables().get(owner, section, entry_size,
                      [&] { return code_table(base_, owner, section, entry_size); });
  }

  Result<void> read(RunAddress address, std::span<std::uint8_t> out) const override {
    auto done = base_.read(address, out);
    if (!done) return done;
    for (std::size_t i = 0; i < bytes_.size(); ++i)
      if (const std::uint64_t at = address_ + i - address; at < out.size()) out[at] = bytes_[i];
    return done;
  }
  Bytes view(RunAddress address, std::size_t size) const override {
    const bool apart = address + size <= address_ || address >= address_ + bytes_.size();
    return bytes_.empty() || apart ? base_.view(address, size) : Bytes();
  }
  const SymbolTable& symbols() const override {
    return symbols_ != nullptr ? *symbols_ : base_.symbols();
  }
  bool live() const override { return base_.live(); }
  std::map<std::string, AddressRange> sections(const std::string& module) const override {
    return base_.sections(module);
  }

 private:
  const Image& base_;
  const SymbolTable* symbols_;
  RunAddress address_;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace splicer
