// SPDX-License-Identifier: GPL-2.0-or-later
//
// The kernel that runs here, and whether an update is for it and whether we may change it.
//
//     check_identity(package.manifest.kernel, running_kernel())      "wrong-kernel" on another build
//
// A release is not a build: Debian gives several builds one `uname -r`, and only `uname -v` tells them apart.
#pragma once

#include "matcher/base/result.h"
#include "runtime/package/manifest.h"

namespace splicer {

// The kernel that runs (uname(2)); `compiler` stays empty.
KernelIdentity running_kernel();
// Errors: "wrong-kernel".
Result<void> check_identity(const KernelIdentity& wanted, const KernelIdentity& running);
// Errors: "not-root".
Result<void> check_root();

}  // namespace splicer
