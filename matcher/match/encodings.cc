// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/match/encodings.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "matcher/elf/instruction.h"
#include "matcher/elf/nops.h"

namespace splicer {

namespace {

constexpr std::uint8_t kCall = 0xe8;
constexpr std::uint8_t kJump = 0xe9;
constexpr std::uint8_t kShortJump = 0xeb;
constexpr std::uint8_t kReturn = 0xc3;
constexpr std::uint8_t kInt3 = 0xcc;
constexpr std::uint8_t kNop = 0x90;

// Sites that overlap multiply their encodings. The kernel's have less than twenty; beyond this limit
// an object is hostile.
constexpr std::size_t kMaxEncodings = 1024;

// The names of __x86_indirect_thunk_*, in the order of register numbers.
constexpr std::array<std::string_view, 16> kRegisters = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp",
                                                         "rsi", "rdi", "r8",  "r9",  "r10", "r11",
                                                         "r12", "r13", "r14", "r15"};

// `opcode rel32` at `address` to `target`.
std::vector<std::uint8_t> branch(std::uint8_t opcode, RunAddress address, RunAddress target) {
  std::vector<std::uint8_t> bytes{opcode, 0, 0, 0, 0};
  const auto displacement = static_cast<std::uint32_t>(target - (address + 5));
  std::memcpy(&bytes[1], &displacement, sizeof displacement);
  return bytes;
}

// The target of a rel32 whose four bytes start at `field`, which runs at `address`.
RunAddress branch_target(Bytes field, RunAddress address) {
  std::int32_t displacement = 0;
  std::memcpy(&displacement, field.data(), sizeof displacement);
  return address + 4 + static_cast<std::uint64_t>(static_cast<std::int64_t>(displacement));
}

// What a traced function calls: ftrace's own entries, a trampoline that it made for one tracer
// (create_trampoline(), listed under this module name), or one of BPF's (bpf_image_ksym_add()).
bool is_trace_entry(const KernelSymbol& symbol) {
  if (symbol.module == "__builtin__ftrace") return true;
  if (symbol.module == "bpf") return symbol.name.starts_with("bpf_trampoline_");
  return symbol.module == "vmlinux" &&
         (symbol.name == "ftrace_caller" || symbol.name == "ftrace_regs_caller");
}

bool same(const Encoding& a, const Encoding& b) {
  const auto same_relocation = [](const Relocation& x, const Relocation& y) {
    return x.offset == y.offset && x.type == y.type && x.symbol == y.symbol && x.addend == y.addend;
  };
  return a.bytes == b.bytes &&
         std::equal(a.relocations.begin(), a.relocations.end(), b.relocations.begin(),
                    b.relocations.end(), same_relocation);
}

void add(std::vector<Encoding>& encodings, Encoding encoding) {
  if (encodings.size() >= kMaxEncodings) return;
  if (std::none_of(encodings.begin(), encodings.end(),
                   [&](const Encoding& f) { return same(f, encoding); }))
    encodings.push_back(std::move(encoding));
}

// `encoding` with [offset, offset + bytes.size()) replaced and the relocations there gone.
Encoding with_bytes(const Encoding& encoding, std::uint64_t offset,
                    const std::vector<std::uint8_t>& bytes) {
  Encoding changed = encoding;
  std::copy(bytes.begin(), bytes.end(),
            changed.bytes.begin() + static_cast<std::ptrdiff_t>(offset));
  const auto covered = [&](std::uint64_t at) { return at >= offset && at < offset + bytes.size(); };
  std::erase_if(changed.relocations,
                [&](const Relocation& r) { return covered(r.offset.value()); });
  std::erase_if(changed.lock_prefixes, [&](std::uint32_t at) { return covered(at); });
  return changed;
}

// Each encoding so far with each of the variants at `offset`, too.
void add_variants(std::vector<Encoding>& encodings, std::uint64_t offset,
                  const std::vector<std::vector<std::uint8_t>>& variants) {
  for (std::size_t i = 0, count = encodings.size(); i < count; i++)
    for (const auto& bytes : variants) add(encodings, with_bytes(encodings[i], offset, bytes));
}

std::vector<std::uint8_t> padded(std::vector<std::uint8_t> bytes, std::size_t size,
                                 std::uint8_t filler) {
  bytes.resize(std::max(size, bytes.size()), filler);
  return bytes;
}

// optimize_nops() of alternative.c: runs of two and more one-byte nops, found at instruction
// boundaries, become long nops.
void optimize_nops(Encoding& encoding, std::uint64_t begin, std::uint64_t end) {
  for (std::uint64_t at = begin; at < end;) {
    const auto instruction = decode(Bytes(encoding.bytes).subspan(at));
    if (!instruction) return;
    if (instruction->length != 1 || encoding.bytes[at] != kNop) {
      at += instruction->length;
      continue;
    }
    std::uint64_t last = at;
    while (last < end && encoding.bytes[last] == kNop) last++;
    const auto nops = kernel_nops(last - at);
    std::copy(nops.begin(), nops.end(), encoding.bytes.begin() + static_cast<std::ptrdiff_t>(at));
    at = last;
  }
}

// optimize_nops() of later kernels: nops that follow each other, of whatever lengths, become one;
// one that ends the site stays as it is.
void merge_nops(Encoding& encoding, std::uint64_t begin, std::uint64_t end) {
  for (std::uint64_t at = begin; at < end;) {
    const Bytes site = Bytes(encoding.bytes).first(end);
    auto instruction = decode(site.subspan(at));
    if (!instruction) return;
    std::uint64_t next = at + instruction->length;
    if (instruction->nop) {
      if (next == end) return;
      while (next < end && (instruction = decode(site.subspan(next))) && instruction->nop)
        next += instruction->length;
      const auto nop = single_nop(next - at);
      std::copy(nop.begin(), nop.end(), encoding.bytes.begin() + static_cast<std::ptrdiff_t>(at));
    }
    at = next;
  }
}

// The nops of a site as kernels have optimised them, then and now.
void add_optimized(std::vector<Encoding>& encodings, const Encoding& encoding, std::uint64_t begin,
                   std::uint64_t end) {
  for (const auto optimize : {optimize_nops, merge_nops}) {
    Encoding optimized = encoding;
    optimize(optimized, begin, end);
    add(encodings, std::move(optimized));
  }
}

}  // namespace

