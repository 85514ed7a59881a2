// SPDX-License-Identifier: GPL-2.0-or-later
//
// Weak definitions in the kernel's source: where a function is defined for all that have no other.
//
//     int __weak page_is_ram(unsigned long pfn)    kernel/resource.c
//
// A patch that adds another definition of such a function changes which one the linker takes. In a
// running kernel that is decided: its callers go on calling the weak one.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "matcher/base/result.h"

namespace splicer {

// Of those functions that are defined as weak in a C file for this machine: the file. Reads all C
// files of the tree, in threads: seconds.
Result<std::map<std::string, std::string>> weak_definitions(const std::filesystem::path& source,
                                                            std::span<const std::string> names);

}  // namespace splicer
