// SPDX-License-Identifier: GPL-2.0-or-later
//
// Forms: all byte sequences that the kernel may have written at a group of rewriting sites.
//
// The kernel's own steps are followed in the kernel's order (alternative_instructions() in
// arch/x86/kernel/alternative.c): paravirtual calls, retpolines, return thunks, endbr, then the
// alternatives in table order with nops optimised; after boot static keys, static calls and ftrace.
// Each step turns the set of forms so far into that set and what the step may make of it. So a
// two-step rewriting (a paravirtual call that an alternative then replaces) needs no case of its
// own.
//
// Example, for `call *pv_ops+24(%rip)` inside ALTERNATIVE("...", "pushf; pop %rax", !XENPV):
//     ff 15 [pv_ops+24]   e8 [native_save_fl] 90   9c 58 0f 1f 40 00
//
// Invariant: a form never has more or fewer bytes than the group; fields that hold an address are
// relocations of the form and are proved like those of the object.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "matcher/elf/elf_object.h"
#include "matcher/image/image.h"
#include "matcher/match/sites.h"

namespace splicer {

struct Form {
  std::vector<std::uint8_t> bytes;
  std::vector<Relocation> relocations;       // offsets from the start of the form
  std::vector<std::uint32_t> lock_prefixes;  // offsets where f0 and 3e are the same
  std::string hook;                          // who is called from the ftrace site, if anybody
};

class FormMaker {
 public:
  FormMaker(const ElfObject& object, const SiteTables& sites, const Image& image)
      : object_(object), sites_(sites), image_(image) {}

  // Every form that may stand for `group` of `section` when it runs at `address`. `run` is what
  // stands there now (group.end - group.begin bytes): some forms (a call of one of many
  // trampolines) are proposed from it, and only if what it points to proves them.
  std::vector<Form> make(std::uint32_t section, const SiteGroup& group, RunAddress address,
                         Bytes run) const;

 private:
  Form original(std::uint32_t section, std::uint64_t begin, std::uint64_t end) const;
  void boot_sites(std::vector<Form>& forms, const std::vector<Site>& sites, std::uint64_t begin,
                  RunAddress address, Bytes run) const;
  void paravirt(std::vector<Form>& forms, const Site& site, std::uint64_t begin,
                RunAddress address) const;
  void retpoline(std::vector<Form>& forms, const Site& site, std::uint64_t begin,
                 RunAddress address, Bytes run) const;
  void return_thunk(std::vector<Form>& forms, const Site& site, std::uint64_t begin,
                    RunAddress address) const;
  void alternative(std::vector<Form>& forms, const Site& site, std::uint64_t begin,
                   RunAddress address, Bytes run) const;
  void constant(std::vector<Form>& forms, const Site& site, std::uint64_t begin) const;
  std::optional<std::vector<std::uint8_t>> direct_call(const Form& form, const Site& site,
                                                       std::uint64_t offset,
                                                       RunAddress address) const;
  void static_key(std::vector<Form>& forms, const Site& site, std::uint64_t begin) const;
  void static_call(std::vector<Form>& forms, const Site& site, std::uint64_t begin,
                   RunAddress address) const;
  void ftrace(std::vector<Form>& forms, const Site& site, std::uint64_t begin, RunAddress address,
              Bytes run) const;

  const ElfObject& object_;
  const SiteTables& sites_;
  const Image& image_;
};

}  // namespace splicer
