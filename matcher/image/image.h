// SPDX-License-Identifier: GPL-2.0-or-later
//
// A kernel image: memory that can be read by address, and its symbol table. The one seam over the
// kernel: live (/proc/kcore and /proc/kallsyms: live_image.h), a kernel on disk (vmlinux_image.h),
// that with its modules (disk_image.h), or a fake in unit tests.
//
// Invariant: read() fills exactly the bytes asked for or returns an error; it never fills fewer.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "matcher/base/address.h"
#include "matcher/base/bytes.h"
#include "matcher/base/result.h"
#include "matcher/image/code_table.h"
#include "matcher/image/symbol_table.h"

namespace splicer {

// Addresses of memory: the first, and the one behind the last.
struct AddressRange {
  RunAddress begin;
  RunAddress end;
  bool contains(RunAddress address) const { return address >= begin && address < end; }
};

// The tables of an image that have been read (code_table.h). For any number of threads at once.
class CodeTableCache {
 public:
  // The table, which `read` gives the first time.
  template <typename Read>
  std::shared_ptr<const CodeTable> get(const std::string& owner, std::string_view section,
                                       std::uint32_t entry_size, Read read) {
    const std::lock_guard guard(lock_);
    const auto [place, is_new] = tables_.try_emplace({owner, std::string(section), entry_size});
    if (is_new) place->second = read();
    return place->second;
  }

 private:
  std::mutex lock_;
  std::map<std::tuple<std::string, std::string, std::uint32_t>, std::shared_ptr<const CodeTable>>
      tables_;
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
  virtual Bytes view(RunAddress /*address*/, std::size_t /*size*/) const { return {}; }
  // The pointer that is stored at `address`; nullopt where nothing can be read.
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
  // Where the sections of a module's file are loaded, by name; empty where that is not known. A
  // running kernel lists no ends: a section ends where the next begins.
  virtual std::map<std::string, AddressRange> sections(const std::string& /*module*/) const {
    return {};
  }
  CodeTableCache& code_tables() const { return code_tables_; }

 protected:
  // read() of an image that has all of its memory in view(); `missing` and `hint` make the error
  // where it has none.
  Result<void> read_from_view(RunAddress address, std::span<std::uint8_t> out, const char* missing,
                              const char* hint) const;

 private:
  mutable CodeTableCache code_tables_;
};

}  // namespace splicer
