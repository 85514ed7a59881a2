// SPDX-License-Identifier: GPL-2.0-or-later
//
// What an applied update is, beside what the core module knows: its patches, what it was made on, and
// which of its modules were not there. The core module's account (state.h) has addresses and names of
// functions; nothing in it says that tun, which was not loaded, is unpatched.
//
//     write_record(record_of(package, left_out, key));  before the switch
//     const AppliedRecords records = AppliedRecords::read();
//     records.find("5d1f0c2e77aa9b31")->left_out       {"tun"}
//
// One file for each update, /run/splice/ID.json. /run is in memory: it is gone after a reboot, as the
// updates are. A record counts only with the boot that it names, and only for an update that the core
// module lists, or the kernel as a live patch, so that one which is left over says nothing.
//
// Invariant: what cannot be read or is no record is taken for absent, never for an update that has
// nothing left out: known() tells the two apart.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/result.h"
#include "runtime/package/package.h"

namespace splicer {

inline constexpr const char* kRecordFolder = "/run/splice";

struct AppliedRecord {
  std::string id;
  std::string name;                   // empty: another release applied it
  std::string fix_id;                 // likewise
  std::vector<std::string> fixes;     // CVE ids
  std::vector<std::string> titles;    // of its patches
  std::vector<std::string> patches;   // SHA-256 of each
  std::vector<std::string> base;      // SHA-256 of each patch that the kernel had to have
  std::vector<std::string> units;     // "kernel/fork.o"
  std::vector<std::string> left_out;  // modules that were not loaded, and stayed unpatched
  std::vector<std::string> parts_left_out = {};  // of its patches when it was made, with reasons
  // The module that it is, as a live patch of the kernel's own; none for an update of the core module's.
  std::vector<std::string> livepatch = {};
  // The key of the package's signature (PublicKey::id()); empty: it was not signed; none: another release
  // applied it.
  std::optional<std::string> signed_by = {};
};

// Another text after each boot (drivers/char/random.c, proc_do_uuid()); empty where there is none.
std::string boot_id(const std::string& proc = "/proc");

// `signed_by`: as in the record.
AppliedRecord record_of(const Package& package, const std::set<std::string>& left_out,
                        const std::string& signed_by);

// Errors: "record-unwritable".
Result<void> write_record(const AppliedRecord& record, const std::string& folder = kRecordFolder,
                          const std::string& proc = "/proc");
// Of an update that is no longer applied. One that cannot be removed says nothing either.
void remove_record(const std::string& id, const std::string& folder = kRecordFolder);

class AppliedRecords {
 public:
  // Takes time in proportion to the records.
  static AppliedRecords read(const std::string& folder = kRecordFolder,
                             const std::string& proc = "/proc");

  // The record of that update, or nullptr if there is none.
  const AppliedRecord* find(std::string_view id) const;
  bool known(std::string_view id) const { return find(id) != nullptr; }
  // Of the update that this module is, as a live patch; or nullptr.
  const AppliedRecord* find_livepatch(std::string_view module) const;

 private:
  std::map<std::string, AppliedRecord, std::less<>> records_;
};

}  // namespace splicer
