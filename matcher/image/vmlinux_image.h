// SPDX-License-Identifier: GPL-2.0-or-later
//
// A kernel on disk: a bzImage as shipped (/boot/vmlinuz-REL), or a vmlinux.
//
//     auto image = open_vmlinux_image("/boot/vmlinuz-6.1.0-50-amd64");
//     auto found = (*image)->symbols().find("vmlinux", "copy_process");
//
// Memory is what its PT_LOAD segments hold; nothing has been rewritten yet. Its symbols are those of
// its symbol table, or of a stripped kernel, as shipped ones are, those that it would list itself
// (kallsyms_table.h).
//
// Invariant: the file is hostile. Each byte that the image returns lies in the file.
#pragma once

#include <memory>
#include <string>

#include "matcher/base/result.h"
#include "matcher/image/image.h"

namespace splicer {

// Errors: "vmlinux-malformed" (also of what cannot be read), "kernel-file-malformed",
// "compressed-malformed", "kallsyms-not-found".
Result<std::unique_ptr<Image>> open_vmlinux_image(const std::string& path);

}  // namespace splicer