Encoding Encodings::original(std::uint32_t section, SectionOffset begin, SectionOffset end) const {
  Encoding encoding;
  const Bytes bytes = object_.section(section).bytes.subspan(begin.value(), end - begin);
  encoding.bytes.assign(bytes.begin(), bytes.end());
  for (Relocation relocation : object_.relocations_in(section, begin, end)) {
    relocation.offset -= begin.value();
    encoding.relocations.push_back(relocation);
  }
  return encoding;
}

std::vector<Encoding> Encodings::of(std::uint32_t section, const SiteGroup& group,
                                    RunAddress address, Bytes run) const {
  std::vector<Encoding> encodings{original(section, group.begin, group.end)};
  for (const Site& site : group.sites)
    if (site.kind == SiteKind::lock_prefix)
      encodings[0].lock_prefixes.push_back(static_cast<std::uint32_t>(site.offset - group.begin));
  boot_sites(encodings, group.sites, group.begin, address, run);
  for (const Site& site : group.sites)
    if (site.kind == SiteKind::alternative) alternative(encodings, site, group.begin, address, run);
  for (const Site& site : group.sites) {
    if (site.kind == SiteKind::constant) constant(encodings, site, group.begin);
    if (site.kind == SiteKind::static_key) static_key(encodings, site, group.begin);
    if (site.kind == SiteKind::static_call) static_call(encodings, site, group.begin, address);
    if (site.kind == SiteKind::ftrace) ftrace(encodings, site, group.begin, address, run);
  }
  return encodings;
}

// The steps before the alternatives; they also rewrite the replacements themselves.
void Encodings::boot_sites(std::vector<Encoding>& encodings, const std::vector<Site>& sites,
                           SectionOffset begin, RunAddress address, Bytes run) const {
  for (const Site& site : sites)
    if (site.kind == SiteKind::paravirt) paravirt(encodings, site, begin, address);
  for (const Site& site : sites)
    if (site.kind == SiteKind::retpoline) retpoline(encodings, site, begin, address, run);
  for (const Site& site : sites)
    if (site.kind == SiteKind::return_thunk) return_thunk(encodings, site, begin, address);
  for (const Site& site : sites) {
    if (site.kind != SiteKind::endbr) continue;
    // gen_endbr_poison(): nopw (%rax).
    for (std::size_t i = 0, count = encodings.size(); i < count; i++)
      add(encodings, with_bytes(encodings[i], site.offset - begin, {0x66, 0x0f, 0x1f, 0x00}));
  }
}

