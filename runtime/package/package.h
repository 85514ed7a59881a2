// SPDX-License-Identifier: GPL-2.0-or-later
//
// The update package: splice-ID.tar, what splice-create writes and splice-apply reads.
//
//     manifest.json              the Manifest below, schema 1
//     patch/0001-NAME.patch ...  the patches, as given
//     pre/UNIT                   pre object of each unit (kernel/fork.o), for the matcher
//     new/TARGET.ko              new code of each target, a module that lacks only addresses
//     core/splice.ko             the core module for this kernel
//
// The id is the first 16 hex digits of a SHA-256 over everything but the id itself, so one input
// gives one id and one bit-identical file: members in sorted order, mtime 0, owner 0, mode 0644.
// The module for targets[N] is named splice_ID_N in the kernel. As the id follows from the content,
// new/TARGET.ko carries kIdPlaceholder where the id goes (in .gnu.linkonce.this_module and
// .modinfo), and linking for a kernel writes the id over it.
//
// Invariant: a Package that read_package() returns is whole: every member's size and SHA-256 agree
// with the manifest, no member is there twice or unnamed by the manifest, no name is absolute or
// has "..", nothing is larger than the limits, the id is that of the content.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/result.h"
#include "matcher/image/btf_layout.h"

namespace splicer {

inline constexpr std::string_view kIdPlaceholder = "0000000000000000";

struct KernelIdentity {
  std::string release;   // uname -r, "6.1.0-50-cloud-amd64"
  std::string version;   // uname -v, "#1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1 (2026-07-07)"
  std::string machine;   // "x86_64"
  std::string compiler;  // CONFIG_CC_VERSION_TEXT
};

// A function as the update sees it.
struct PackageFunction {
  std::string name;  // as in the kernel's symbol table
  std::string unit;  // "kernel/fork.o"
  // "replaced", "new", or "checked": out-of-line code (NAME.cold) of a replaced function, which
  // stays and must be the running code too; it has no new code, so no section and no size.
  std::string kind;
  std::string why;               // one sentence for people: "its code changes", "inlines foo, ..."
  std::string section;           // section of the new module that holds it, after linking: ".text"
  std::uint64_t offset = 0;      // in that section
  std::uint64_t size = 0;        // new code, bytes
  std::uint64_t old_size = 0;    // pre code, bytes; 0 for new functions
  std::uint32_t pre_symbol = 0;  // index in the pre object's symbol table; 0 for new functions
};

// An undefined symbol of a new module that apply must give an address. Symbols that the kernel
// exports are not listed: they stay undefined and the kernel's module loader resolves them.
struct PackageSymbol {
  std::string name;    // in the new module's symbol table; unique there
  std::string source;  // "pre": address of `pre_symbol` of `unit`, learnt by the matcher
                       // "kernel": by `kernel_name`, which must be unique in the kernel's table
                       // "update": defined by the new module of `target` of this same package
                       // "constant": no address but the value of the variable `kernel_name`, as
      // `name`, a table of asm/runtime-const.h, says (matcher/elf/kernel_sections.h)
  std::string unit;              // with "pre"
  std::uint32_t pre_symbol = 0;  // with "pre": index in the pre object's symbol table
  std::string kernel_name;       // its name in the kernel, for all sources
  std::string target;            // with "update": which target's module defines it
};

// Code of the update's own that runs while it is applied or undone (include/splice.h). A hook is a
// new function too, and so also among the functions. The kinds are in the order of enum
// splice_hook_kind (kmod/splice_abi.h).
inline constexpr std::array<std::string_view, 10> kHookKinds = {
    "pre_apply", "check_apply", "apply", "post_apply", "fail_apply",
    "pre_undo",  "check_undo",  "undo",  "post_undo",  "fail_undo"};
struct PackageHook {
  std::string kind;  // one of kHookKinds
  std::string name;  // the function's
  std::string unit;
  std::string section;  // of the new module, and
  std::uint64_t offset = 0;
};

struct PackageUnit {
  std::string name;    // "kernel/fork.o"
  std::string source;  // "kernel/fork.c"
  std::string pre;     // member name, "pre/kernel/fork.o"
};

struct PackageTarget {
  std::string name;        // "vmlinux", or a module as in /proc/modules: "virtio_net"
  std::string new_member;  // "new/vmlinux.ko"
  std::vector<PackageUnit> units;
  std::vector<PackageFunction> functions;
  std::vector<PackageSymbol> symbols;
  std::vector<PackageHook> hooks;  // in the order of linking, in which they run
  std::vector<TypeLayout> types;   // structures that the new code uses and the patch leaves alone
};

struct PackagePatch {
  std::string member;  // "patch/0001-fix.patch"
  std::string title;   // Subject of the mail, or the file's name
};

// A finding of splice-create's check of meaning that its user overrode.
struct PackageAccepted {
  std::string finding;  // "layout-changed:struct foo"
  std::string message;  // what was found
};

struct Manifest {
  int schema = 1;
  std::string id;
  std::string tool_version;
  KernelIdentity kernel;
  std::vector<PackagePatch> patches;
  std::vector<PackageTarget> targets;  // "vmlinux" first
  std::string core;                    // "core/splice.ko", or empty
  std::vector<PackageAccepted> accepted;
  std::vector<std::string> warnings;  // what the administrator should know
};

struct Package {
  Manifest manifest;
  std::map<std::string, std::vector<std::uint8_t>> members;  // all but manifest.json
};

// Derives the id (fills in package.manifest.id), adds the manifest's "members" table (name, size,
// sha256) and gives the tar's bytes.
Result<std::vector<std::uint8_t>> write_package(Package& package);

// Errors: ExitCode::bad_package with codes "package-truncated", "package-member-path",
// "package-member-duplicate", "package-member-size", "package-member-digest", "package-manifest",
// "package-schema", "package-id".
Result<Package> read_package(const std::string& path);
Result<Package> parse_package(std::vector<std::uint8_t> tar, const std::string& name);

}  // namespace splicer
