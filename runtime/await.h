// SPDX-License-Identifier: GPL-2.0-or-later
//
// Modules that come and go while an update is applied: which ones it awaits, and what is kept for that.
//
//     await_targets(apply)       before anybody looks which modules are loaded: from here none slips in
//     settle_targets(apply)      after the match: a module that nothing else refers to may be unloaded
//     keep_package(...)          in /run/splice, for the part that comes later (late.h)
//
// An update awaits each module that it patches, loaded or not. One that is loaded later gets its part before
// its init runs (kmod/coming.c), one that is unloaded takes it along, and gets it again when it comes back.
//
// A module is held, as long as the update is applied, if the update has hooks for it, which run when the whole
// update comes or goes; if code for another module refers to it; and if the update keeps its memory.
//
// Invariant: an update in force whose list of awaited modules has none that is "unpatched" leaves no loaded
// module unpatched.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "matcher/base/result.h"
#include "runtime/apply.h"

namespace splicer {

// Errors: "helper-unsafe", those of Device::await().
Result<void> await_targets(Apply& apply);
// Of a late part: holds what it refers to.
Result<void> settle_targets(Apply& apply);

// The modules among the update's targets that the new code for targets[index] refers to, and is not for.
std::set<std::string> referred_targets(const Apply& apply, std::size_t index);

// The package as it came, with its signature. Errors: "record-unwritable".
Result<void> keep_package(const std::string& id, const AdmittedPackage& package,
                          const std::string& folder = kRecordFolder);
// That of an update which is no longer applied. What cannot be removed says nothing.
void forget_package(const std::string& id, const std::string& folder = kRecordFolder);
std::string kept_package(const std::string& id, const std::string& folder = kRecordFolder);
// Reads it, if nobody else could have written it. Errors: "record-unsafe", those of read_signed().
Result<SignedBytes> read_kept(const std::string& id, const std::string& folder = kRecordFolder);

// The first of these programs that nobody but root can replace: neither it nor any folder above it is another's,
// or may be written by another. The kernel will run it as root. Errors: "helper-unsafe".
Result<std::string> trusted_program(const std::vector<std::string>& paths);

// The targets of an applied update whose new modules it does not have: they were not loaded when it
// was applied. Those that it awaits go to `waiting` instead.
std::set<std::string> missing_targets(const Manifest& manifest, const AppliedUpdate& update,
                                      std::set<std::string>& waiting);
// May an applied update without these targets count as applied? `loaded`: the modules that are loaded
// now. Errors: "partly-applied", "module-not-loaded".
Result<void> check_missing(const std::string& id, const std::set<std::string>& missing,
                           const std::set<std::string, std::less<>>& loaded, bool skip_unloaded);

}  // namespace splicer
