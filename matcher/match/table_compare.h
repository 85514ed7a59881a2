// SPDX-License-Identifier: GPL-2.0-or-later
//
// The kernel's tables as evidence: the entries about a matched function must be those that the
// object has about it.
//
// `if (static_branch_unlikely(&a))` and the same with `&b` are the same five bytes; which key flips
// them, and which way, is in __jump_table alone. So is it with where a faulting load resumes, whether
// `ud2` warns or ends, and for which processors an alternative is put in:
//
//     object   __jump_table        { f+0x10, f+0x40, tracing_key | branch }
//     kernel   __jump_table        { f+0x10, f+0x40, 0xffffffff82a01230 | branch }
//                                                    proves where tracing_key is
//
// Entries are paired by the code that they are about; each must have its partner on the other side.
// What an entry refers to is proved as a reference of code is, so keys are learnt here.
//
// Not compared: lines and file names of __bug_table (no behaviour), the unwinder's tables (they
// follow from the code), and the alternatives of a running vmlinux, whose table is freed at boot.
//
// Invariant: nothing here reads code.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/address.h"
#include "matcher/elf/elf_object.h"
#include "matcher/image/image.h"
#include "matcher/match/code_compare.h"
#include "matcher/match/references.h"

namespace splicer {

// Code that was compared and is equal, to whose entries the question is.
struct ComparedCode {
  std::uint32_t section = 0;
  RunAddress address;      // of the code
  std::string owner;       // whose tables are about it: "vmlinux" or a module
  bool of_update = false;  // an update of ours brought it
};

class TableComparer {
 public:
  TableComparer(const ElfObject& object, const Image& image);

  // The first entry that differs; what the entries refer to goes to `trial`. Takes time in
  // proportion to the entries about the section on both sides.
  std::optional<Difference> compare(const ComparedCode& code, const Comparison& comparison,
                                    Trial& trial) const;

 private:
  enum class Kind { static_key, static_call, exception, bug, alternative };
  struct TableKind {
    Kind kind;
    std::string_view section;
    std::uint32_t entry_size;  // 0: told by the object's own table
  };
  static const std::vector<TableKind>& kinds();
  // One entry of the object.
  struct Row {
    std::uint32_t table = 0;  // section of the object
    SectionOffset entry;      // in it
    SectionOffset code;       // in the code's section
  };
  struct ObjectTable {
    TableKind kind{};
    std::uint32_t entry_size = 0;
    bool present = false;                            // the object has such a table
    bool well_formed = true;                         // what it has is one
    std::map<std::uint32_t, std::vector<Row>> rows;  // by code section, then by offset there
  };
  // One pair of entries that are about one place.
  struct Pair {
    const ObjectTable& table;
    const Row& row;
    RunAddress address;  // of the kernel's entry
    Bytes run;           // its bytes
    const ComparedCode& code;
    const Comparison& comparison;
  };
  using Reason = std::optional<std::string>;

  ObjectTable collect(const TableKind& kind) const;
  bool is_well_formed(const Section& section, std::uint32_t entry_size) const;
  std::optional<Difference> compare_table(const ObjectTable& table, const ComparedCode& code,
                                          const Comparison& comparison, Trial& trial) const;
  Reason compare_entry(const Pair& pair, Trial& trial) const;
  Reason compare_static_key(const Pair& pair, Trial& trial) const;
  Reason compare_static_call(const Pair& pair, Trial& trial) const;
  Reason compare_exception(const Pair& pair, Trial& trial) const;
  Reason compare_bug(const Pair& pair) const;
  Reason compare_alternative(const Pair& pair, Trial& trial) const;
  // Does the field at `at` in the entry lead to the place in code that the object's leads to?
  Reason leads_there(const Pair& pair, std::uint64_t at, Trial& trial) const;
  Reason leads_to_key(const Pair& pair, std::uint64_t at, Trial& trial) const;
  const Relocation* relocation_at(const Row& row, std::uint64_t at) const;
  Bytes pre_bytes(const Pair& pair) const;

  const ElfObject& object_;
  const Image& image_;
  std::vector<ObjectTable> tables_;
};

}  // namespace splicer
