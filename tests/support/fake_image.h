// SPDX-License-Identifier: GPL-2.0-or-later
//
// A kernel made up for a test: bytes at addresses, and symbols.
//
//     FakeImage image;
//     image.put(0xffffffff81000000, hex("f3 0f 1e fa c3"));
//     image.symbol(0xffffffff81000000, "copy_process");
//
// Invariant: a read of any byte that was never put fails.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "matcher/image/image.h"

namespace splicer {

class FakeImage final : public Image {
 public:
  FakeImage() = default;
  // One that does not run: memory from `base` on, and these symbols.
  FakeImage(RunAddress base, const std::vector<std::uint8_t>& memory,
            std::vector<KernelSymbol> symbols)
      : list_(std::move(symbols)), live_(false) {
    put(base.value(), memory);
  }
  FakeImage(const FakeImage& other)
      : Image(),
        memory_(other.memory_),
        list_(other.list_),
        sections_(other.sections_),
        types_(other.types_),
        live_(other.live_) {}
  FakeImage& operator=(const FakeImage&) = delete;
  ~FakeImage() override = default;

  void put(std::uint64_t address, const std::vector<std::uint8_t>& bytes) {
    for (const std::uint8_t byte : bytes) memory_[RunAddress(address++)] = byte;
  }
  void fill(std::uint64_t address, std::size_t size, std::uint8_t byte) {
    put(address, std::vector<std::uint8_t>(size, byte));
  }
  void put_pointer(std::uint64_t address, std::uint64_t value) {
    for (unsigned i = 0; i < 8; i++)
      memory_[RunAddress(address + i)] = static_cast<std::uint8_t>(value >> (8 * i));
  }
  void symbol(std::uint64_t address, std::string name, char type = 'T',
              std::string module = "vmlinux") {
    list_.push_back({RunAddress(address), type, std::move(name), std::move(module)});
    table_.reset();
  }

  Result<void> read(RunAddress address, std::span<std::uint8_t> out) const override {
    for (std::uint8_t& byte : out) {
      const auto found = memory_.find(address);
      address += 1;
      if (found == memory_.end())
        return fail(ExitCode::error, "image-read", "not in the made-up kernel").at_address(address);
      byte = found->second;
    }
    return {};
  }
  const SymbolTable& symbols() const override {
    if (!table_) table_.emplace(list_);
    return *table_;
  }
  bool live() const override { return live_; }
  void set_types(const std::string& target, std::vector<std::uint8_t> types) {
    types_[target] = std::move(types);
  }
  std::vector<std::uint8_t> types(const std::string& target) const override {
    const auto found = types_.find(target);
    return found == types_.end() ? std::vector<std::uint8_t>() : found->second;
  }
  void section(const std::string& module, const std::string& name, AddressRange range) {
    sections_[module][name] = range;
  }
  std::map<std::string, AddressRange> sections(const std::string& module) const override {
    const auto found = sections_.find(module);
    return found == sections_.end() ? std::map<std::string, AddressRange>() : found->second;
  }

 private:
  std::map<RunAddress, std::uint8_t> memory_;
  std::vector<KernelSymbol> list_;
  std::map<std::string, std::map<std::string, AddressRange>> sections_;  // by module, by name
  std::map<std::string, std::vector<std::uint8_t>> types_;               // by target
  bool live_ = true;
  mutable std::optional<SymbolTable> table_;
};

}  // namespace splicer
