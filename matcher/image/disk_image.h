// SPDX-License-Identifier: GPL-2.0-or-later
//
// A kernel and its modules as they are shipped, without booting them.
//
// A module's file is itself a relocatable object. The kernel's loader lays its sections out and
// applies its relocations (apply_relocate_add() in arch/x86/kernel/module.c); the same is done here
// at made-up addresses of the module area, and the result reads like the memory of a running kernel
// that has rewritten nothing yet:
//
//     auto image = open_disk_image("boot/vmlinuz-REL", {"kernel/drivers/net/tun.ko"});
//     match_object(pre, **image, {.target = "tun"});
//
// A symbol that a module takes from a module which is not given gets an address of its own, where
// nothing can be read: it is only ever compared with itself.
//
// Invariant: every byte of a loaded section is the file's, or a relocated field whose value fits.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "matcher/base/result.h"
#include "matcher/image/image.h"

namespace splicer {

// Errors: those of open_vmlinux_image(), "elf-malformed", "module-malformed".
Result<std::unique_ptr<Image>> open_disk_image(const std::string& kernel,
                                               const std::vector<std::filesystem::path>& modules);

}  // namespace splicer