// paravirt_patch(): a direct call of what pv_ops holds, or nothing at all for _paravirt_nop.
void Encodings::paravirt(std::vector<Encoding>& encodings, const Site& site, SectionOffset begin,
                         RunAddress address) const {
  const std::uint64_t offset = site.offset - begin;
  const SymbolTable& symbols = image_.symbols();
  const auto tables = symbols.find("vmlinux", "pv_ops");
  if (tables.size() != 1) return;
  const auto slot = image_.pointer_at(tables[0]->address + 8ull * site.paravirt_slot);
  if (!slot) return;
  RunAddress function = *slot;

  const auto is_function = [&](std::string_view name) {
    const auto found = symbols.find("vmlinux", name);
    return std::any_of(found.begin(), found.end(),
                       [&](const KernelSymbol* s) { return s->address == function; });
  };
  if (function == RunAddress()) {
    const auto bug = symbols.find("vmlinux", "paravirt_BUG");
    if (bug.size() != 1) return;
    function = bug[0]->address;
  }
  for (std::size_t i = 0, count = encodings.size(); i < count; i++) {
    if (is_function("_paravirt_nop")) {
      add(encodings, with_bytes(encodings[i], offset, kernel_nops(site.length)));
    } else if (site.length >= 5) {
      auto bytes = branch(kCall, address + offset, function);
      const auto nops = kernel_nops(site.length - 5);
      bytes.insert(bytes.end(), nops.begin(), nops.end());
      add(encodings, with_bytes(encodings[i], offset, bytes));
    }
  }
}

// The branch to __x86_indirect_thunk_REGISTER that a retpoline site is in the object; nothing if the
// site is not such a branch. The displacement is the instruction's last four bytes, the opcode is
// before it, and before that a cs prefix or the first byte of jcc.
std::optional<Encodings::ThunkBranch> Encodings::thunk_branch(const Encoding& built,
                                                              std::uint64_t offset,
                                                              std::uint32_t length) const {
  const auto thunk = std::ranges::find_if(built.relocations, [&](const Relocation& r) {
    return r.offset >= offset && r.offset < offset + length;
  });
  if (thunk == built.relocations.end()) return std::nullopt;
  constexpr std::string_view kPrefix = "__x86_indirect_thunk_";
  const std::string& name = object_.symbol(thunk->symbol).name;
  if (!name.starts_with(kPrefix)) return std::nullopt;
  const auto found = std::ranges::find(kRegisters, std::string_view(name).substr(kPrefix.size()));
  if (found == kRegisters.end()) return std::nullopt;
  if (thunk->offset == offset || thunk->offset + 4 != offset + length) return std::nullopt;

  ThunkBranch branch;
  branch.number = static_cast<unsigned>(found - kRegisters.begin());
  branch.opcode_offset = thunk->offset.value() - 1;
  branch.opcode = built.bytes[branch.opcode_offset];
  branch.conditional = branch.opcode_offset > offset && built.bytes[offset] == 0x0f;
  const bool known = branch.conditional ? (branch.opcode & 0xf0) == 0x80
                                        : branch.opcode == kCall || branch.opcode == kJump;
  return known ? std::optional(branch) : std::nullopt;
}

// patch_retpoline(): the indirect branch itself, with or without lfence, or a call of an ITS thunk.
void Encodings::retpoline(std::vector<Encoding>& encodings, const Site& site, SectionOffset begin,
                          RunAddress address, Bytes run) const {
  const std::uint64_t offset = site.offset - begin;
  const Encoding& built = encodings.front();
  const auto thunk = thunk_branch(built, offset, site.length);
  if (!thunk) return;

  std::vector<std::vector<std::uint8_t>> variants;
  for (const bool lfence : {false, true})
    if (auto bytes = indirect_branch(*thunk, lfence, site.length); !bytes.empty())
      variants.push_back(std::move(bytes));
  const std::uint64_t field = thunk->opcode_offset + 1;
  if (run.size() >= field + 4 && run[thunk->opcode_offset] == thunk->opcode) {
    const RunAddress target = branch_target(run.subspan(field, 4), address + field);
    if (is_its_thunk(target, thunk->number)) {
      std::vector<std::uint8_t> bytes(
          built.bytes.begin() + static_cast<std::ptrdiff_t>(offset),
          built.bytes.begin() + static_cast<std::ptrdiff_t>(offset + site.length));
      std::ranges::copy(branch(thunk->opcode, address + thunk->opcode_offset, target),
                        bytes.begin() + static_cast<std::ptrdiff_t>(thunk->opcode_offset - offset));
      variants.push_back(std::move(bytes));
    }
  }
  add_variants(encodings, offset, variants);
}

