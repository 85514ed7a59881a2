// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/match/mismatch.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "matcher/elf/instruction.h"

namespace splicer {

namespace {

// The start of the instruction that holds `offset`; every function begins anew.
SectionOffset instruction_start(Bytes code, SectionOffset function, SectionOffset offset) {
  SectionOffset at = function;
  while (at < offset) {
    const auto instruction = decode(code.subspan(at.value()));
    const SectionOffset next = at + (instruction ? instruction->length : 1);
    if (next > offset) break;
    at = next;
  }
  return at;
}

// A probe's breakpoint or jump is where an instruction begins; elsewhere the same byte is a
// part of an operand.
std::string probe_at(const Image& image, Bytes run, std::uint64_t at, RunAddress address) {
  if (run[at] == 0xcc) return "a breakpoint, which a kprobe leaves";
  if (run[at] != 0xe9 || run.size() - at < 5) return {};
  std::int32_t displacement = 0;
  std::memcpy(&displacement, run.data() + at + 1, sizeof displacement);
  const KernelSymbol* target =
      image.symbols().nearest(address + 5 + static_cast<std::uint64_t>(std::int64_t{displacement}));
  if (target == nullptr || target->module != "__builtin__kprobes") return {};
  return "a jump to an optimised kprobe";
}

// Is it of a call that the kernel leads to the current function tracer? No table names these
// places, their labels do (ftrace_update_ftrace_func() and ftrace_mod_jmp() in
// arch/x86/kernel/ftrace.c).
bool is_call_of_tracer(const ElfObject& object, std::uint32_t section, SectionOffset offset) {
  constexpr std::uint64_t kCall = 5;  // MCOUNT_INSN_SIZE
  return std::ranges::any_of(object.symbols(), [&](const Symbol& label) {
    return label.section == section && label.value <= offset && offset - label.value < kCall &&
           (label.name == "ftrace_call" || label.name == "ftrace_regs_call" ||
            label.name == "ftrace_graph_call");
  });
}

// What the compiler left in the object: "(Debian 12.2.0-14+deb12u1) 12.2.0".
std::string compiler_of(const ElfObject& object) {
  const Section* comment = object.find_section(".comment");
  if (comment == nullptr) return {};
  const std::string_view text(reinterpret_cast<const char*>(comment->bytes.data()),
                              comment->bytes.size());
  constexpr std::string_view kGcc = "GCC: ";
  const std::size_t at = text.find(kGcc);
  if (at == std::string_view::npos) return {};
  const std::string_view name = text.substr(at + kGcc.size());
  return std::string(name.substr(0, name.find('\0')));
}

// What built the kernel, by its own words: "gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0".
// init/version-timestamp.c: "Linux version REL (builder) (compiler, linker) #1 ...".
std::string compiler_of(const Image& image) {
  const auto banner = image.symbols().find("vmlinux", "linux_banner");
  if (banner.size() != 1) return {};
  std::array<char, 512> bytes{};
  if (!image.read(banner[0]->address,
                  {reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size() - 1}))
    return {};
  std::string_view text(bytes.data());
  const std::size_t begin = text.find(") (");
  if (!text.starts_with("Linux version ") || begin == std::string_view::npos) return {};
  text.remove_prefix(begin + 3);
  return std::string(text.substr(0, text.find(',')));
}

// What a difference is, and the codes that scripts key on.
struct Verdict {
  std::string code;
  std::string message;
  std::string hint;
};

Verdict plain_verdict(const Difference& difference, std::uint64_t in_function) {
  Verdict verdict;
  verdict.code = "run-pre-mismatch";
  verdict.message =
      fmt::format("the running code is not the code that the update was made from: at +{:#x}, {}",
                  in_function, difference.reason);
  return verdict;
}

Verdict probe_verdict(const std::string& probe, std::uint64_t in_function) {
  Verdict verdict;
  verdict.code = "probe-in-function";
  verdict.message = fmt::format("the code cannot be proved: at +{:#x} is {}", in_function, probe);
  verdict.hint = "remove the probe (/sys/kernel/debug/kprobes/list names it) and try again";
  return verdict;
}

Verdict tracer_verdict(std::uint64_t in_function) {
  Verdict verdict;
  verdict.code = "tracer-in-function";
  verdict.message = fmt::format(
      "the code cannot be proved: at +{:#x} the kernel calls the current function tracer",
      in_function);
  verdict.hint =
      "end what traces functions (current_tracer, BPF programs, live patches) and try again";
  return verdict;
}

std::vector<std::uint8_t> shown(Bytes bytes, std::uint64_t offset) {
  constexpr std::size_t kShown = 16;
  if (offset >= bytes.size()) return {};
  const Bytes part = bytes.subspan(offset, std::min<std::size_t>(kShown, bytes.size() - offset));
  return {part.begin(), part.end()};
}

}  // namespace

Mismatch describe_mismatch(const ElfObject& object, const Image& image, const Symbol& symbol,
                           const Comparison& comparison, RunAddress code) {
  const Difference& difference = *comparison.difference;
  const Bytes pre = object.section(symbol.section).bytes;
  const Bytes run = comparison.run.bytes();
  const std::uint64_t in_function =
      difference.pre_offset - std::min(symbol.value, difference.pre_offset);
  const std::uint64_t at = difference.run_offset;
  Mismatch mismatch;
  Verdict verdict = plain_verdict(difference, in_function);
  if (at < run.size() && difference.pre_offset < pre.size() &&
      run[at] != pre[difference.pre_offset.value()]) {
    const SectionOffset start = instruction_start(pre, symbol.value, difference.pre_offset);
    const std::string probe =
        start == difference.pre_offset ? probe_at(image, run, at, code + at) : std::string();
    if (!probe.empty()) verdict = probe_verdict(probe, in_function);
    const std::uint64_t before = difference.pre_offset - start;
    mismatch.only_numbers =
        before <= at &&
        object.relocations_in(symbol.section, start, difference.pre_offset + 1).empty() &&
        differ_in_numbers(pre.subspan(start.value()), run.subspan(at - before));
  }
  if (is_call_of_tracer(object, symbol.section, difference.pre_offset))
    verdict = tracer_verdict(in_function);
  mismatch.error =
      fail(ExitCode::mismatch, verdict.code, verdict.message)
          .at_file(object.name())
          .in_function(symbol.name)
          .at_address(code + at)
          .bytes(shown(pre, difference.pre_offset.value()), shown(run, at))
          .detail(run.empty() ? std::string()
                              : disassemble_side_by_side(pre, run, 0, code.value(),
                                                         difference.pre_offset.value()))
          .hint(verdict.hint)
          .take();
  return mismatch;
}

std::string mismatch_hint(const ElfObject& object, const Image& image, std::size_t functions,
                          std::size_t mismatched, std::size_t only_numbers) {
  const std::string compiler = compiler_of(object);
  const std::string wanted = compiler_of(image);
  if (!compiler.empty() && !wanted.empty() && wanted.find(compiler) == std::string::npos)
    return fmt::format("the object was compiled by gcc {}, this kernel by {}", compiler, wanted);
  if (only_numbers * 2 > mismatched)
    return fmt::format(
        "in {} of {} functions that differ, an offset or a constant differs first: the members of "
        "a "
        "structure are elsewhere, as another configuration lays them out; compile it with this "
        "kernel's .config",
        only_numbers, mismatched);
  if (functions > 2 && mismatched * 2 > functions)
    return fmt::format(
        "{} of its {} functions differ, as with other options or another configuration; compile it "
        "with this kernel's .config",
        mismatched, functions);
  return fmt::format(
      "{} of its {} functions differ; make it from the source of exactly this kernel, with its "
      "options, and with --on for each update that is applied",
      mismatched, functions);
}

}  // namespace splicer
