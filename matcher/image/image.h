// SPDX-License-Identifier: GPL-2.0-or-later
//
// A kernel image: memory that can be read by address, and its symbol table. The one seam over the
// kernel: live (/proc/kcore and /proc/kallsyms), a file on disk, or a fake in unit tests.
//
// Invariant: read() gives exactly the bytes asked for or an error; it never gives fewer.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
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
  // All symbols of that name anywhere, the updates' own modules (splice_*) left out.
  std::vector<const KernelSymbol*> find_anywhere(std::string_view name) const;
  // All symbols of that name in the updates' own modules: code and data that earlier updates
  // brought.
  std::vector<const KernelSymbol*> find_in_updates(std::string_view name) const;
  // Calls `visit` with each symbol of that name, in order of address; true with those in the
  // updates' own modules.
  template <typename Visit>
  void for_each(std::string_view name, Visit visit) const {
    if (heads_.empty()) return;
    for (std::uint32_t i = heads_[bucket(name)]; i != kNone; i = next_[i])
      if (symbols_[i].name == name) visit(symbols_[i], is_update_module(symbols_[i].module));
  }
  // Does a symbol of that name stand exactly at `address`, in that target (anywhere if it is empty)
  // or in an update's own module?
  bool has(std::string_view target, std::string_view name, RunAddress address) const;
  // Any symbol that stands exactly at `address`, or nullptr.
  const KernelSymbol* at(RunAddress address) const;
  // The symbol at or before `address` (nearest), or nullptr.
  const KernelSymbol* nearest(RunAddress address) const;
  // "name+0x12 [module]" for people, or the bare number in hex.
  std::string describe(RunAddress address) const;
  // Is any symbol of that target known (is the module loaded)?
  bool has_target(std::string_view target) const;
  const std::vector<KernelSymbol>& all() const { return symbols_; }  // sorted by address

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  // Modules that carry our updates; their symbols repeat the names that they replace.
  static bool is_update_module(std::string_view module) { return module.starts_with("splice_"); }
  std::size_t bucket(std::string_view name) const {
    return std::hash<std::string_view>{}(name) & (heads_.size() - 1);
  }

  std::vector<KernelSymbol> symbols_;
  // By name: the first symbol of each bucket, and the next one of the same bucket.
  std::vector<std::uint32_t> heads_;
  std::vector<std::uint32_t> next_;
  std::unordered_set<std::string_view> targets_;
};

// Addresses of memory, the first and the one behind the last.
struct AddressRange {
  RunAddress begin;
  RunAddress end;
  bool contains(RunAddress address) const { return address >= begin && address < end; }
};

class Image {
 public:
  virtual ~Image() = default;
  Image() = default;
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  // Fills `out` from kernel memory at `address`. Errors: "image-read".
  virtual Result<void> read(RunAddress address, std::span<std::uint8_t> out) const = 0;
  // The same bytes where they are, if the image has them in one piece, as long as it lives; empty
  // if not, and read() then says why.
  virtual std::span<const std::uint8_t> view(RunAddress /*address*/, std::size_t /*size*/) const {
    return {};
  }
  // The pointer that stands at `address`; nullopt where nothing can be read.
  std::optional<RunAddress> pointer_at(RunAddress address) const {
    std::array<std::uint8_t, 8> bytes{};
    if (!read(address, bytes)) return std::nullopt;
    return RunAddress(std::bit_cast<std::uint64_t>(bytes));
  }
  virtual const SymbolTable& symbols() const = 0;
  // True for memory of a running kernel: boot has rewritten it.
  virtual bool live() const = 0;
  // The kernel's own record of the types of "vmlinux" or of a module, as BTF
  // (matcher/image/btf_layout.h); empty where it keeps none.
  virtual std::vector<std::uint8_t> types(const std::string& /*target*/) const { return {}; }
  // Where the sections of a module's file stand, by name; empty where that is not told. A running
  // kernel does not tell their ends: they end where the next begins.
  virtual std::map<std::string, AddressRange> sections(const std::string& /*module*/) const {
    return {};
  }
};

// The running kernel. Needs root. `proc` and `sys` are others in tests.
Result<std::unique_ptr<Image>> open_live_image(const std::string& proc = "/proc",
                                               const std::string& sys = "/sys");
// A kernel on disk: a bzImage as shipped (/boot/vmlinuz-REL), or a vmlinux.
Result<std::unique_ptr<Image>> open_vmlinux_image(const std::string& path);

}  // namespace splicer
