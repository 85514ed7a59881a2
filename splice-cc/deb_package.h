// SPDX-License-Identifier: GPL-2.0-or-later
//
// An update as a Debian package, so that apt, a repository and what stands on them bring it to machines.
//
//     default_deb_version(manifest)   "6.1.176-1+1"
//     deb_package_name(manifest)      "splice-update-cve-2026-1234-6.1.0-50-cloud-amd64"
//     deb_file_name(manifest, "2")    "splice-update-cve-2026-1234-6.1.0-50-cloud-amd64_2_amd64.deb"
//
// It holds the very bytes of the update and its signature, and maintainer scripts of a few lines; what they do is the
// business of the package `splice`, which they depend on (debian/update-package). The name has the kernel's release:
// one fix makes a different update for each kernel, and all of them may be in one repository and on one machine.
//
// Invariant: the same arguments give the same bytes; whatever the manifest says, no field of the control file and no
// line of a script is anything but what is meant (names are checked, texts stand on lines of their own).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "matcher/base/result.h"
#include "runtime/package/manifest.h"

namespace splicer {

struct DebInput {
  const Manifest& manifest;
  std::span<const std::uint8_t> tar;
  std::string signature;  // the text of its file; empty: there is none
  std::string version;    // is_deb_version()
  std::string maintainer;
  std::int64_t time = 0;  // of all files and the changelog, seconds since 1970
};

// Digits first, then letters, digits and ". + ~ -": a version of dpkg's without an epoch, deb-version(7).
bool is_deb_version(std::string_view text);
// That of the kernel's package and "+1"; for a kernel that is not Debian's "1".
std::string default_deb_version(const Manifest& manifest);
std::string deb_package_name(const Manifest& manifest);
// "NAME_VERSION_amd64.deb"
std::string deb_file_name(const Manifest& manifest, const std::string& version);

// Compresses with xz: about a second for 5 MB. Errors: "deb-write".
Result<std::vector<std::uint8_t>> make_deb(const DebInput& input);

}  // namespace splicer