// `jmp *%reg` or `call *%reg` in place of the branch to the thunk; of a jcc behind a short jcc of
// the opposite condition. Empty if it does not fit: the kernel then leaves the thunk call.
std::vector<std::uint8_t> Encodings::indirect_branch(const ThunkBranch& thunk, bool lfence,
                                                     std::uint32_t length) {
  const bool jump = thunk.opcode != kCall;
  std::vector<std::uint8_t> bytes;
  if (thunk.conditional) {
    bytes.push_back(static_cast<std::uint8_t>(0x70 + ((thunk.opcode & 0xf) ^ 1)));
    bytes.push_back(static_cast<std::uint8_t>(length - 2));
  }
  if (lfence) bytes.insert(bytes.end(), {0x0f, 0xae, 0xe8});
  if (thunk.number >= 8) bytes.push_back(0x41);
  bytes.push_back(0xff);
  bytes.push_back(static_cast<std::uint8_t>(0xc0 + (jump ? 0x20 : 0x10) + (thunk.number & 7)));
  if (bytes.size() > length) return {};
  if (jump && bytes.size() < length) bytes.push_back(kInt3);
  const auto nops = kernel_nops(length - bytes.size());
  bytes.insert(bytes.end(), nops.begin(), nops.end());
  return bytes;
}

// emit_its_trampoline(): "jmp *%reg; int3" in some page of its own.
bool Encodings::is_its_thunk(RunAddress address, unsigned number) const {
  std::vector<std::uint8_t> expected;
  if (number >= 8) expected.push_back(0x41);
  expected.insert(expected.end(), {0xff, static_cast<std::uint8_t>(0xe0 + (number & 7)), kInt3});
  std::vector<std::uint8_t> there(expected.size());
  return image_.read(address, there) && there == expected;
}

// patch_return(): "ret" padded with int3, or a jump to the return thunk that this machine uses.
void Encodings::return_thunk(std::vector<Encoding>& encodings, const Site& site,
                             SectionOffset begin, RunAddress address) const {
  const std::uint64_t offset = site.offset - begin;
  std::vector<std::vector<std::uint8_t>> variants{padded({kReturn}, site.length, kInt3)};
  for (const KernelSymbol* variable : image_.symbols().find("vmlinux", "x86_return_thunk")) {
    const auto thunk = image_.pointer_at(variable->address);
    if (thunk && image_.symbols().at(*thunk) != nullptr)
      variants.push_back(padded(branch(kJump, address + offset, *thunk), site.length, kInt3));
  }
  add_variants(encodings, offset, variants);
}

// The replacement of an alternative as apply_alternatives() copies it to `address`, where `run` is
// now; its own sites have been rewritten before.
std::vector<Encoding> Encodings::replacements_of(const Site& site, RunAddress address,
                                                 Bytes run) const {
  if (site.replacement_length == 0) return {Encoding()};
  const Place place = site.replacement;
  const SectionOffset end = place.offset + site.replacement_length;
  std::vector<Encoding> replacements{original(place.section, place.offset, end)};
  std::vector<Site> inner;
  for (const SiteGroup& group : sites_.in(place.section))
    for (const Site& other : group.sites)
      if (other.offset >= place.offset && other.offset + other.length <= end)
        inner.push_back(other);
  for (const Site& other : inner)
    if (other.kind == SiteKind::lock_prefix)
      replacements[0].lock_prefixes.push_back(
          static_cast<std::uint32_t>(other.offset - place.offset));
  boot_sites(replacements, inner, place.offset, address,
             run.first(std::min<std::size_t>(site.replacement_length, run.size())));
  // recompute_jump(): a long jump that is near enough becomes a short one.
  for (std::size_t i = 0, count = replacements.size(); i < count; i++) {
    const Encoding& encoding = replacements[i];
    if (encoding.bytes.size() != 5 || encoding.bytes[0] != kJump ||
        encoding.relocations.size() != 1)
      continue;
    Encoding short_jump = encoding;
    short_jump.bytes = {kShortJump, 0, 0x0f, 0x1f, 0x00};
    short_jump.relocations[0].type = R_X86_64_PC8;
    // The addend counts from the field; the field now ends the instruction one byte on, not four.
    short_jump.relocations[0].addend += 3;
    add(replacements, short_jump);
    short_jump.bytes = {kShortJump, 0, kInt3, kInt3, kInt3};  // __apply_relocation(), later
    add(replacements, std::move(short_jump));
  }
  return replacements;
}

