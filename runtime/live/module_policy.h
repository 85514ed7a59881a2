// SPDX-License-Identifier: GPL-2.0-or-later
//
// May this process load a module that it has linked itself, into this kernel? Asked before anything
// else, and in a dry run too, since no package can change the answer:
//
//     kernel.modules_disabled            no module until the next boot
//     module.sig_enforce, lockdown       only signed ones, and addresses are written into an update's
//                                        on this machine, so that no signature holds
//     CAP_SYS_MODULE                     a container has none
//     kernel.kptr_restrict = 2           symbols are hidden from root as well
//
// Invariant: only what the kernel says is believed; what cannot be read forbids nothing here, and is
// found out by the call that fails.
#pragma once

#include <string>

#include "matcher/base/result.h"

namespace splicer {

// `root` is "" but for tests. Errors: "modules-disabled", "signed-modules-only", "locked-down",
// "no-capability", "kptr-restrict".
Result<void> check_module_policy(const std::string& root = "");

}  // namespace splicer
