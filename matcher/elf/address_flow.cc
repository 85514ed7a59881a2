// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/elf/address_flow.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "matcher/elf/disassembler.h"
#include "matcher/elf/instruction.h"

namespace splicer {

namespace {

constexpr std::size_t kMostInstructions = 20000;

// The System V ABI's: what arguments are in, and what a call may overwrite.
constexpr std::array kArguments = {X86_REG_RDI, X86_REG_RSI, X86_REG_RDX,
                                   X86_REG_RCX, X86_REG_R8,  X86_REG_R9};
constexpr std::array kOverwritten = {X86_REG_RAX, X86_REG_RDI, X86_REG_RSI,
                                     X86_REG_RDX, X86_REG_RCX, X86_REG_R8,
                                     X86_REG_R9,  X86_REG_R10, X86_REG_R11};

using Registers = std::set<unsigned>;

// The 64-bit register that a part belongs to: what writes the lower half overwrites all of it.
unsigned whole(unsigned part) {
  static const std::map<unsigned, unsigned> kWhole = {
      {X86_REG_EAX, X86_REG_RAX},  {X86_REG_EBX, X86_REG_RBX},  {X86_REG_ECX, X86_REG_RCX},
      {X86_REG_EDX, X86_REG_RDX},  {X86_REG_ESI, X86_REG_RSI},  {X86_REG_EDI, X86_REG_RDI},
      {X86_REG_EBP, X86_REG_RBP},  {X86_REG_R8D, X86_REG_R8},   {X86_REG_R9D, X86_REG_R9},
      {X86_REG_R10D, X86_REG_R10}, {X86_REG_R11D, X86_REG_R11}, {X86_REG_R12D, X86_REG_R12},
      {X86_REG_R13D, X86_REG_R13}, {X86_REG_R14D, X86_REG_R14}, {X86_REG_R15D, X86_REG_R15}};
  const auto found = kWhole.find(part);
  return found == kWhole.end() ? part : found->second;
}

bool is_on_stack(const cs_x86_op& memory) {
  return memory.mem.base == X86_REG_RSP && memory.mem.segment == X86_REG_INVALID;
}

// A variable that the instruction names by a field of its own.
bool is_static(const cs_x86_op& memory) {
  return memory.mem.index == X86_REG_INVALID && memory.mem.segment == X86_REG_INVALID &&
         (memory.mem.base == X86_REG_RIP || memory.mem.base == X86_REG_INVALID);
}

bool is_conditional(unsigned id) {
  return id != X86_INS_JMP && id != X86_INS_CALL && id != X86_INS_RET;
}

class Walk {
 public:
  explicit Walk(Bytes code) : code_(code) {}

  AddressFate run(std::uint64_t at, std::uint64_t field) {
    const cs_insn* first = disassembler().one(code_.subspan(at), 0);
    if (first == nullptr) {
      fate_.lost = true;
      return std::move(fate_);
    }
    Registers holding;
    place_ = at;
    begin(*first, static_cast<unsigned>(field - at), holding);
    add(at + first->size, holding);
    for (std::size_t done = 0; !todo_.empty(); ++done) {
      if (done == kMostInstructions) {
        fate_.lost = true;
        break;
      }
      auto [place, registers] = std::move(todo_.back());
      todo_.pop_back();
      step(place, std::move(registers));
    }
    return std::move(fate_);
  }

 private:
  void add(std::uint64_t place, const Registers& holding) {
    if (holding.empty() || place >= code_.size()) return;
    Registers& seen = seen_[place];
    const std::size_t before = seen.size();
    seen.insert(holding.begin(), holding.end());
    if (seen.size() != before) todo_.emplace_back(place, seen);
  }

  // The instruction that takes the address: into a register, or at once into memory.
  void begin(const cs_insn& instruction, unsigned field, Registers& holding) {
    const cs_x86& x86 = instruction.detail->x86;
    if (x86.op_count == 0) return;
    const cs_x86_op& to = x86.operands[0];
    const bool is_immediate = x86.encoding.imm_offset == field && x86.encoding.imm_size != 0;
    if (!is_immediate && instruction.id != X86_INS_LEA) return;
    if (to.type == X86_OP_REG && is_moving(instruction.id)) holding.insert(whole(to.reg));
    if (to.type == X86_OP_MEM && instruction.id == X86_INS_MOV) store(to, x86);
  }

  void store(const cs_x86_op& to, const cs_x86& x86) {
    if (is_on_stack(to)) return;
    if (is_static(to) && x86.encoding.disp_size == 4)
      fate_.statics.insert(place_ + x86.encoding.disp_offset);
    else
      fate_.stored = true;
  }