// One round of the loop in apply_alternatives(): the replacement, its first branch moved to the
// site, padded and optimised; or nothing but optimised nops.
void Encodings::alternative(std::vector<Encoding>& encodings, const Site& site, SectionOffset begin,
                            RunAddress address, Bytes run) const {
  const std::uint64_t offset = site.offset - begin;
  const std::uint64_t end = offset + site.length;

  const std::vector<Encoding> replacements =
      replacements_of(site, address + offset, run.size() > offset ? run.subspan(offset) : Bytes());
  std::vector<Encoding> next;
  for (const Encoding& encoding : encodings) {
    add(next, encoding);  // as built: an image on disk, or a kernel that leaves it alone
    add_optimized(next, encoding, offset, end);
    if (site.direct_call) {
      if (const auto bytes = direct_call(encoding, site, offset, address))
        add_optimized(next, with_bytes(encoding, offset, *bytes), offset, end);
      continue;
    }
    for (const Encoding& replacement : replacements) {
      Encoding replaced =
          with_bytes(encoding, offset, padded(replacement.bytes, site.length, kNop));
      for (Relocation relocation : replacement.relocations) {
        relocation.offset += offset;
        replaced.relocations.push_back(relocation);
      }
      for (const std::uint32_t lock : replacement.lock_prefixes)
        replaced.lock_prefixes.push_back(lock + static_cast<std::uint32_t>(offset));
      add_optimized(next, replaced, offset, end);
    }
  }
  encodings = std::move(next);
}

// alt_replace_call(): `call *pv_ops+N(%rip)` becomes a call of what stands there, or nothing for a
// function that does nothing. (The replacement itself, a call of BUG_func, is never written.)
std::optional<std::vector<std::uint8_t>> Encodings::direct_call(const Encoding& encoding,
                                                                const Site& site,
                                                                std::uint64_t offset,
                                                                RunAddress address) const {
  constexpr std::uint32_t kIndirectCall = 6;  // ff 15 disp32
  if (site.length != kIndirectCall || encoding.bytes[offset] != 0xff ||
      encoding.bytes[offset + 1] != 0x15)
    return std::nullopt;
  const auto pointer =
      std::find_if(encoding.relocations.begin(), encoding.relocations.end(),
                   [&](const Relocation& relocation) { return relocation.offset == offset + 2; });
  if (pointer == encoding.relocations.end()) return std::nullopt;
  const auto named = [&](std::string_view name) {
    const auto places = image_.symbols().find("vmlinux", name);
    return places.size() == 1 ? places[0]->address : RunAddress();
  };
  const RunAddress table = named(object_.symbol(pointer->symbol).name);
  if (table == RunAddress()) return std::nullopt;
  // The addend counts from the field, the address from the instruction's end.
  const auto held = image_.pointer_at(table + static_cast<std::uint64_t>(pointer->addend) + 4);
  if (!held) return std::nullopt;
  const RunAddress function = *held != RunAddress() ? *held : named("BUG_func");
  if (function == RunAddress()) return std::nullopt;
  if (function == named("nop_func")) return padded({}, kIndirectCall, kNop);
  return padded(branch(kCall, address + offset, function), kIndirectCall, kNop);
}

// runtime_const_fixup(): the variable's value, or its lowest byte.
void Encodings::constant(std::vector<Encoding>& encodings, const Site& site,
                         SectionOffset begin) const {
  for (const KernelSymbol* variable : image_.symbols().find("vmlinux", site.variable)) {
    std::vector<std::uint8_t> value(site.length);
    if (!image_.read(variable->address, value)) continue;
    for (std::size_t i = 0, count = encodings.size(); i < count; i++)
      add(encodings, with_bytes(encodings[i], site.offset - begin, value));
  }
}

