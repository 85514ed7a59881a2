// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which parts of a kernel's source tree an x86 kernel is made of: the one place that says so, for
// what is unpacked, what a patch may change, whose #include lines count, and where a Makefile may
// name another directory's sources.
//
//     net/core/dev.c                 is_kernel_source
//     Documentation/, arch/arm/      neither source of this kernel nor unpacked
//     tools/objtool/                 unpacked, as kbuild builds it; not source of the kernel
//     arch/x86/boot/Makefile         refers to ../../../lib: may_refer_elsewhere("arch")
//
// Invariant: is_kernel_source(path) implies that unpacking the tarball with tar_exclusions() leaves
// it in, and that its #include lines are read (has_includes).
#pragma once

#include <string>
#include <vector>

namespace splicer {

// Documents, self-tests, samples and other architectures: no part of this kernel.
bool is_kernel_source(const std::string& path);
// Files that say how the kernel is configured, built or linked.
bool is_build_rule(const std::string& path);
// Is it read when a kernel is configured, and at no other time (Kconfig)?
bool is_configuration(const std::string& path);
// Is it below arch/, but of another architecture than x86? (arch/Kconfig belongs to all.)
bool is_other_architecture(const std::string& path);

// Code that is built into the kernel's image and is no part of the kernel that runs: the vDSO, which is
// mapped into programs (arch/x86/entry/vdso/Makefile), the boot and real-mode code, the purgatory of kexec,
// the EFI stub. Each is linked by a Makefile of its own.
bool is_separate_image(const std::string& path);

// Of a directory at the top: do its sources' #include lines count?
bool has_includes(const std::string& top);
// Directories at the top in which a Makefile may build an object from another directory's source.
const std::vector<std::string>& directories_that_may_refer_elsewhere();
// Options of tar(1) that leave out what is never compiled here, half of the files.
const std::vector<std::string>& tar_exclusions();

}  // namespace splicer
