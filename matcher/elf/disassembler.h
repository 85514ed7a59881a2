// SPDX-License-Identifier: GPL-2.0-or-later
//
// Capstone for x86-64, with details. For the files of this folder that ask what instructions mean
// (instruction.cc, address_flow.cc); others ask those.
//
// Invariant: each thread has its own.
#pragma once

#include <capstone/capstone.h>

#include <cstddef>
#include <cstdint>

#include "matcher/elf/elf_object.h"

namespace splicer {

// One Capstone handle for each thread: opening one costs more than a decode.
class Disassembler {
 public:
  Disassembler() {
    usable_ = cs_open(CS_ARCH_X86, CS_MODE_64, &handle_) == CS_ERR_OK;
    if (!usable_) return;
    cs_option(handle_, CS_OPT_DETAIL, CS_OPT_ON);
    instruction_ = cs_malloc(handle_);
  }
  Disassembler(const Disassembler&) = delete;
  Disassembler& operator=(const Disassembler&) = delete;
  ~Disassembler() {
    if (instruction_ != nullptr) cs_free(instruction_, 1);
    if (usable_) cs_close(&handle_);
  }

  // The result belongs to the disassembler and lives until the next call.
  const cs_insn* one(Bytes code, std::uint64_t address) {
    if (instruction_ == nullptr) return nullptr;
    const std::uint8_t* bytes = code.data();
    std::size_t size = code.size();
    return cs_disasm_iter(handle_, &bytes, &size, &address, instruction_) ? instruction_ : nullptr;
  }

 private:
  csh handle_ = 0;
  cs_insn* instruction_ = nullptr;
  bool usable_ = false;
};

inline Disassembler& disassembler() {
  static thread_local Disassembler instance;
  return instance;
}

}  // namespace splicer
