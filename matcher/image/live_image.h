// SPDX-License-Identifier: GPL-2.0-or-later
//
// The running kernel, through /proc/kcore and /proc/kallsyms.
//
//     auto image = open_live_image();                        // or "kcore-unreadable"
//     std::array<std::uint8_t, 16> code{};
//     if (auto read = (*image)->read(address, code); !read) return propagate(read);
//
// /proc/kcore is an ELF core file whose PT_LOAD headers map kernel addresses to file offsets
// (fs/proc/kcore.c, read_kcore): kernel text, the module area, the direct map. A read costs a
// system call and takes a lock, so memory is read in pieces of 64 KiB, each once: what one image
// returns is a snapshot that does not change under its reader. To see newer memory, open a new
// image.
//
// An image is used by one thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "matcher/base/result.h"
#include "matcher/image/image.h"

namespace splicer {

// Needs root. `proc` and `sys` are others in tests. Errors: "kcore-unreadable", "kcore-malformed",
// "kallsyms-unreadable", those of SymbolTable::parse_kallsyms().
Result<std::unique_ptr<Image>> open_live_image(const std::string& proc = "/proc",
                                               const std::string& sys = "/sys");

// The address in a file /sys/module/MODULE/sections/SECTION, which holds it in hex
// (kernel/module/sysfs.c, module_sect_read()); nothing where it cannot be read or is hidden.
std::optional<std::uint64_t> read_section_address(const std::filesystem::path& file);

}  // namespace splicer
