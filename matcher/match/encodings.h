// SPDX-License-Identifier: GPL-2.0-or-later
//
// Permitted encodings: all byte sequences that the kernel may have written at a group of rewriting
// sites.
//
// The kernel's own steps are followed in the kernel's order (alternative_instructions() in
// arch/x86/kernel/alternative.c): paravirtual calls, retpolines, return thunks, endbr, then the
// alternatives in table order with nops optimised; after boot static keys, static calls and ftrace.
// Each step turns the set of encodings so far into that set and what the step may make of it, so a
// two-step rewriting (a paravirtual call that an alternative then replaces) needs no case of its
// own.
//
// Example, for `call *pv_ops+24(%rip)` inside ALTERNATIVE("...", "pushf; pop %rax", !XENPV):
//     ff 15 [pv_ops+24]   e8 [native_save_fl] 90   9c 58 0f 1f 40 00
//
// Invariant: an encoding never has more or fewer bytes than the group; fields that hold an address are
// relocations of the encoding and are proved like those of the object. What is left out makes the
// matcher refuse more, never accept more.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "matcher/elf/elf_object.h"
#include "matcher/image/image.h"
#include "matcher/match/sites.h"

namespace splicer {

struct Encoding {
  std::vector<std::uint8_t> bytes;
  std::vector<Relocation> relocations;       // as of a section that begins with the encoding
  std::vector<std::uint32_t> lock_prefixes;  // offsets where f0 and 3e are the same
  std::string hook;                          // who is called from the ftrace site, if anybody
};

class Encodings {
 public:
  Encodings(const ElfObject& object, const SiteTables& sites, const Image& image)
      : object_(object), sites_(sites), image_(image) {}

  // Every encoding that `group` of `section` may have when it runs at `address`. `run` is what is
  // there now (group.end - group.begin bytes): some encodings (a call of one of many trampolines)
  // are proposed from it, and only if what it points to proves them. Sites that overlap multiply
  // their encodings, up to 1024.
  std::vector<Encoding> of(std::uint32_t section, const SiteGroup& group, RunAddress address,
                           Bytes run) const;

 private:
  Encoding original(std::uint32_t section, SectionOffset begin, SectionOffset end) const;
  void boot_sites(std::vector<Encoding>& encodings, const std::vector<Site>& sites,
                  SectionOffset begin, RunAddress address, Bytes run) const;
  void paravirt(std::vector<Encoding>& encodings, const Site& site, SectionOffset begin,
                RunAddress address) const;
  void retpoline(std::vector<Encoding>& encodings, const Site& site, SectionOffset begin,
                 RunAddress address, Bytes run) const;
  // A branch to a retpoline thunk, as it was built.
  struct ThunkBranch {
    unsigned number = 0;              // of the register
    std::uint64_t opcode_offset = 0;  // in the group
    std::uint8_t opcode = 0;          // of jcc the second byte
    bool conditional = false;
  };
  std::optional<ThunkBranch> thunk_branch(const Encoding& built, std::uint64_t offset,
                                          std::uint32_t length) const;
  static std::vector<std::uint8_t> indirect_branch(const ThunkBranch& thunk, bool lfence,
                                                   std::uint32_t length);
  bool is_its_thunk(RunAddress address, unsigned number) const;
  void return_thunk(std::vector<Encoding>& encodings, const Site& site, SectionOffset begin,
                    RunAddress address) const;
  void alternative(std::vector<Encoding>& encodings, const Site& site, SectionOffset begin,
                   RunAddress address, Bytes run) const;
  std::vector<Encoding> replacements_of(const Site& site, RunAddress address, Bytes run) const;
  void constant(std::vector<Encoding>& encodings, const Site& site, SectionOffset begin) const;
  std::optional<std::vector<std::uint8_t>> direct_call(const Encoding& encoding, const Site& site,
                                                       std::uint64_t offset,
                                                       RunAddress address) const;
  void static_key(std::vector<Encoding>& encodings, const Site& site, SectionOffset begin) const;
  void static_call(std::vector<Encoding>& encodings, const Site& site, SectionOffset begin,
                   RunAddress address) const;
  void ftrace(std::vector<Encoding>& encodings, const Site& site, SectionOffset begin,
              RunAddress address, Bytes run) const;

  const ElfObject& object_;
  const SiteTables& sites_;
  const Image& image_;
};

}  // namespace splicer
