// SPDX-License-Identifier: GPL-2.0-or-later
//
// splice-create --verify: the finished update matched against the kernel as it was shipped.
//
// The same match as splice-apply makes against a running kernel, but against the files of the
// kernel's package: vmlinuz unpacked, its own symbol table, and the modules that the update is for,
// laid out as the kernel's loader would, with all that they need. So a security team knows that the
// update fits this kernel before any machine has it; what boot rewrites is matched when it is
// applied.
//
//     splice-create --verify --kernel 6.1.0-50-cloud-amd64 fix.patch
//     splice-create: verified: 3 functions of 2 objects match the shipped kernel
//
// Invariant: an update that does not match is not written.
#pragma once

#include "matcher/base/result.h"
#include "splice-cc/creation.h"

namespace splicer {

// A pass; does nothing without --verify, or what needs it: --format livepatch, --sign-modules. Errors: "kernel-image-missing", "module-file-missing",
// those of open_disk_image() and of match_update().
Result<void> verify_update(Creation& creation);

}  // namespace splicer
