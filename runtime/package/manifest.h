// SPDX-License-Identifier: GPL-2.0-or-later
//
// The manifest of an update package: what the package is for, what is in it, and where. As structs,
// and as the JSON of splice-package(5).
//
//     Manifest m; m.kernel.release = "6.1.0-50-cloud-amd64"; ...
//     manifest_json(m)      {"schema": 1, "kernel": {"release": "6.1.0-50-cloud-amd64", ...}, ...}
//
// Numbers are JSON numbers, names are strings of printable ASCII, sentences for people are UTF-8
// without control characters, as they are shown on a terminal. A field that is missing, of another
// type, out of range or that refers to something outside the package is refused: later code may use
// every field without checking it again.
//
// One word for one state, here and everywhere: a "checked" function is not replaced, but its bytes
// must be as matched, and no thread may be in it, when the update is switched. (The core module's
// interface, kmod/splice_abi.h, describes it as only watched.)
//
// Invariant: parse_manifest(manifest_json(m)) == m for every m that parse_manifest() can return;
// units are unique in a package, every "pre" symbol names one of them, every "update" symbol an
// earlier target.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/result.h"
#include "matcher/image/btf_layout.h"

namespace splicer {

// Where the id goes in new/TARGET.ko until it is linked: the id follows from the content.
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
  // "replaced"; "new"; or "checked": out-of-line code (NAME.cold) of a replaced function, which is
  // not replaced but must be the running code too; it has no new code, so no section and no size.
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
  std::string source;  // "pre": address of `pre_symbol` of `unit`, inferred by the matcher
                       // "kernel": by `kernel_name`, which must be unique in the kernel's table
                       // "update": defined by the new module of `target` of this same package
                       // "constant": not an address but a runtime constant: what the variable
                       // `kernel_name` holds, in the width that `name` says, a table of
                       // asm/runtime-const.h (matcher/elf/kernel_sections.h)
                       // "string": where the pointer at `offset` of the variable `pre_symbol` of
                       // `unit` leads, which must be to `text`
  std::string unit;    // with "pre" and "string"
  std::uint32_t pre_symbol = 0;  // with "pre" and "string": index in the pre object's symbol table
  std::string kernel_name;       // its name in the kernel, for all sources
  std::string target;            // with "update": which target's module defines it
  std::uint64_t offset = 0;      // with "string", bytes
  std::string text{};            // with "string", without its NUL
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

// The callback of the kernel's livepatch (struct klp_callbacks) that a hook is like; empty if there is none:
// nothing runs in a stop there, and pre_unpatch may not refuse. A pre_undo hook that never does says so by
// its name (include/kpatch-macros.h).
std::string_view livepatch_callback(const PackageHook& hook);

// Bytes of a variable that the kernel has, written in the stop and given back on undo: see
// kmod/values.c. A record in the new module (struct splice_value_record) says which and what.
struct PackageValue {
  std::string name;  // the variable's
  std::string unit;
  std::string what;     // for people: "fsync: nothing -> noop_fsync"
  std::string section;  // of the new module, where the record is, and
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
  std::vector<PackageValue> values;
  // What the new code uses of the kernel's types, and the patch leaves alone.
  std::vector<TypeLayout> types;
  std::vector<UsedEnumerator> enumerators;
  std::vector<UsedDeclaration> declarations;  // of "kernel" symbols
};

struct PackagePatch {
  std::string member;  // "patch/0001-fix.patch"
  std::string title;   // Subject of the mail, or the file's name
};

// A patch that the kernel must have before: the update was made --on it.
struct PackageBase {
  std::string title;
  std::string sha256;  // of the patch
};

// A finding of splice-create's check of meaning that its user overrode.
struct PackageAccepted {
  std::string finding;  // "layout-changed:struct foo"
  std::string message;  // what was found
};

struct Manifest {
  int schema = 1;
  std::string id;
  std::string name;                // update_name.h
  std::vector<std::string> fixes;  // CVE ids, as sort_cve_ids() leaves them
  // Of the patches alone, so the same for every kernel: 16 digits like the id.
  std::string fix_id;
  std::string tool_version;
  KernelIdentity kernel;
  std::vector<PackagePatch> patches;
  std::vector<PackageBase> base;       // in the order in which they apply
  std::vector<PackageTarget> targets;  // "vmlinux" first
  std::string core;                    // "core/splice.ko", or empty
  std::string frame;                   // "livepatch/frame.o", or empty: see livepatch_module.h
  std::string livepatch;               // "livepatch/NAME.ko", signed, or empty
  std::vector<PackageAccepted> accepted;
  // Parts of the patches as they were given that the update has not got, each with its reason.
  std::vector<std::string> parts_left_out;
  std::vector<std::string> warnings;  // what the administrator should know
  // Where an address of the update's own code or data is stored. If it is anywhere, the memory stays
  // after an undo.
  std::vector<std::string> keeps;
};

// Everything but the "members" table, which package.h adds. Control characters in sentences become
// spaces.
nlohmann::json manifest_json(const Manifest& manifest);

// {"release": ..., "version": ..., "machine": ..., "compiler": ...}
nlohmann::json kernel_json(const KernelIdentity& kernel);

// The way back, checked. `file` is used in errors. Linear in the document. Errors
// (ExitCode::bad_package): "package-schema", "package-manifest".
Result<Manifest> parse_manifest(const nlohmann::json& document, const std::string& file);

// 8 to 31 digits of [0-9a-f], as the core module takes them (SPLICE_ID_LEN).
bool is_update_id(std::string_view text);
// A kernel module's name as in /proc/modules: [A-Za-z0-9_], at most 55 (MODULE_NAME_LEN).
bool is_module_name(std::string_view text);
// The kernel module that carries the new code of targets[index] of an update.
std::string update_module_name(std::string_view id, std::size_t index);

}  // namespace splicer
