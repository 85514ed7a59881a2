// SPDX-License-Identifier: GPL-2.0-or-later
//
// The update package: splice-ID.tar, what splice-create writes and splice-apply reads.
//
//     manifest.json              the Manifest (manifest.h), schema 1
//     patch/0001-NAME.patch ...  the patches, as given
//     pre/UNIT                   pre object of each unit (kernel/fork.o), for the matcher
//     new/TARGET.ko              new code of each target, a module that lacks only addresses
//     core/splice.ko             the core module for this kernel
//
// The id is the first 16 hex digits of a SHA-256 over everything but the id itself, so one input
// gives one id and one bit-identical file: members in sorted order, mtime 0, owner 0, mode 0644.
// The module for targets[N] is named splice_ID_N in the kernel. As the id follows from the content,
// The fix_id is the same over the digests of the patches alone, in sorted order: two updates that bring
// the same patches to two kernels have one.
// new/TARGET.ko carries kIdPlaceholder where the id goes (in .gnu.linkonce.this_module and
// .modinfo), and linking for a kernel writes the id over it.
//
// Invariant: a Package that read_package() returns is whole: every member's size and SHA-256 agree
// with the manifest, no member appears twice or is unnamed by the manifest, no name is absolute or
// has "..", nothing is larger than the limits, the id is that of the content.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "matcher/base/result.h"
#include "runtime/package/manifest.h"

namespace splicer {

struct Package {
  Manifest manifest;
  std::map<std::string, std::vector<std::uint8_t>> members;  // all but manifest.json
};

// Derives the id (fills in package.manifest.id), adds the manifest's "members" table (name, size,
// sha256) and returns the tar's bytes. Linear in the members.
Result<std::vector<std::uint8_t>> write_package(Package& package);

// Errors: ExitCode::bad_package with codes "package-truncated", "package-member-path",
// "package-member-duplicate", "package-member-size", "package-member-digest", "package-manifest",
// "package-schema", "package-id".
// "-" is standard input, so that what was verified there is what is read.
Result<Package> read_package(const std::string& path);
// The same in two steps, for who keeps what was checked: the bytes are read once. Errors:
// "file-unreadable", "package-member-size".
Result<std::vector<std::uint8_t>> read_package_file(const std::string& path);
Result<Package> parse_package(std::vector<std::uint8_t> tar, const std::string& name);

}  // namespace splicer
