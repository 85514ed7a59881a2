// SPDX-License-Identifier: GPL-2.0-or-later
//
// What makes an object a module: struct module, the version magic, the versions of the symbols it
// imports. A real module gets these from modpost; here a small C file, compiled with the kernel's
// own headers and flags, gives the two that depend on them (struct module's layout and the magic),
// and says by example how an entry of __versions is laid out.
//
// Invariant: nothing about the layout of the kernel's structures is known to this code.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "matcher/base/result.h"
#include "splice-cc/build/kbuild.h"

namespace splicer {

// Module.symvers: what the kernel and its modules export.
struct ExportedSymbol {
  std::uint32_t crc = 0;
  std::string name_space;  // MODULE_IMPORT_NS
};

using Exports = std::map<std::string, ExportedSymbol, std::less<>>;

// The name spaces that a module must import for these, each once, in order.
std::set<std::string> name_spaces(const std::set<std::string>& imports, const Exports& exports);

class ModuleGlue {
 public:
  // Compiles the C file once a tree. Errors: "compile-failed", "glue-malformed".
  static Result<ModuleGlue> make(const Kbuild& kbuild);

  const Exports& exports() const { return exports_; }

  // Content of .gnu.linkonce.this_module, with the placeholder of the update's id in the name;
  // `number` is the target's.
  std::vector<std::uint8_t> this_module(std::size_t number) const;
  std::uint64_t this_module_align() const { return align_; }
  // Content of .modinfo for a module that imports these symbols.
  std::string modinfo(std::size_t number, const std::set<std::string>& imports) const;
  // Content of __versions; empty when the kernel has no symbol versions.
  std::vector<std::uint8_t> versions(const std::set<std::string>& imports) const;

 private:
  Exports exports_;
  std::vector<std::uint8_t> this_module_;
  std::uint64_t align_ = 64;
  std::uint64_t name_at_ = 0;  // of the number, behind the placeholder
  std::string vermagic_;
  std::uint64_t version_size_ = 0;
  std::uint64_t version_crc_at_ = 0;
  std::uint64_t version_name_at_ = 0;
};

}  // namespace splicer
