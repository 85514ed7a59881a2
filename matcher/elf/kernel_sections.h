// SPDX-License-Identifier: GPL-2.0-or-later
//
// What the sections of a kernel object are: one table, for all that has to know.
//
// The kernel gives a meaning to some hundred names of sections. Code and data live in them, entries
// of tables about code, what is read once and freed, what only the linker sees. Each has one row:
//
//     kernel_section("__jump_table")->role            SectionRole::table
//     kernel_section("__jump_table")->entry_size      16u
//     kernel_section(".init.text")->discarded         Discarded::after_init
//     kernel_section(".BTF")->role                    SectionRole::ignored
//     kernel_section(".BTF_ids")->role                SectionRole::linked
//     kernel_section(".data.rel.unknown")->name       ".data*"
//     kernel_section("__new_in_7.0")                  nullptr
//
// Of several rows that fit a name, the longest wins.
//
// To support a section that a newer kernel brings, add a row in kernel_sections.cc, with the file of
// the kernel that it comes from. Until then it counts as an init-time table, so that no patch may
// change it and no new code may refer to what is new in it (tests/matcher/elf/kernel_sections_test.cc
// has the names that kernels have; testdata/sections/collect finds them).
//
// Invariant: an unknown section is never taken for data that new code may have a copy of.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "matcher/elf/elf_object.h"

namespace splicer {

enum class SectionRole {
  code,          // functions
  data,          // variables
  read_only,     // constants
  table,         // entries about places in code, which go where their code goes
  table_part,    // what entries of a table in another section consist of
  init,          // ran or was read when the kernel or the module came up, and is gone
  exit,          // of built-in code: gone; of a module: code
  init_table,    // read when the kernel or the module came up, and still in use: must not change
  export_table,  // an init-time table of exported symbols, which may grow
  export_names,  // the names of those, which the linker merges as it likes
  linked,        // content that comes only when the kernel is linked: no copy of it would do
  ignored,       // no part of the running kernel, or of no effect on it
  hooks,         // pointers that include/splice.h leaves for the differ
};

// What the running kernel no longer has.
enum class Discarded {
  never,
  after_init,  // freed once the kernel or the module is up
  built_in,    // linked into modules alone
  at_link,     // by the linker
};

// A place in code that the kernel rewrites (matcher/match/sites.h), and the table that names it.
enum class SiteKind {
  ftrace,        // __mcount_loc
  alternative,   // .altinstructions
  paravirt,      // .parainstructions
  static_key,    // __jump_table
  static_call,   // .static_call_sites, and the trampolines in .static_call.text
  retpoline,     // .retpoline_sites
  return_thunk,  // .return_sites
  lock_prefix,   // .smp_locks
  endbr,         // .ibt_endbr_seal
  constant,      // runtime_ptr_NAME, runtime_shift_NAME
};

struct KernelSection {
  std::string_view name;  // with '*' at its end: of all sections whose name begins so
  SectionRole role{};
  std::string_view source;  // the file of the kernel that makes it, or says what becomes of it
  Discarded discarded = Discarded::never;

  // Of a table about code. The first relocation of an entry names the code.
  std::optional<SiteKind> site = {};  // what its entries say may be rewritten
  std::uint32_t relocations = 0;      // of an entry; 0: depends on the kernel's configuration
  std::uint32_t entry_size = 0;       // bytes; 0: depends on the kernel
  std::uint32_t constant_width = 0;   // bytes of the runtime constant in code
  std::string_view parallel = {};     // a section with the other half of each entry

  // Of a table that was read at start-up.
  bool may_grow = false;    // a new entry is in force after a reboot, and harms nobody before
  bool may_shrink = false;  // one that is taken out stays in force until then
  bool describes = false;   // entries only describe what others do, for people

  // Of code and data.
  std::string_view becomes = {};  // the section of a new module that it goes to; empty: as its kind
  bool lines = false;             // entries hold line numbers, which every patch shifts
  bool fresh_copy = false;        // a fresh copy in new code behaves as well as the kernel's own
  bool unnamed_code = false;    // bits of code without symbols: each begins where code refers to it
  std::string_view inner = {};  // symbols whose names begin so lie inside of what others begin

  bool holds_code() const { return role == SectionRole::code || role == SectionRole::exit; }
};

// The row for a section of that name, nullptr if there is none. Reads the whole table: some hundred
// comparisons.
const KernelSection* kernel_section(std::string_view name);
std::span<const KernelSection> kernel_sections();

// What a section of an object is. `module`: the object is part of a module, whose exit code stays in
// memory. Never `exit`. By its row, but a section that is not loaded is ignored, and code is code.
SectionRole section_role(const Section& section, bool module);

// Consists of functions, variables and constants, which can be told apart and copied.
constexpr bool is_content(SectionRole role) {
  return role == SectionRole::code || role == SectionRole::data || role == SectionRole::read_only;
}
constexpr bool is_init_table(SectionRole role) {
  return role == SectionRole::init_table || role == SectionRole::export_table ||
         role == SectionRole::export_names;
}
constexpr bool is_code_table(SectionRole role) {
  return role == SectionRole::table || role == SectionRole::table_part;
}

// Is the section gone once the kernel, or the module, is up?
bool is_discarded(std::string_view section, bool module);
// Is anything of it in a kernel, if only until that is up? Debug information is not, nor what the
// linker leaves out.
bool is_linked(const Section& section);
// The section of the linked kernel that an input section of code ends up in, as far as what lies
// beside it goes (TEXT_TEXT in include/asm-generic/vmlinux.lds.h).
std::string_view linked_section(std::string_view section);

// Sections of strings and constants that the linker merges, so that none has an identity.
bool is_merged(const Section& section);
// Constants of the kernel's read-only data, by name alone.
bool is_read_only_data(std::string_view section);
// Bits of code without symbols (.altinstr_aux): what leads to one tells where it begins.
bool has_unnamed_code(std::string_view section);
// .altinstructions: of its entries the second relocation names the replacement.
bool is_alternatives(const Section& section);

// Bytes of the constant that runtime_const_init() (asm/runtime-const.h) writes when the kernel boots
// where a table of that name says, the value of a variable: 8 for runtime_ptr_NAME, 1 for
// runtime_shift_NAME, 0 for any other table.
std::uint32_t constant_width(std::string_view table);
// NAME of such a table.
std::string constant_variable(std::string_view table);

// Pointers of <splice.h> to functions of the patch, by kind: .splice.KIND.
inline constexpr std::string_view kHookSection = ".splice.";

}  // namespace splicer
