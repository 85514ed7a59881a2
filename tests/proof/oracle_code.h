// SPDX-License-Identifier: GPL-2.0-or-later
//
// Is the code at an address a section of an object? The slow way: both sides are decoded whole, and
// every relocation is solved for its symbol.
//
//     OracleCode code(object, image, "vmlinux");
//     const OracleVerdict verdict = code.check(section, address);
//     if (verdict.reason.empty()) ...verdict.bindings...      what the symbols would have to be
//
// Of matcher/match nothing is used, and nothing is worked out beforehand. Instructions are equal if
// their bytes are, beside the relocated fields; a branch may be shorter or longer, and nops count for
// nothing. At a rewriting site the forms may stand that one flip makes: the five bytes of an ftrace
// site a nop, a static key's branch a nop or a jump, a lock prefix 3e, a return `ret; int3`, endbr64 a
// nop. Other forms, which only a running kernel has, are refused: the oracle is for images on disk.
//
// Invariant: each binding holds for all of the section; what has no binding was compared by content.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "matcher/elf/elf_object.h"
#include "matcher/image/image.h"

namespace splicer {

// What a relocation is about: a section of the object by its base, a symbol that is not defined here
// or weak, or a constant that the linker merges.
struct OracleKey {
  enum class Kind : std::uint8_t { section, symbol, constant };
  Kind kind{};
  std::uint32_t index = 0;   // of the section or symbol
  std::uint64_t offset = 0;  // of a constant in its section
  auto operator<=>(const OracleKey&) const = default;
};
using OracleBindings = std::map<OracleKey, RunAddress>;

struct OracleVerdict {
  std::string reason;  // why it is not that section; empty: it is
  OracleBindings bindings;
  std::uint64_t run_size = 0;  // bytes in the kernel
};

class OracleCode {
 public:
  // All live as long as this.
  OracleCode(const ElfObject& object, const Image& image, std::string target);

  OracleVerdict check(std::uint32_t section, RunAddress address) const;

 private:
  friend class OracleWalk;
  enum class Site : std::uint8_t { ftrace, lock, returns, key, endbr };
  struct PlacedSite {
    Site site{};
    std::uint64_t target = 0;  // of a static key's jump, if it is in the same section
    bool inside = false;
  };

  void collect_sites();
  bool lists(const Symbol& symbol, RunAddress address) const;

  const ElfObject& object_;
  const Image& image_;
  const std::string target_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, PlacedSite> sites_;  // by section, offset
};

}  // namespace splicer
