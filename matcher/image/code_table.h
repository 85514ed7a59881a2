// SPDX-License-Identifier: GPL-2.0-or-later
//
// The tables about code that a kernel keeps in memory, by the code that their entries are about.
//
// Which key switches a branch, where a fault resumes, whether `ud2` is a warning or the end: this is
// in no byte of the code but in a table beside it. vmlinux has one of each kind between two symbols,
// a module has its own in a section:
//
//     const auto table = code_table(image, "vmlinux", "__jump_table", 16);
//     for (const CodeTable::Entry& entry : table->about(begin, end)) ...table->bytes(entry)...
//
// The kernel sorts some of them when it comes up (jump_label_sort_entries(), sort_extable(),
// static_call_sort_entries()), in place and with fields relative to themselves, so an entry is found
// by what its first field leads to and not by its number.
//
// Invariant: each entry lies whole in the bytes that were read.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/address.h"
#include "matcher/base/bytes.h"

namespace splicer {

class Image;

class CodeTable {
 public:
  struct Entry {
    RunAddress code;          // what its first field, an int relative to itself, leads to
    std::uint32_t index = 0;  // in the table
  };
  // `bytes` is what stands at `begin`; entries are of `entry_size` bytes. The rest is padding from
  // the first entry on that leads to itself, which none does that is about code.
  CodeTable(RunAddress begin, std::uint32_t entry_size, std::vector<std::uint8_t> bytes);

  // The entries about [begin, end), by address of the code, those of one address by number.
  std::span<const Entry> about(RunAddress begin, RunAddress end) const;
  RunAddress address(const Entry& entry) const {
    return begin_ + std::uint64_t{entry.index} * entry_size_;
  }
  Bytes bytes(const Entry& entry) const {
    return Bytes(bytes_).subspan(std::size_t{entry.index} * entry_size_, entry_size_);
  }

 private:
  RunAddress begin_;
  std::uint32_t entry_size_;
  std::vector<std::uint8_t> bytes_;
  std::vector<Entry> entries_;  // as about() gives them
};

// The table that is linked from the sections of that name, of vmlinux or a module; nullptr where the
// image does not say where it is or no longer has it. The first call for a table reads and sorts it,
// n log n; the image keeps it. For any number of threads at once.
std::shared_ptr<const CodeTable> code_table(const Image& image, const std::string& owner,
                                            std::string_view section, std::uint32_t entry_size);

}  // namespace splicer