  static bool is_moving(unsigned id) {
    return id == X86_INS_LEA || id == X86_INS_MOV || id == X86_INS_MOVABS || id == X86_INS_ADD;
  }

  void step(std::uint64_t place, Registers holding) {
    const auto known = decode(code_.subspan(place));
    if (known && known->direct_branch) {
      branch(place, *known, std::move(holding));
      return;
    }
    const cs_insn* instruction = disassembler().one(code_.subspan(place), 0);
    if (instruction == nullptr) {
      fate_.lost = true;
      return;
    }
    const std::uint64_t next = place + instruction->size;
    switch (instruction->id) {
      case X86_INS_RET:
        fate_.returned = fate_.returned || holding.contains(X86_REG_RAX);
        return;
      case X86_INS_INT3:
      case X86_INS_UD2:
        add(next, holding);  // a warning goes on
        return;
      case X86_INS_JMP:
      case X86_INS_CALL:
        fate_.indirect = fate_.indirect || has_argument(holding);
        if (instruction->id == X86_INS_CALL) add(next, after_call(std::move(holding)));
        return;
      default:
        place_ = place;
        move(*instruction, holding);
        add(next, holding);
    }
  }

  static bool has_argument(const Registers& holding) {
    return std::ranges::any_of(kArguments, [&](unsigned one) { return holding.contains(one); });
  }

  static Registers after_call(Registers holding) {
    for (const unsigned one : kOverwritten) holding.erase(one);
    return holding;
  }

  void branch(std::uint64_t place, const Instruction& known, Registers holding) {
    const std::uint64_t next = place + known.length;
    const auto target =
        static_cast<std::uint64_t>(static_cast<std::int64_t>(next) + known.displacement);
    const cs_insn* instruction = disassembler().one(code_.subspan(place), 0);
    const unsigned id =
        instruction == nullptr ? static_cast<unsigned>(X86_INS_JMP) : instruction->id;
    // A field of four zero bytes is a relocation's: it leads out of the code.
    const bool leaves = known.immediate_size == 4 && known.displacement == 0;
    if (id == X86_INS_CALL || leaves || target >= code_.size()) {
      if (has_argument(holding)) fate_.calls.insert(place + known.immediate_offset);
      if (id == X86_INS_CALL) {
        add(next, after_call(std::move(holding)));
        return;
      }
    } else {
      add(target, holding);
    }
    if (is_conditional(id)) add(next, holding);
  }

  void move(const cs_insn& instruction, Registers& holding) {
    const cs_x86& x86 = instruction.detail->x86;
    if (x86.op_count == 0) return;
    const cs_x86_op& to = x86.operands[0];
    const bool exchanges = instruction.id == X86_INS_XCHG || instruction.id == X86_INS_CMPXCHG ||
                           instruction.id == X86_INS_XADD;
    const bool compares = instruction.id == X86_INS_CMP || instruction.id == X86_INS_TEST ||
                          instruction.id == X86_INS_BT;
    bool from_held = false;
    for (unsigned i = 1; i < x86.op_count; ++i) {
      const cs_x86_op& from = x86.operands[i];
      if (from.type == X86_OP_REG && holding.contains(whole(from.reg))) from_held = true;
      // lea 8(%rax), %rbx is another place in the same memory.
      if (instruction.id == X86_INS_LEA && from.type == X86_OP_MEM &&
          (holding.contains(from.mem.base) || holding.contains(from.mem.index)))
        from_held = true;
    }
    if (compares) return;
    if (to.type == X86_OP_MEM) {
      if (from_held && (instruction.id == X86_INS_MOV || exchanges)) store(to, x86);
      return;
    }
    if (to.type != X86_OP_REG) return;
    const unsigned reg = whole(to.reg);
    if (exchanges) return;
    if (from_held && (is_moving(instruction.id) || is_conditional_move(instruction)))
      holding.insert(reg);
    else if (!keeps_register(instruction))
      holding.erase(reg);
  }

  static bool is_conditional_move(const cs_insn& instruction) {
    return std::string_view(instruction.mnemonic).starts_with("cmov");
  }

  // push, and what adds to it: it still leads to the same memory.
  static bool keeps_register(const cs_insn& instruction) {
    return instruction.id == X86_INS_PUSH || instruction.id == X86_INS_ADD ||
           instruction.id == X86_INS_SUB || is_conditional_move(instruction);
  }

  Bytes code_;
  std::uint64_t place_ = 0;  // of the instruction that is looked at
  AddressFate fate_;
  std::map<std::uint64_t, Registers> seen_;
  std::vector<std::pair<std::uint64_t, Registers>> todo_;
};

}  // namespace

AddressFate fate_of_address(Bytes code, std::uint64_t at, std::uint64_t field) {
  return Walk(code).run(at, field);
}

}  // namespace splicer
