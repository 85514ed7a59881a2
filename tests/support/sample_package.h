// SPDX-License-Identifier: GPL-2.0-or-later
//
// A small update package that is right in every way, for tests to spoil.
#pragma once

#include <string>
#include <vector>

#include "runtime/package/package.h"

namespace splicer {

inline std::vector<std::uint8_t> bytes_of(const std::string& text) {
  return {text.begin(), text.end()};
}

inline Package sample_package() {
  Package package;
  Manifest& manifest = package.manifest;
  manifest.name = "fork-check-the-limit";
  manifest.fixes = {"CVE-2026-1234", "CVE-2026-10000"};
  manifest.tool_version = "0.1.0";
  manifest.kernel = {"6.1.0-50-cloud-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1 (2026-07-07)",
                     "x86_64", "gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0"};
  manifest.patches.push_back({"patch/0001-fix.patch", "fork: check the limit"});
  manifest.base.push_back({"fork: the first fix", std::string(64, 'a')});
  manifest.core = "core/splice.ko";
  manifest.accepted.push_back({"layout-changed:struct foo", "the patch changes struct foo"});
  manifest.parts_left_out.push_back("kernel/fork.c, lines 12 to 18: layout-changed: struct foo");
  manifest.warnings.push_back("the patch changes a comment only");
  manifest.keeps.push_back("copy_process stores the address of check_limit");

  PackageTarget vmlinux;
  vmlinux.name = "vmlinux";
  vmlinux.new_member = "new/vmlinux.ko";
  vmlinux.units.push_back({"kernel/fork.o", "kernel/fork.c", "pre/kernel/fork.o"});
  vmlinux.functions.push_back(
      {"copy_process", "kernel/fork.o", "replaced", "its code changes", ".text", 0, 16, 12, 7});
  vmlinux.functions.push_back(
      {"check_limit", "kernel/fork.o", "new", "it is new", ".text", 16, 8, 0, 0});
  vmlinux.functions.push_back({"copy_process.cold", "kernel/fork.o", "checked",
                               "the out-of-line part of copy_process", "", 0, 0, 8, 1});
  vmlinux.symbols.push_back({"nr_threads", "pre", "kernel/fork.o", 9, "nr_threads", ""});
  vmlinux.symbols.push_back({"free_task", "kernel", "", 0, "free_task", ""});
  vmlinux.hooks.push_back({"check_apply", "check_limit", "kernel/fork.o", ".text", 16});
  vmlinux.values.push_back(
      {"max_threads", "kernel/fork.o", "+0x0: 0x8000 -> 0x4000", ".splice.values", 16});
  vmlinux.types.push_back({"struct task_struct",
                           64,
                           {{"usage", 0, 0, "i32"}, {"flags.used", 35, 1}, {"flags.all", 36, 64}}});
  vmlinux.enumerators.push_back({"PIDTYPE_TGID", 1});
  vmlinux.enumerators.push_back({"LAST", -1});
  vmlinux.declarations.push_back({"free_task", "(*struct task_struct)void"});
  manifest.targets.push_back(vmlinux);

  PackageTarget tun;
  tun.name = "tun";
  tun.new_member = "new/tun.ko";
  tun.units.push_back({"drivers/net/tun.o", "drivers/net/tun.c", "pre/drivers/net/tun.o"});
  tun.functions.push_back(
      {"tun_get", "drivers/net/tun.o", "replaced", "inlines check_limit", ".text", 0, 4, 4, 3});
  tun.symbols.push_back({"check_limit", "update", "", 0, "check_limit", "vmlinux"});
  manifest.targets.push_back(tun);

  package.members = {{"patch/0001-fix.patch", bytes_of("--- a/kernel/fork.c\n")},
                     {"new/vmlinux.ko", std::vector<std::uint8_t>(3000, 0)},
                     {"new/tun.ko", bytes_of("tun")},
                     {"pre/kernel/fork.o", std::vector<std::uint8_t>(512, 1)},
                     {"pre/drivers/net/tun.o", {}},
                     {"core/splice.ko", bytes_of("core")}};
  return package;
}

}  // namespace splicer