// __jump_label_patch(): a nop, or a jump to the entry's target.
void Encodings::static_key(std::vector<Encoding>& encodings, const Site& site,
                           SectionOffset begin) const {
  const std::uint64_t offset = site.offset - begin;
  const bool is_short = site.length == 2;
  for (std::size_t i = 0, count = encodings.size(); i < count; i++) {
    add(encodings, with_bytes(encodings[i], offset, kernel_nops(site.length)));
    Encoding jump =
        with_bytes(encodings[i], offset, padded({is_short ? kShortJump : kJump}, site.length, 0));
    jump.relocations.push_back({SectionOffset(offset + 1),
                                is_short ? static_cast<std::uint32_t>(R_X86_64_PC8)
                                         : static_cast<std::uint32_t>(R_X86_64_PC32),
                                site.symbol, site.addend - (is_short ? 1 : 4)});
    add(encodings, std::move(jump));
  }
}

// __static_call_transform(): what the key's function of this moment asks for.
void Encodings::static_call(std::vector<Encoding>& encodings, const Site& site, SectionOffset begin,
                            RunAddress address) const {
  const std::uint64_t offset = site.offset - begin;
  constexpr std::string_view kTrampoline = "__SCT__";
  const std::string& name = object_.symbol(site.symbol).name;
  if (!name.starts_with(kTrampoline)) return;
  const SymbolTable& symbols = image_.symbols();
  const auto keys = symbols.find_anywhere("__SCK__" + name.substr(kTrampoline.size()));
  const std::uint8_t opcode = encodings.front().bytes[offset];
  const bool tail = opcode != kCall;
  const bool conditional = opcode == 0x0f;

  std::vector<std::vector<std::uint8_t>> variants;
  for (const KernelSymbol* key : keys) {
    const auto held = image_.pointer_at(key->address);
    if (!held) continue;
    const RunAddress function = *held;
    const bool none = function == RunAddress();

    std::vector<RunAddress> targets;
    if (!none) targets.push_back(function);
    if (none && tail) {
      for (const KernelSymbol* variable : symbols.find("vmlinux", "x86_return_thunk"))
        if (const auto thunk = image_.pointer_at(variable->address)) targets.push_back(*thunk);
      for (const char* stub : {"__x86_return_thunk", "__static_call_return"})
        for (const KernelSymbol* symbol : symbols.find("vmlinux", stub))
          targets.push_back(symbol->address);
      if (!conditional) variants.push_back(padded({kReturn}, 5, kInt3));
    }
    if (none && !tail) variants.push_back(kernel_nops(5));
    const auto zero = symbols.find("vmlinux", "__static_call_return0");
    if (!tail && zero.size() == 1 && zero[0]->address == function)
      variants.push_back({0x2e, 0x2e, 0x2e, 0x31, 0xc0});  // xor5rax
    for (const RunAddress target : targets) {
      if (conditional) {
        auto bytes = branch(encodings.front().bytes[offset + 1], address + offset + 1, target);
        bytes.insert(bytes.begin(), 0x0f);
        variants.push_back(std::move(bytes));
      } else {
        variants.push_back(branch(tail ? kJump : kCall, address + offset, target));
      }
    }
  }
  add_variants(encodings, offset, variants);
}

// ftrace_make_nop(), ftrace_update_func(), bpf_arch_text_poke(): the nop, or a call or jump to a
// place that the kernel itself lists as a symbol: ftrace's callers, the trampolines that ftrace and
// BPF allocate, a function of a module that hooks directly.
void Encodings::ftrace(std::vector<Encoding>& encodings, const Site& site, SectionOffset begin,
                       RunAddress address, Bytes run) const {
  const std::uint64_t offset = site.offset - begin;
  std::vector<Encoding> hooked;
  if (run.size() >= offset + 5 && (run[offset] == kCall || run[offset] == kJump)) {
    const RunAddress target = branch_target(run.subspan(offset + 1, 4), address + offset + 1);
    const KernelSymbol* symbol = image_.symbols().at(target);
    if (symbol != nullptr && image_.live() && is_trace_entry(*symbol)) {
      Encoding encoding =
          with_bytes(encodings.front(), offset, branch(run[offset], address + offset, target));
      encoding.hook = image_.symbols().describe(target);
      hooked.push_back(std::move(encoding));
    }
  }
  for (std::size_t i = 0, count = encodings.size(); i < count; i++)
    add(encodings, with_bytes(encodings[i], offset, kernel_nops(5)));
  for (Encoding& encoding : hooked) add(encodings, std::move(encoding));
}

}  // namespace splicer
