// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which vulnerabilities this machine has or has no more, as vulnerability scanners read it: VEX, in its two
// common forms, OpenVEX 0.2.0 and CSAF 2.0 with the profile csaf_vex.
//
//     openvex(status, context)    {"statements": [{"vulnerability": {"name": "CVE-2026-1234"}, "status": "fixed", ...
//     csaf(status, context)       product_status.fixed: the kernel with its updates; known_affected: without them
//
// A scanner knows the kernel by its package, and finds it vulnerable whatever is in force. The documents name
// that package (pkg:deb/debian/linux-image-RELEASE@VERSION), and say of each CVE that an update which is
// installed or applied claims whether it is fixed in memory. Of other CVEs they say nothing.
//
// CSAF tells the kernel as shipped from the kernel with its updates in force: the one stays affected, with the
// update as its remedy that needs no restart; the other is fixed.
//
// Invariant: "fixed" is said where Status says it, and nowhere else.
// Cost: linear in CVEs and updates. Nothing is read or printed here.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "runtime/status.h"

namespace splicer {

struct VexContext {
  std::string host;   // whom the documents are of, and by
  std::string now;    // UTC, "2026-11-27T13:00:00Z"
  std::string maker;  // "splice-status 0.1.0"
};

// Of this machine, now.
VexContext vex_context();

// "pkg:deb/debian/linux-image-6.1.0-56-cloud-amd64@6.1.192-2?arch=amd64"; without what is not known.
std::string package_url(const KernelIdentity& kernel);

// Errors: "no-cve-known": no update says which CVE it fixes, and neither form can be empty.
Result<nlohmann::json> openvex(const Status& status, const VexContext& context);
Result<nlohmann::json> csaf(const Status& status, const VexContext& context);

}  // namespace splicer
