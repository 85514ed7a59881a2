// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/elf/instruction.h"

#include <fmt/core.h>

#include <algorithm>

#include "matcher/elf/disassembler.h"
#include "matcher/elf/nops.h"

namespace splicer {

namespace {

// The displacement's place in a direct branch: eb, e8, e9, 70..7f, 0f 80..8f, e0..e3, with
// prefixes. Told from the bytes, not by Capstone, which is asked for lengths alone: of 6.5 million
// instructions of the kernel Capstone 4 gets 686 lengths wrong, all of ud1 (0f b9, in static call
// trampolines), and a branch behind such a one would be read from its middle. So a branch counts
// only if its bytes say so and Capstone's length agrees.
void classify_branch(Bytes code, Instruction& instruction) {
  std::size_t i = 0;
  while (i < code.size() &&
         (code[i] == 0x66 || code[i] == 0x2e || code[i] == 0x3e || code[i] == 0xf2))
    i++;
  if (i >= code.size()) return;
  const std::uint8_t opcode = code[i];
  if (opcode == 0xeb || (opcode >= 0x70 && opcode <= 0x7f) || (opcode >= 0xe0 && opcode <= 0xe3)) {
    instruction.immediate_offset = static_cast<unsigned>(i + 1);
    instruction.immediate_size = 1;
  } else if (opcode == 0xe8 || opcode == 0xe9) {
    instruction.immediate_offset = static_cast<unsigned>(i + 1);
    instruction.immediate_size = 4;
  } else if (opcode == 0x0f && i + 1 < code.size() && (code[i + 1] & 0xf0) == 0x80) {
    instruction.immediate_offset = static_cast<unsigned>(i + 2);
    instruction.immediate_size = 4;
  } else {
    return;
  }
  if (instruction.immediate_offset + instruction.immediate_size != instruction.length) return;
  instruction.direct_branch = true;
  std::uint32_t value = 0;
  for (unsigned k = 0; k < instruction.immediate_size; k++)
    value |= static_cast<std::uint32_t>(code[instruction.immediate_offset + k]) << (8 * k);
  instruction.displacement = instruction.immediate_size == 1 ? static_cast<std::int8_t>(value)
                                                             : static_cast<std::int32_t>(value);
}

}  // namespace

std::optional<Instruction> decode(Bytes code) {
  const cs_insn* found = disassembler().one(code, 0);
  if (found == nullptr || found->size == 0 || found->size > code.size()) return std::nullopt;
  Instruction instruction;
  instruction.length = found->size;
  const auto nop = nop_at(code);
  instruction.nop = nop && nop->length == instruction.length;
  classify_branch(code.first(found->size), instruction);
  return instruction;
}

AddressUse address_use(Bytes code, unsigned offset) {
  const cs_insn* found = disassembler().one(code, 0);
  if (found == nullptr || found->id == X86_INS_LEA) return AddressUse::address;
  const cs_x86& x86 = found->detail->x86;
  if (x86.encoding.disp_offset != offset || x86.encoding.disp_size == 0) return AddressUse::address;
  switch (found->id) {
    case X86_INS_CMP:
    case X86_INS_TEST:
    case X86_INS_BT:
    case X86_INS_PUSH:
    case X86_INS_CALL:
    case X86_INS_JMP:
      return AddressUse::read;
    case X86_INS_XCHG:
    case X86_INS_XADD:
    case X86_INS_CMPXCHG:
    case X86_INS_CMPXCHG8B:
    case X86_INS_CMPXCHG16B:
      return AddressUse::write;
    default:
      // The first operand is what is written. (Capstone's own table of accesses takes the memory of
      // cmpxchg for read only.)
      return x86.op_count != 0 && x86.operands[0].type == X86_OP_MEM ? AddressUse::write
                                                                     : AddressUse::read;
  }
}

bool copies_memory(Bytes code) {
  const cs_insn* found = disassembler().one(code, 0);
  return found != nullptr && (found->id == X86_INS_MOVSB || found->id == X86_INS_MOVSW ||
                              found->id == X86_INS_MOVSD || found->id == X86_INS_MOVSQ);
}

bool differ_in_numbers(Bytes a, Bytes b) {
  const auto branches = [](Bytes code) {
    const auto instruction = decode(code);
    return !instruction || instruction->direct_branch;
  };
  if (branches(a) || branches(b)) return false;
  const cs_insn* first = disassembler().one(a, 0);
  if (first == nullptr) return false;
  const unsigned id = first->id;
  const cs_x86 pre = first->detail->x86;  // a copy: the next decode takes its place
  const cs_insn* second = disassembler().one(b, 0);
  if (second == nullptr || second->id != id || second->detail->x86.op_count != pre.op_count)
    return false;
  bool other_number = false;
  for (unsigned i = 0; i < pre.op_count; i++) {
    const cs_x86_op& x = pre.operands[i];
    const cs_x86_op& y = second->detail->x86.operands[i];
    if (x.type != y.type || x.size != y.size) return false;
    if (x.type == X86_OP_REG && x.reg != y.reg) return false;
    if (x.type == X86_OP_IMM) other_number = other_number || x.imm != y.imm;
    if (x.type != X86_OP_MEM) continue;
    if (x.mem.base != y.mem.base || x.mem.index != y.mem.index || x.mem.scale != y.mem.scale ||
        x.mem.segment != y.mem.segment)
      return false;
    other_number = other_number || x.mem.disp != y.mem.disp;
  }
  return other_number;
}

std::string disassemble_one(Bytes code, std::uint64_t address) {
  const cs_insn* found = disassembler().one(code, address);
  if (found == nullptr) return "(unknown)";
  return fmt::format("{:<7}{}", found->mnemonic, found->op_str);
}

std::string disassemble_side_by_side(Bytes pre, Bytes run, std::uint64_t pre_offset,
                                     std::uint64_t run_address, std::uint64_t mark_offset) {
  constexpr std::size_t kBefore = 3;  // instructions of context
  constexpr std::size_t kAfter = 4;
  // Instruction starts, from the beginning: x86 code cannot be decoded backwards.
  std::vector<std::size_t> starts;
  std::size_t mark = 0;
  for (std::size_t at = 0; at < pre.size();) {
    if (at <= mark_offset) mark = starts.size();
    starts.push_back(at);
    const auto instruction = decode(pre.subspan(at));
    at += instruction ? instruction->length : 1;
  }
  const std::size_t first = mark > kBefore ? mark - kBefore : 0;
  const std::size_t last = std::min(starts.size(), mark + kAfter);

  const auto length_of = [](Bytes code) {
    const auto instruction = decode(code);
    return instruction ? instruction->length : std::min<std::size_t>(1, code.size());
  };
  const auto column = [&length_of](Bytes code, std::uint64_t address) {
    std::string bytes;
    for (std::size_t k = 0; k < length_of(code); k++) bytes += fmt::format("{:02x} ", code[k]);
    return fmt::format("{:<34}{} ", bytes, disassemble_one(code, address));
  };
  std::string text = fmt::format("  {:<8}{:<80}{}\n", "offset", "expected (pre)", "found (run)");
  // Each column goes on by its own instructions: after the mark they need not be of one length.
  std::size_t run_at = starts.empty() ? 0 : starts[first];
  for (std::size_t i = first; i < last; i++) {
    const std::size_t at = starts[i];
    const std::string left = column(pre.subspan(at), pre_offset + at);
    const std::string right =
        run_at < run.size() ? column(run.subspan(run_at), run_address + run_at) : std::string();
    text += fmt::format("{} +{:<7x}{:<80}{}\n", i == mark ? '>' : ' ', at, left, right);
    if (run_at < run.size()) run_at += length_of(run.subspan(run_at));
  }
  return text;
}

}  // namespace splicer
