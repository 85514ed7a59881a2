// SPDX-License-Identifier: GPL-2.0-or-later
//
// The kernel's symbol table, by name and by address.
//
//     auto symbols = SymbolTable::parse_kallsyms(*read_text("/proc/kallsyms"));
//     auto found = symbols->find("vmlinux", "copy_process");             // all of that name
//     auto text = symbols->describe(RunAddress(0xffffffff81061234));      // "copy_process+0x34"
//
// A name is not an address: a stock kernel has thousands of names that several static functions
// share. So every lookup returns all candidates, in order of address, and the matcher decides among
// them by the code.
//
// Cost: a lookup by name is that of a hash table's bucket, one by address a binary search.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "matcher/base/address.h"
#include "matcher/base/result.h"

namespace splicer {

struct KernelSymbol {
  RunAddress address;
  char type;  // as in nm(1) and /proc/kallsyms
  std::string name;
  std::string module;  // "vmlinux" for built-in code
};

// All symbols of a kernel. Names may be ambiguous: static functions share them.
class SymbolTable {
 public:
  SymbolTable() = default;
  explicit SymbolTable(std::vector<KernelSymbol> symbols);
  // The index points into the symbols, so a table moves but is not copied.
  SymbolTable(SymbolTable&&) = default;
  SymbolTable& operator=(SymbolTable&&) = default;
  SymbolTable(const SymbolTable&) = delete;
  SymbolTable& operator=(const SymbolTable&) = delete;

  // Parses the text of /proc/kallsyms. Errors: "kallsyms-malformed", "kallsyms-hidden" (all
  // addresses zero: kptr_restrict, or not root).
  static Result<SymbolTable> parse_kallsyms(std::string_view text);

  // All symbols of that name in one target ("vmlinux" or a module's name).
  std::vector<const KernelSymbol*> find(std::string_view target, std::string_view name) const;
  // All symbols of that name anywhere.
  std::vector<const KernelSymbol*> find_anywhere(std::string_view name) const;
  // Calls `visit` with each symbol of that name, in order of address.
  template <typename Visit>
  void for_each(std::string_view name, Visit visit) const {
    if (heads_.empty()) return;
    for (std::uint32_t i = heads_[bucket(name)]; i != kNone; i = next_[i])
      if (symbols_[i].name == name) visit(symbols_[i]);
  }
  // All symbols that stand exactly at `address`.
  std::span<const KernelSymbol> all_at(RunAddress address) const;
  // Any symbol that stands exactly at `address`, or nullptr.
  const KernelSymbol* at(RunAddress address) const;
  // The symbol at or before `address` (nearest), or nullptr.
  const KernelSymbol* nearest(RunAddress address) const;
  // "name+0x12 [module]" for people, or the bare number in hex.
  std::string describe(RunAddress address) const;
  // Does vmlinux list static variables, with and without initial values? Then it lists all that there
  // is (CONFIG_KALLSYMS_ALL).
  bool lists_variables() const { return lists_data_ && lists_zeroed_; }
  // Is any symbol of that target known (is the module loaded)?
  bool has_target(std::string_view target) const;
  const std::vector<KernelSymbol>& all() const { return symbols_; }  // sorted by address

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  std::size_t bucket(std::string_view name) const {
    return std::hash<std::string_view>{}(name) & (heads_.size() - 1);
  }

  std::vector<KernelSymbol> symbols_;
  // By name: the first symbol of each bucket, and the next one of the same bucket.
  std::vector<std::uint32_t> heads_;
  std::vector<std::uint32_t> next_;
  std::unordered_set<std::string_view> targets_;
  bool lists_data_ = false;    // a letter 'd'
  bool lists_zeroed_ = false;  // a letter 'b'
};

// The letter by which nm(1) and /proc/kallsyms name a symbol's kind, of a symbol with that STB_*
// binding in a section with those SHF_* flags: 'T' for global code, 'b' for local zeroed data.
char symbol_letter(unsigned binding, std::uint64_t section_flags, bool no_bits);

}  // namespace splicer
