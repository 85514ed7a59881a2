// SPDX-License-Identifier: GPL-2.0-or-later
//
// Values in place, before anything is loaded: does what the update expects stand in the kernel?
//
//     auto set = compare_values(target, module, addresses, image);
//     // {"pipe_max_size"}: a default that somebody has set, and that will be left
//
// The core module compares again in the stop, where it counts; here, an update that cannot be applied
// is refused early, and splice-apply -n knows it.
//
// Invariant: what is compared here is what the record in the module says. Pointers to what the kernel
// exports, which the module loader fills in, are the core module's to compare.
#pragma once

#include <string>
#include <vector>

#include "matcher/base/result.h"
#include "matcher/elf/elf_object.h"
#include "matcher/image/image.h"
#include "runtime/package/manifest.h"
#include "runtime/prepare/resolve.h"

namespace splicer {

// Values of the new module of `target` whose variables somebody has set to something else, where that
// is allowed (SPLICE_VALUE_DEFAULT). Linear in the bytes. Errors: "value-changed"
// (ExitCode::mismatch); "link-value" (ExitCode::bad_package), if a record is none.
Result<std::vector<std::string>> compare_values(const PackageTarget& target,
                                                const ElfObject& module, const Addresses& addresses,
                                                const Image& image);

}  // namespace splicer
