// SPDX-License-Identifier: GPL-2.0-or-later
//
// May this process load an update's modules into this kernel? Asked before anything else, and in a dry run
// too:
//
//     kernel.modules_disabled            no module until the next boot
//     module.sig_enforce, lockdown       only signed ones: a live patch that was signed when it was made, and
//                                        none that gets its addresses on this machine (the engine "stop")
//     CAP_SYS_MODULE                     a container has none
//     kernel.kptr_restrict = 2           symbols are hidden from root as well
//
// Invariant: only what the kernel says is believed; what cannot be read forbids nothing here, and is
// found out by the call that fails.
#pragma once

#include <string>
#include <vector>

#include "matcher/base/result.h"

namespace splicer {

enum class ModuleKind { linked_here, signed_when_made };

// All that forbids it, the most lasting first; `root` is "" but for tests. Their codes:
// "modules-disabled", "locked-down", "signed-modules-only", "no-capability", "kptr-restrict".
std::vector<Error> module_policy_faults(ModuleKind kind, const std::string& root = "");
// Errors: the first of these.
Result<void> check_module_policy(ModuleKind kind, const std::string& root = "");

}  // namespace splicer
