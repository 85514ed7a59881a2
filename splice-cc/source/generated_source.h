// SPDX-License-Identifier: GPL-2.0-or-later
//
// Files from which the kernel's build makes sources, before it compiles anything.
//
//     crypto/asymmetric_keys/x509.asn1             x509.asn1.c, by scripts/asn1_compiler
//     arch/x86/entry/syscalls/syscall_64.tbl       asm/syscalls_64.h
//     arch/x86/kernel/asm-offsets.c                include/generated/asm-offsets.h
//     lib/gen_crc32table.c                         a program of the build, which writes crc32table.h
//     arch/x86/include/asm/cpufeatures.h           a header, and the input of capflags.c
//
// What is made from them is not made anew for an update: the sources with the patch are compiled
// against what was made without. So a patch that changes one of them would be made in part, or be taken
// for one that changes nothing.
//
// Which files they are is what Makefiles say: a file that is neither C, assembly nor a header, and is
// named in a Makefile of its directory or one above; C that is built as a program of the build
// (hostprogs), or only down to assembly (bounds.s), and what such C includes. Headers that are inputs
// besides are in a table.
//
// Invariant: a file that is a unit of the kernel is none of these.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "splice-cc/findings/findings.h"
#include "splice-cc/source/patch_parser.h"

namespace splicer {

// The Makefile or Kbuild that makes other sources from `file`, which is no unit; nothing, if none
// does. Both are relative to the tree `source`. Reads the Makefiles of its directory and those above, and for C
// the C files beside it.
std::optional<std::string> reader_in_build(const std::filesystem::path& source,
                                           const std::string& file);

// "generated-source", to be accepted by name.
Finding generated_source(const PatchFile& file, const std::string& makefile);

// Of a header: the source that the build makes from lines which the patch changes, as
// "arch/x86/kernel/cpu/capflags.c". Linear in the patch.
std::optional<std::string> made_from_header(const PatchFile& file);

}  // namespace splicer
