// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/elf/kernel_sections.h"

#include <elf.h>

#include <algorithm>
#include <array>

namespace splicer {

namespace {

using Role = SectionRole;
using Site = SiteKind;

// Common sources. What names no other file is placed by the linker scripts.
constexpr std::string_view kScript = "include/asm-generic/vmlinux.lds.h";
constexpr std::string_view kScriptX86 = "arch/x86/kernel/vmlinux.lds.S";
constexpr std::string_view kLoader = "kernel/module/main.c";
constexpr std::string_view kInit = "include/linux/init.h";
constexpr std::string_view kTracepoint = "include/linux/tracepoint.h";
constexpr std::string_view kTraceEvents = "include/trace/trace_events.h";
constexpr std::string_view kEntry = "arch/x86/entry/entry_64.S";
constexpr std::string_view kSched = "kernel/sched/sched.h";

constexpr KernelSection kTable[] = {
    // Code. A code section without a row is code as well.
    {.name = ".text*", .role = Role::code, .source = kScript, .becomes = ".text"},
    {.name = ".text.unlikely*", .role = Role::code, .source = kScript, .becomes = ".text"},
    {.name = ".text.hot*", .role = Role::code, .source = kScript, .becomes = ".text"},
    {.name = ".text.startup*", .role = Role::code, .source = kScript, .becomes = ".text"},
    {.name = ".sched.text", .role = Role::code, .source = "include/linux/sched/debug.h"},
    {.name = ".spinlock.text", .role = Role::code, .source = "include/linux/spinlock.h"},
    {.name = ".cpuidle.text", .role = Role::code, .source = "include/linux/compiler_types.h"},
    {.name = ".noinstr.text", .role = Role::code, .source = "include/linux/compiler_types.h"},
    {.name = ".kprobes.text", .role = Role::code, .source = "include/asm-generic/kprobes.h"},
    {.name = ".irqentry.text", .role = Role::code, .source = "include/linux/interrupt.h"},
    {.name = ".softirqentry.text", .role = Role::code, .source = "include/linux/interrupt.h"},
    {.name = ".entry.text", .role = Role::code, .source = kEntry},
    {.name = ".ref.text", .role = Role::code, .source = kInit},
    {.name = ".head.text", .role = Role::code, .source = kInit},
    {.name = ".xiptext", .role = Role::code, .source = kScript},
    // Where memory can be plugged (CONFIG_MEMORY_HOTPLUG: MEM_KEEP in the script) they stay. Where it
    // cannot, the running kernel has none of it, which is seen when the code is matched.
    {.name = ".meminit.text*", .role = Role::code, .source = kScript, .becomes = ".text"},
    {.name = ".memexit.text*", .role = Role::code, .source = kScript, .becomes = ".text"},
    // Entries of .static_call_sites are about calls of these; the trampolines are rewritten too.
    {.name = ".static_call.text",
     .role = Role::code,
     .source = "arch/x86/include/asm/static_call.h",
     .site = Site::static_call},
    // Out-of-line halves of static_cpu_has(), in the memory of init code.
    {.name = ".altinstr_aux",
     .role = Role::code,
     .source = "arch/x86/include/asm/cpufeature.h",
     .discarded = Discarded::after_init,
     .unnamed_code = true},

    // Variables.
    {.name = ".data*", .role = Role::data, .source = kScript},
    {.name = ".data..percpu*",
     .role = Role::data,
     .source = "include/asm-generic/percpu.h",
     .becomes = ".data..percpu"},
    {.name = ".data..ro_after_init*",
     .role = Role::data,
     .source = "include/linux/cache.h",
     .becomes = ".data..ro_after_init"},
    {.name = ".data..read_mostly*",
     .role = Role::data,
     .source = "include/linux/cache.h",
     .becomes = ".data..read_mostly"},
    // The flags of WARN_ONCE() and the like. Any time is right for a zero in them: clear_warn_once_set(),
    // kernel/panic.c.
    {.name = ".data.once*",
     .role = Role::data,
     .source = "include/linux/once_lite.h",
     .becomes = ".data.once",
     .fresh_copy = true},
    {.name = ".data..once*",
     .role = Role::data,
     .source = "include/linux/once_lite.h",
     .becomes = ".data..once",
     .fresh_copy = true},
    // Those of DO_ONCE(): what they guard shall not be set up again, so they stay the kernel's own.
    {.name = ".data..do_once*", .role = Role::data, .source = "include/linux/once.h"},
    {.name = ".bss*", .role = Role::data, .source = kScript, .becomes = ".bss"},
    // The descriptors of pr_debug(), which hold their place in the source.
    {.name = "__dyndbg*",
     .role = Role::data,
     .source = "include/linux/dynamic_debug.h",
     .becomes = "__dyndbg",
     .lines = true,
     .fresh_copy = true},
    {.name = ".meminit.data*", .role = Role::data, .source = kScript, .becomes = ".data"},
    {.name = ".memexit.data*", .role = Role::data, .source = kScript, .becomes = ".data"},
    // Pointers to functions of the patch.
    {.name = ".splice.*", .role = Role::hooks, .source = "include/splice.h of Splice"},

    // Constants.
    {.name = ".rodata*", .role = Role::read_only, .source = kScript},
    {.name = ".meminit.rodata*", .role = Role::read_only, .source = kScript},
    {.name = ".memexit.rodata*", .role = Role::read_only, .source = kScript},
    // resolve_btfids writes the type ids when vmlinux or a module is linked: in an object they are 0.
    {.name = ".BTF_ids*",
     .role = Role::linked,
     .source = "include/linux/btf_ids.h",
     .inner = "__BTF_ID__"},

    // Tables about code.
    {.name = "__mcount_loc",
     .role = Role::table,
     .source = "include/linux/ftrace.h",
     .site = Site::ftrace,
     .relocations = 1,
     .entry_size = 8},
    // struct alt_instr: 12 bytes, 13 before 6.1, 14 with flags of 4 bytes.
    {.name = ".altinstructions",
     .role = Role::table,
     .source = "arch/x86/include/asm/alternative.h",
     .site = Site::alternative,
     .relocations = 2},
    {.name = ".altinstr_replacement*",
     .role = Role::table_part,
     .source = "arch/x86/include/asm/alternative.h",
     .discarded = Discarded::after_init},
    {.name = ".parainstructions",
     .role = Role::table,
     .source = "arch/x86/include/asm/paravirt_types.h",
     .site = Site::paravirt,
     .relocations = 1,
     .entry_size = 16},
    {.name = "__jump_table",
     .role = Role::table,
     .source = "include/linux/jump_label.h",
     .site = Site::static_key,
     .relocations = 3,
     .entry_size = 16},
    {.name = ".static_call_sites",
     .role = Role::table,
     .source = "include/linux/static_call_types.h",
     .site = Site::static_call,
     .relocations = 2,
     .entry_size = 8},
    {.name = ".retpoline_sites",
     .role = Role::table,
     .source = kScriptX86,
     .site = Site::retpoline,
     .relocations = 1,
     .entry_size = 4},
    {.name = ".return_sites",
     .role = Role::table,
     .source = kScriptX86,
     .site = Site::return_thunk,
     .relocations = 1,
     .entry_size = 4},
    {.name = ".smp_locks",
     .role = Role::table,
     .source = "arch/x86/include/asm/alternative.h",
     .site = Site::lock_prefix,
     .relocations = 1,
     .entry_size = 4},
    {.name = ".call_sites",
     .role = Role::table,
     .source = kScriptX86,
     .relocations = 1,
     .entry_size = 4},
    {.name = ".cfi_sites",
     .role = Role::table,
     .source = kScriptX86,
     .relocations = 1,
     .entry_size = 4},
    // struct bug_entry: without CONFIG_DEBUG_BUGVERBOSE there are no file and line in it.
    {.name = "__bug_table",
     .role = Role::table,
     .source = "include/asm-generic/bug.h",
     .lines = true},
    {.name = "__ex_table",
     .role = Role::table,
     .source = "arch/x86/include/asm/extable.h",
     .relocations = 2,
     .entry_size = 12},
    {.name = ".orc_unwind_ip",
     .role = Role::table,
     .source = "arch/x86/include/asm/orc_types.h",
     .relocations = 1,
     .entry_size = 4,
     .parallel = ".orc_unwind"},
    {.name = ".orc_unwind", .role = Role::table_part, .source = "arch/x86/include/asm/orc_types.h"},
    {.name = "runtime_ptr_*",
     .role = Role::table,
     .source = "arch/x86/include/asm/runtime-const.h",
     .site = Site::constant,
     .relocations = 1,
     .entry_size = 4,
     .constant_width = 8},
    {.name = "runtime_shift_*",
     .role = Role::table,
     .source = "arch/x86/include/asm/runtime-const.h",
     .site = Site::constant,
     .relocations = 1,
     .entry_size = 4,
     .constant_width = 1},

    // What is gone once the kernel or the module is up.
    {.name = ".init*", .role = Role::init, .source = kInit, .discarded = Discarded::after_init},
    {.name = ".con_initcall*",
     .role = Role::init,
     .source = kInit,
     .discarded = Discarded::after_init},
    {.name = ".x86_cpu_dev.init*",
     .role = Role::init,
     .source = kScriptX86,
     .discarded = Discarded::after_init},
    {.name = ".apicdrivers*",
     .role = Role::init,
     .source = "arch/x86/include/asm/apic.h",
     .discarded = Discarded::after_init},
    {.name = ".iommu_table*",  // until 5.18
     .role = Role::init,
     .source = "arch/x86/include/asm/iommu_table.h",
     .discarded = Discarded::after_init},
    {.name = ".exit*",
     .role = Role::exit,
     .source = kInit,
     .discarded = Discarded::built_in,
     .becomes = ".text"},
    {.name = ".exitcall*", .role = Role::init, .source = kInit, .discarded = Discarded::built_in},

    // What the kernel or its module loader reads when it comes up, and keeps.
    {.name = "___ksymtab*",
     .role = Role::export_table,
     .source = "include/linux/export-internal.h",
     .may_shrink = true},
    {.name = "__ksymtab_strings", .role = Role::export_names, .source = kLoader},
    {.name = "__ksymtab*", .role = Role::init_table, .source = kLoader},
    {.name = "__kcrctab*", .role = Role::init_table, .source = kLoader},
    {.name = "__param",
     .role = Role::init_table,
     .source = "include/linux/moduleparam.h",
     .may_grow = true},
    {.name = "__tracepoints", .role = Role::init_table, .source = kTracepoint},
    {.name = "__tracepoints_ptrs", .role = Role::init_table, .source = kTracepoint},
    {.name = "__tracepoints_strings", .role = Role::init_table, .source = kTracepoint},
    {.name = "__tracepoint_str", .role = Role::init_table, .source = kTracepoint},
    {.name = "_ftrace_events", .role = Role::init_table, .source = kTraceEvents},
    {.name = "_ftrace_eval_map", .role = Role::init_table, .source = kTraceEvents},
    {.name = "__bpf_raw_tp_map", .role = Role::init_table, .source = "include/trace/bpf_probe.h"},
    {.name = "__syscalls_metadata",
     .role = Role::init_table,
     .source = "include/linux/syscalls.h",
     .describes = true},
    {.name = "_kprobe_blacklist",
     .role = Role::init_table,
     .source = "include/asm-generic/kprobes.h",
     .may_grow = true,
     .may_shrink = true},
    {.name = "_error_injection_whitelist",
     .role = Role::init_table,
     .source = "include/asm-generic/error-injection.h",
     .may_grow = true,
     .may_shrink = true},
    {.name = "___srcu_struct_ptrs", .role = Role::init_table, .source = "include/linux/srcutree.h"},
    {.name = ".static_call_tramp_key",
     .role = Role::init_table,
     .source = "arch/x86/include/asm/static_call.h"},
    {.name = ".lsm_info.init", .role = Role::init_table, .source = "include/linux/lsm_hooks.h"},
    {.name = ".early_lsm_info.init",
     .role = Role::init_table,
     .source = "include/linux/lsm_hooks.h"},
    {.name = ".pci_fixup*", .role = Role::init_table, .source = "include/linux/pci.h"},
    {.name = ".builtin_fw", .role = Role::init_table, .source = kScript},
    {.name = ".tracedata", .role = Role::init_table, .source = "arch/x86/include/asm/pm-trace.h"},
    {.name = ".orc_header",
     .role = Role::init_table,
     .source = "arch/x86/include/asm/orc_header.h"},
    {.name = ".kcfi_traps", .role = Role::init_table, .source = kScript},
    {.name = ".kunit_test_suites", .role = Role::init_table, .source = "include/kunit/test.h"},
    {.name = "__earlycon_table", .role = Role::init_table, .source = "include/linux/serial_core.h"},
    {.name = "__irqchip_acpi_probe_table",
     .role = Role::init_table,
     .source = "include/linux/acpi.h"},
    {.name = "__timer_acpi_probe_table",
     .role = Role::init_table,
     .source = "include/linux/acpi.h"},
    {.name = "__governor_thermal_table",
     .role = Role::init_table,
     .source = "drivers/thermal/thermal_core.h"},
    // Scheduling classes: their order in memory is their priority.
    {.name = "__dl_sched_class", .role = Role::init_table, .source = kSched},
    {.name = "__ext_sched_class", .role = Role::init_table, .source = kSched},
    {.name = "__fair_sched_class", .role = Role::init_table, .source = kSched},
    {.name = "__idle_sched_class", .role = Role::init_table, .source = kSched},
    {.name = "__rt_sched_class", .role = Role::init_table, .source = kSched},
    {.name = "__stop_sched_class", .role = Role::init_table, .source = kSched},
    // Data that refers to init code, and a page that user space reads: nothing to have a copy of.
    {.name = ".ref.data", .role = Role::init_table, .source = kInit},
    {.name = ".ref.rodata", .role = Role::init_table, .source = kInit},
    {.name = ".vvar_*", .role = Role::init_table, .source = "arch/x86/include/asm/vvar.h"},

    // What is no part of the running kernel, or of no effect on it.
    {.name = ".discard*",
     .role = Role::ignored,
     .source = kScript,
     .discarded = Discarded::at_link},
    {.name = ".note*", .role = Role::ignored, .source = "include/linux/elfnote.h"},
    {.name = ".modinfo*", .role = Role::ignored, .source = "include/linux/moduleparam.h"},
    {.name = "__modver*", .role = Role::ignored, .source = "include/linux/module.h"},
    {.name = "__versions*", .role = Role::ignored, .source = kLoader},
    {.name = ".gnu.linkonce.this_module*", .role = Role::ignored, .source = kLoader},
    {.name = ".printk_index*", .role = Role::ignored, .source = "include/linux/printk.h"},
    {.name = ".comment*", .role = Role::ignored, .source = kScript},
    {.name = ".eh_frame*", .role = Role::ignored, .source = kScriptX86},
    {.name = ".BTF*", .role = Role::ignored, .source = kScript},
    {.name = ".llvm*", .role = Role::ignored, .source = "scripts/mod/modpost.c"},
    {.name = "___kentry*", .role = Role::ignored, .source = "include/linux/compiler.h"},
    {.name = ".export_symbol*", .role = Role::ignored, .source = "include/linux/export.h"},
    // On x86 the padding before functions, which nobody reads: ftrace has __mcount_loc.
    {.name = "__patchable_function_entries*", .role = Role::ignored, .source = kScript},
    // Which endbr64 no pointer of this object alone leads to. New code keeps all of its own: another
    // object of the update may hold one.
    {.name = ".ibt_endbr_seal",
     .role = Role::ignored,
     .source = kScriptX86,
     .site = Site::endbr,
     .relocations = 1,
     .entry_size = 4},
};

constexpr bool is_prefix(std::string_view name) { return name.ends_with('*'); }

// The name, or what names must begin with.
constexpr std::string_view stem(std::string_view name) {
  if (is_prefix(name)) name.remove_suffix(1);
  return name;
}

}  // namespace

std::span<const KernelSection> kernel_sections() { return kTable; }

const KernelSection* kernel_section(std::string_view name) {
  const KernelSection* longest = nullptr;
  for (const KernelSection& row : kTable) {
    if (row.name == name) return &row;
    if (is_prefix(row.name) && name.starts_with(stem(row.name)) &&
        (longest == nullptr || row.name.size() > longest->name.size()))
      longest = &row;
  }
  return longest;
}

SectionRole section_role(const Section& section, bool module) {
  if (!section.is_alloc()) return SectionRole::ignored;
  const KernelSection* row = kernel_section(section.name);
  const SectionRole role = row == nullptr ? SectionRole::init_table : row->role;
  if (role == SectionRole::ignored || role == SectionRole::init || is_code_table(role)) return role;
  if (role == SectionRole::exit && !module) return SectionRole::init;
  if (section.is_code()) return SectionRole::code;
  return role == SectionRole::exit ? SectionRole::init_table : role;
}

bool is_discarded(std::string_view section, bool module) {
  const KernelSection* row = kernel_section(section);
  if (row == nullptr || row->discarded == Discarded::never) return false;
  return row->discarded != Discarded::built_in || !module;
}

bool is_linked(const Section& section) {
  if (!section.is_alloc()) return false;
  // A match asks this of every section: names are looked at for the few rows that it is about.
  const bool may_be_left_out = std::ranges::any_of(kTable, [&](const KernelSection& row) {
    return row.discarded == Discarded::at_link && section.name.starts_with(stem(row.name));
  });
  return !may_be_left_out || kernel_section(section.name)->discarded != Discarded::at_link;
}

std::string_view linked_section(std::string_view section) {
  const KernelSection* row = kernel_section(section);
  const bool gathered = row != nullptr && row->role == SectionRole::code && is_prefix(row->name);
  return gathered ? stem(row->name) : section;
}

bool is_merged(const Section& section) { return (section.flags & SHF_MERGE) != 0; }

bool is_read_only_data(std::string_view section) {
  const KernelSection* row = kernel_section(section);
  return row != nullptr && row->role == SectionRole::read_only;
}

bool has_unnamed_code(std::string_view section) {
  const KernelSection* row = kernel_section(section);
  return row != nullptr && row->unnamed_code;
}

bool is_alternatives(const Section& section) {
  const KernelSection* row = kernel_section(section.name);
  return row != nullptr && row->site == SiteKind::alternative;
}

std::uint32_t constant_width(std::string_view table) {
  const KernelSection* row = kernel_section(table);
  return row == nullptr ? 0 : row->constant_width;
}

std::string constant_variable(std::string_view table) {
  const KernelSection* row = kernel_section(table);
  return std::string(row == nullptr ? table : table.substr(stem(row->name).size()));
}

}  // namespace splicer
