// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/elf/nops.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace splicer {

namespace {

constexpr std::size_t kLongestInstruction = 15;
constexpr std::size_t kLongestKernelNop = 8;   // BYTES_NOP8
constexpr std::size_t kLongestSingleNop = 11;  // ASM_NOP_MAX

constexpr std::array<std::array<std::uint8_t, kLongestKernelNop>, kLongestKernelNop + 1> kNops = {{
    {},
    {0x90},
    {0x66, 0x90},
    {0x0f, 0x1f, 0x00},
    {0x0f, 0x1f, 0x40, 0x00},
    {0x0f, 0x1f, 0x44, 0x00, 0x00},
    {0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00},
    {0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00},
    {0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
}};

// Bytes of the operand that begins with the ModRM byte `code[0]`; 0 if the code ends before it is
// known (SDM volume 2, table 2-2 and 2-3).
std::size_t operand_length(Bytes code) {
  if (code.empty()) return 0;
  const unsigned mod = code[0] >> 6;
  const unsigned rm = code[0] & 7;
  if (mod == 3) return 1;
  std::size_t length = 1;
  bool displacement_alone = mod == 0 && rm == 5;
  if (rm == 4) {
    if (code.size() < 2) return 0;
    displacement_alone = mod == 0 && (code[1] & 7) == 5;
    ++length;
  }
  if (mod == 1) return length + 1;
  return mod == 2 || displacement_alone ? length + 4 : length;
}

bool is_usual_operand(Bytes operand) {
  constexpr std::array<std::uint8_t, 5> kUsual = {0x00, 0x40, 0x44, 0x80, 0x84};
  return std::ranges::find(kUsual, operand[0]) != kUsual.end() &&
         std::ranges::all_of(operand.subspan(1), [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

std::optional<Nop> nop_at(Bytes code) {
  code = code.first(std::min(code.size(), kLongestInstruction));
  Nop nop;
  nop.padding = true;
  std::size_t at = 0;
  for (; at < code.size() && (code[at] == 0x66 || code[at] == 0x2e || code[at] == 0x3e); ++at)
    nop.padding = nop.padding && code[at] != 0x3e;
  if (at < code.size() && code[at] == 0x48) {  // REX.W
    nop.padding = false;
    ++at;
  }
  if (at < code.size() && code[at] == 0x90) {
    nop.length = static_cast<unsigned>(at + 1);
    nop.usual = nop.padding;
    return nop;
  }
  if (code.size() - at < 3 || code[at] != 0x0f || code[at + 1] != 0x1f) return std::nullopt;
  const Bytes rest = code.subspan(at + 2);
  const std::size_t length = operand_length(rest);
  if (length == 0 || length > rest.size() || (rest[0] & 0x38) != 0) return std::nullopt;
  nop.length = static_cast<unsigned>(at + 2 + length);
  nop.padding = nop.padding && rest[0] >> 6 != 3;
  nop.usual = nop.padding && is_usual_operand(rest.first(length));
  return nop;
}

std::vector<std::uint8_t> kernel_nops(std::size_t length) {
  std::vector<std::uint8_t> nops;
  while (length > 0) {
    const std::size_t size = std::min(length, kLongestKernelNop);
    nops.insert(nops.end(), kNops[size].begin(),
                kNops[size].begin() + static_cast<std::ptrdiff_t>(size));
    length -= size;
  }
  return nops;
}

std::vector<std::uint8_t> single_nop(std::size_t length) {
  if (length <= kLongestKernelNop) return kernel_nops(length);
  std::vector<std::uint8_t> bytes;
  if (length <= kLongestSingleNop) {
    bytes.assign(length - kLongestKernelNop - 1, 0x66);
    bytes.push_back(0x2e);
    const std::vector<std::uint8_t> longest = kernel_nops(kLongestKernelNop);
    bytes.insert(bytes.end(), longest.begin(), longest.end());
    return bytes;
  }
  constexpr std::size_t kShortJump = 2;
  constexpr std::size_t kNearJump = 5;
  if (length < 128) {
    bytes = {0xeb, static_cast<std::uint8_t>(length - kShortJump)};
  } else {
    bytes = {0xe9, 0, 0, 0, 0};
    const auto displacement = static_cast<std::uint32_t>(length - kNearJump);
    std::memcpy(&bytes[1], &displacement, sizeof displacement);
  }
  constexpr std::uint8_t kInt3 = 0xcc;
  bytes.resize(length, kInt3);
  return bytes;
}

}  // namespace splicer
