// SPDX-License-Identifier: GPL-2.0-or-later
//
// Takes the vmlinux out of a kernel image as it is shipped (bzImage, /boot/vmlinuz-REL).
//
// A bzImage is a real-mode loader, a decompressor and a compressed vmlinux. The boot protocol's
// header says where the last begins and how long it is (Documentation/x86/boot.rst, payload_offset
// and payload_length; protocol 2.08 and later).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "matcher/base/bytes.h"
#include "matcher/base/result.h"

namespace splicer {

// A generic kernel unpacks to some 60 MB; this is where a hostile file is stopped.
inline constexpr std::size_t kMaxKernel = 1ull << 30;

// The uncompressed vmlinux inside `file`, of at most `limit` bytes; a copy of `file` when it is an
// ELF file already. Errors: "kernel-file-malformed".
Result<std::vector<std::uint8_t>> unpack_kernel(Bytes file, const std::string& name,
                                                std::size_t limit = kMaxKernel);

}  // namespace splicer
