// SPDX-License-Identifier: GPL-2.0-or-later
//
// Rewriting sites: the places in an object's code that the kernel rewrites when it boots, loads a
// module or flips a switch. Each is named by a table in the object itself; a place that no table
// names is never rewritten, and there a difference is a mismatch.
//
//     auto sites = SiteTables::collect(pre);
//     for (const SiteGroup& group : sites->in(section)) ...
//
// Sites may overlap (a paravirtual call inside an alternative), so what overlaps forms one group,
// and matcher/match/encodings.h says what may stand in a group as a whole.
//
// Invariant: groups of a section are sorted, do not overlap, and lie inside the section.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/address.h"
#include "matcher/base/result.h"
#include "matcher/elf/elf_object.h"
#include "matcher/elf/kernel_sections.h"

namespace splicer {

const char* site_kind_name(SiteKind kind);

// A place in the object: a section and an offset in it.
struct Place {
  std::uint32_t section = 0;
  SectionOffset offset;
};

struct Site {
  SiteKind kind{};
  SectionOffset offset;      // in the code section
  std::uint32_t length = 0;  // bytes

  Place replacement;                     // alternative: the other instructions
  std::uint32_t replacement_length = 0;  // alternative: their bytes
  bool direct_call = false;              // alternative: calls what the old call's pointer holds
  std::uint32_t paravirt_slot = 0;       // paravirt: index into pv_ops
  std::uint32_t symbol = 0;              // static_key: the jump's target is symbol + addend;
  std::int64_t addend = 0;               // static_call: the call's trampoline, __SCT__NAME
  std::string variable;                  // constant: whose value stands there

  // The kernel may rewrite it at any time, not only at boot or when the module is loaded.
  bool rewritten_while_running() const {
    return kind == SiteKind::ftrace || kind == SiteKind::static_key ||
           kind == SiteKind::static_call || kind == SiteKind::lock_prefix;
  }
};

struct SiteGroup {
  SectionOffset begin;
  SectionOffset end;
  std::vector<Site> sites;  // in the order of their tables: alternatives are applied in it
};

class SiteTables {
 public:
  // Errors: "site-table-malformed", with the table's name.
  static Result<SiteTables> collect(const ElfObject& object);

  const std::vector<SiteGroup>& in(std::uint32_t section) const;
  // Does a relocated field lie partly in a site of that section? No compiler writes such an object.
  bool is_cut(std::uint32_t section) const { return section < cut_.size() && cut_[section]; }

 private:
  std::vector<std::vector<SiteGroup>> groups_;  // by section
  std::vector<bool> cut_;
};

}  // namespace splicer
