// SPDX-License-Identifier: GPL-2.0-or-later
//
// An update of vmlinux and of tun that the kernel's livepatch can carry, matched, for tests to spoil: new modules
// and frame are written when make() is called.
//
//     SampleLivepatch update;
//     update.runs[1].ftrace_site.reset();
//     update.make()                          Error "livepatch-form"
#pragma once

#include <elf.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "matcher/elf/elf_writer.h"
#include "runtime/prepare/livepatch_module.h"
#include "tests/support/sample_package.h"

namespace splicer {

using Content = std::vector<std::uint8_t>;

inline constexpr std::uint64_t kCode = SHF_ALLOC | SHF_EXECINSTR;
inline constexpr std::uint64_t kData = SHF_ALLOC | SHF_WRITE;
inline constexpr const char* kThisModule = ".gnu.linkonce.this_module";
inline constexpr const char* kMadeName = "livepatch_0000000000000000";
inline constexpr std::size_t kNameAt = 24;  // in struct module

// A module, or the frame, that is written section by section.
struct Part {
  ElfWriter out;
  ElfWriter::SectionId put(const std::string& name, std::uint64_t flags, const Content& bytes,
                           std::uint64_t align = 1, std::uint32_t type = SHT_PROGBITS) {
    const auto section = out.section(name, type, flags);
    out.append(section, bytes, align);
    return section;
  }
  void refer(ElfWriter::SectionId section, std::uint64_t offset, const std::string& symbol,
             std::uint32_t type, std::int64_t addend) {
    out.relocate(section, offset, out.undefined(symbol), type, addend);
  }
  // What every module has, or may have, and a live patch has from its frame or not at all.
  void put_its_own() {
    put(kThisModule, kData, Content(128, 'n'), 64);
    put(".modinfo", SHF_ALLOC, bytes_of("new=1"));
    put("__versions", SHF_ALLOC, Content(64, 'n'), 8);
    put(".note.gnu.build-id", SHF_ALLOC, Content(16, 'n'), 4, SHT_NOTE);
    put(".discard.addressable", kData, Content(8, 'n'), 8);
    put(".comment", 0, bytes_of("a compiler"));
  }
};

struct SampleLivepatch {
  SampleLivepatch() {
    describe_vmlinux();
    describe_tun();
    make_vmlinux();
    make_tun();
    make_frame();
    runs.resize(2);
    for (FunctionMatch& run : runs) run.ftrace_site = 0;
  }

  PackageTarget& vmlinux() { return package.manifest.targets[0]; }
  PackageTarget& tun() { return package.manifest.targets[1]; }
  RunAddress core(std::uint64_t offset) const {
    return RunAddress(0xffffffff81000000) + slide + offset;
  }
  RunAddress module(std::uint64_t offset) const {
    return RunAddress(0xffffffffc0000000) + 3 * slide + offset;
  }

  void describe_vmlinux() {
    PackageTarget target;
    target.name = "vmlinux";
    target.new_member = "new/vmlinux.ko";
    target.functions = {{"copy_process", "kernel/fork.o", "replaced", "", ".text", 16, 16, 12, 7},
                        {"check_limit", "kernel/fork.o", "new", "", ".text", 32, 8, 0, 0}};
    target.symbols = {{"free_task", "kernel", "", 0, "free_task", ""},
                      {"nr_threads", "pre", "kernel/fork.o", 9, "nr_threads", ""},
                      {"fork.LC5", "string", "kernel/fork.o", 3, ".LC5", "", 0, "no limit"},
                      {"runtime_shift", "constant", "", 0, "d_hash_shift", ""},
                      {"runtime_ptr", "constant", "", 0, "dentry_hashtable", ""}};
    target.hooks = {{"post_apply", "announce", "kernel/fork.o", ".text", 40}};
    package.manifest.targets.push_back(target);
  }
  void describe_tun() {
    PackageTarget target;
    target.name = "tun";
    target.new_member = "new/tun.ko";
    target.functions = {{"tun_get", "drivers/net/tun.o", "replaced", "", ".text", 4, 20, 4, 3}};
    target.symbols = {{"check_limit", "update", "", 0, "check_limit", "vmlinux"},
                      {"tun_flow", "pre", "drivers/net/tun.o", 5, "tun_flow", ""},
                      {"free_task", "kernel", "", 0, "free_task", ""}};
    package.manifest.targets.push_back(target);
    package.manifest.frame = "livepatch/frame.o";
  }
  void make_vmlinux() {
    ElfWriter& out = new_vmlinux.out;
    const auto text = new_vmlinux.put(".text", kCode, Content(48, 0x11), 16);
    const auto data = new_vmlinux.put(".data", kData, Content(16, 0x22), 8);
    out.define("copy_process", text, 16, 16, STB_GLOBAL, STT_FUNC);
    out.define("check_limit", text, 32, 8, STB_GLOBAL, STT_FUNC);
    new_vmlinux.refer(text, 1, "free_task", R_X86_64_PLT32, -4);
    new_vmlinux.refer(text, 8, "nr_threads", R_X86_64_PC32, -4);
    new_vmlinux.refer(text, 17, "fork.LC5", R_X86_64_PC32, -4);
    new_vmlinux.refer(text, 25, "_printk", R_X86_64_PLT32, -4);
    new_vmlinux.refer(text, 36, "runtime_shift", R_X86_64_8, 0);
    out.relocate(text, 40, out.section_symbol(data), R_X86_64_PC32, 4);
    new_vmlinux.refer(data, 0, "runtime_ptr", R_X86_64_64, 0);
    out.relocate(data, 8, out.section_symbol(text), R_X86_64_64, 32);
    new_vmlinux.put_its_own();
  }
  void make_tun() {
    const auto text = new_tun.put(".text", kCode, Content(24, 0x33), 64);
    const auto constants = new_tun.put(".rodata", SHF_ALLOC, Content(8, 0), 8);
    new_tun.out.define("tun_get", text, 4, 20, STB_GLOBAL, STT_FUNC);
    new_tun.refer(text, 1, "check_limit", R_X86_64_PLT32, -4);
    new_tun.refer(text, 8, "tun_flow", R_X86_64_PLT32, -4);
    new_tun.refer(text, 13, "free_task", R_X86_64_PLT32, -4);
    new_tun.refer(text, 20, "tap_read", R_X86_64_PLT32, -4);
    new_tun.refer(constants, 0, "tun_flow", R_X86_64_64, 8);
    new_tun.put_its_own();
  }
  void make_frame() {
    tables = new_frame.put(".data", kData, Content(48, 0x44), 8);
    new_frame.refer(tables, 0, "splice_new_0", R_X86_64_64, 0);
    new_frame.refer(tables, 8, "splice_position_0", R_X86_64_64, 0);
    new_frame.refer(tables, 16, "splice_new_1", R_X86_64_64, 0);
    new_frame.refer(tables, 24, "splice_position_1", R_X86_64_64, 0);
    const auto text = new_frame.put(".text", kCode, Content(16, 0x55), 16);
    new_frame.refer(text, 1, "klp_enable_patch", R_X86_64_PLT32, -4);
    new_frame.refer(text, 9, "splice_hook_0", R_X86_64_PLT32, -4);
    new_frame.put(".modinfo", SHF_ALLOC, bytes_of("livepatch=Y"));
    new_frame.put("__versions", SHF_ALLOC, Content(64, 'f'), 8);
    put_this_module(std::string(kMadeName) + std::string(56 - 26 + 48, '\0'));
  }
  void put_this_module(const std::string& behind, std::uint64_t flags = kData) {
    new_frame.put(kThisModule, flags, bytes_of(std::string(kNameAt, 'f') + behind), 64);
  }

  SymbolTable kernel() const {
    std::vector<KernelSymbol> symbols = {{core(0x1000), 't', "copy_process", "vmlinux"},
                                         {core(0x2000), 'T', "free_task", "vmlinux"},
                                         {core(0x5000), 'T', "_printk", "vmlinux"},
                                         {core(0x9000), 't', "copy_process", "vmlinux"},
                                         {core(0x1000000), 'd', "nr_threads", "vmlinux"},
                                         {core(0x1001230), 'r', "banner", "vmlinux"},
                                         {core(0x2000000), 'B', "_end", "vmlinux"},
                                         {module(0x1000), 't', "tun_get", "tun"},
                                         {module(0x1100), 't', "tun_flow", "tun"},
                                         {module(0x2000), 'r', "tun_ops", "tun"},
                                         {module(0x101000), 'T', "tap_read", "tap"},
                                         {module(0x102000), 'r', "tap_ops", "tap"}};
    for (const auto& one : more_symbols) symbols.push_back(one);
    return SymbolTable(std::move(symbols));
  }
  // What the matcher says, of a kernel at the addresses of now.
  void match() {
    runs[0].address = core(0x9000);
    runs[1].address = module(0x1000);
    matched.functions.clear();
    for (std::size_t i = 0; i < 2; ++i)
      matched.functions.push_back({&package.manifest.targets[i].functions[0], i, runs[i], {}});
    matched.addresses = {{{"free_task", core(0x2000)},
                          {"nr_threads", core(0x1000000)},
                          {"fork.LC5", core(0x1001284)}},
                         {{"free_task", core(0x2000)}, {"tun_flow", module(0x1100)}}};
    for (const auto& [name, address] : elsewhere)
      matched.addresses[name.first][name.second] = address;
    matched.constants = {{{"runtime_shift", 21}, {"runtime_ptr", 0xffff888100000000}}, {}};
  }
  void write_members() {
    package.members["new/vmlinux.ko"] = *new_vmlinux.out.finish();
    package.members["new/tun.ko"] = *new_tun.out.finish();
    package.members["livepatch/frame.o"] = *new_frame.out.finish();
  }
  Result<Content> make_of_members() {
    match();
    std::vector<Content> modules{package.members["new/vmlinux.ko"], package.members["new/tun.ko"]};
    if (sealed) modules[1].push_back(0);
    const SymbolTable symbols = kernel();
    return make_livepatch_module({package, matched, modules, symbols, module_name, portable});
  }
  Result<Content> make() {
    write_members();
    return make_of_members();
  }

  Part new_vmlinux;
  Part new_tun;
  Part new_frame;
  ElfWriter::SectionId tables = 0;
  Package package;
  MatchedUpdate matched;
  std::vector<FunctionMatch> runs;
  std::vector<KernelSymbol> more_symbols;
  // Addresses other than usual, by target and name.
  std::map<std::pair<std::size_t, std::string>, RunAddress> elsewhere;
  std::uint64_t slide = 0;
  std::string module_name = "livepatch_5d1f0c2e77aa9b31";
  bool portable = false;
  bool sealed = false;  // the new code for tun is not the package's any more
};

}  // namespace splicer
