// SPDX-License-Identifier: GPL-2.0-or-later
//
// Each form that the kernel writes at a site is accepted, and its nearest wrong neighbour refused.
#include "matcher/match/encodings.h"

#include <gtest/gtest.h>

#include "tests/support/code_fixture.h"

namespace splicer {
namespace {

const ByteVector kCall{0xe8};
const ByteVector kJump{0xe9};

TEST(Forms, Ftrace) {
  CodeUnderTest code(hex("e8 00000000 c3"));
  code.refer(1, "__fentry__", kElsewhere);
  code.builder.ftrace(code.section, 0);
  code.image.symbol(kElsewhere + 0x100, "ftrace_trampoline", 't', "__builtin__ftrace");
  const auto hooked = [&](const ByteVector& opcode, std::uint64_t target) {
    return code.accepts(branch32(opcode, kFunction, target) + hex("c3"));
  };
  EXPECT_TRUE(hooked(kCall, kElsewhere));
  EXPECT_FALSE(hooked(kJump, kElsewhere));  // __fentry__ is called, never jumped to
  EXPECT_TRUE(code.accepts(hex("0f 1f 44 00 00 c3")));
  EXPECT_FALSE(code.accepts(hex("90 90 90 90 90 c3")));
  EXPECT_FALSE(code.accepts(hex("0f 1f 44 00 01 c3")));
  EXPECT_TRUE(hooked(kCall, kElsewhere + 0x100));
  EXPECT_TRUE(hooked(kJump, kElsewhere + 0x100));   // bpf_arch_text_poke()
  EXPECT_FALSE(hooked(kCall, kElsewhere + 0x101));  // the kernel lists nothing there
  EXPECT_FALSE(hooked(hex("e2"), kElsewhere + 0x100));
  const Comparison traced =
      code.compare(branch32(kCall, kFunction, kElsewhere + 0x100) + hex("c3"));
  ASSERT_EQ(traced.hooks.size(), 1u);
  EXPECT_EQ(traced.hooks[0].second, "ftrace_trampoline [__builtin__ftrace]");
}

TEST(Forms, Alternative) {
  CodeUnderTest code(hex("90 90 90 90 90 c3"));
  const auto other =
      code.builder.section(".altinstr_replacement", ObjectBuilder::kCode, hex("0f 01 cb"));
  code.builder.alternative(code.section, 0, 5, other, 0, 3);
  EXPECT_TRUE(code.accepts(hex("90 90 90 90 90 c3")));   // on disk
  EXPECT_TRUE(code.accepts(hex("0f 1f 44 00 00 c3")));   // booted, without the feature
  EXPECT_TRUE(code.accepts(hex("0f 01 cb 66 90 c3")));   // with it
  EXPECT_FALSE(code.accepts(hex("0f 01 cb 90 90 c3")));  // nops not optimised
  EXPECT_FALSE(code.accepts(hex("0f 01 ca 66 90 c3")));  // clac is not stac
  EXPECT_FALSE(code.accepts(hex("66 90 0f 01 cb c3")));
  EXPECT_FALSE(code.accepts(hex("0f 1f 44 00 00 cb")));  // what follows counts as ever
}

TEST(Forms, AlternativeWithJump) {
  CodeUnderTest code(hex("90 90 90 90 90") + ByteVector(40, 0x50) + hex("c3"));
  const auto other =
      code.builder.section(".altinstr_replacement", ObjectBuilder::kCode, hex("e9 00000000"));
  // To the ret at 45 of this function.
  code.builder.relocate(other, 1, code.builder.section_symbol(code.section), R_X86_64_PC32, 41);
  code.builder.alternative(code.section, 0, 5, other, 0, 5);
  const ByteVector rest = ByteVector(40, 0x50) + hex("c3");
  EXPECT_TRUE(code.accepts(hex("e9 28 00 00 00") + rest));   // adjusted to this place
  EXPECT_TRUE(code.accepts(hex("eb 2b 0f 1f 00") + rest));   // recompute_jump(): short
  EXPECT_FALSE(code.accepts(hex("e9 29 00 00 00") + rest));  // one byte too far
  EXPECT_FALSE(code.accepts(hex("eb 2a 0f 1f 00") + rest));
  EXPECT_FALSE(code.accepts(hex("eb 2b 90 90 90") + rest));
  EXPECT_FALSE(code.accepts(hex("e8 28 00 00 00") + rest));  // a call is no jump
}

TEST(Forms, AlternativeWithCall) {
  CodeUnderTest code(hex("e8 00000000 c3"));
  code.refer(1, "copy_slow", kElsewhere);
  const auto other =
      code.builder.section(".altinstr_replacement", ObjectBuilder::kCode, hex("e8 00000000"));
  code.builder.relocate(other, 1, code.builder.undefined("copy_fast"), R_X86_64_PLT32, -4);
  code.image.symbol(kElsewhere + 0x40, "copy_fast");
  code.builder.alternative(code.section, 0, 5, other, 0, 5);
  const auto calls = [&](std::uint64_t target) {
    return code.accepts(branch32(kCall, kFunction, target) + hex("c3"));
  };
  EXPECT_TRUE(calls(kElsewhere));
  EXPECT_TRUE(calls(kElsewhere + 0x40));
  EXPECT_FALSE(calls(kElsewhere + 0x41));
}

TEST(Forms, NopsOfLaterKernels) {
  CodeUnderTest code(ByteVector(14, 0x90) + hex("c3"));
  const auto other =
      code.builder.section(".altinstr_replacement", ObjectBuilder::kCode, hex("0f 01 cb"));
  code.builder.alternative(code.section, 0, 14, other, 0, 3);
  EXPECT_TRUE(code.accepts(hex("0f 01 cb 66 66 2e 0f 1f 84 00 00 00 00 00 c3")));  // one of 11
  EXPECT_TRUE(code.accepts(hex("0f 01 cb 0f 1f 84 00 00 00 00 00 0f 1f 00 c3")));  // 8 and 3
  EXPECT_TRUE(code.accepts(hex("eb 0c") + ByteVector(12, 0xcc) + hex("c3")));
  EXPECT_FALSE(code.accepts(hex("eb 0b") + ByteVector(12, 0xcc) + hex("c3")));
  EXPECT_FALSE(code.accepts(hex("eb 0c") + ByteVector(12, 0x90) + hex("c3")));
  EXPECT_FALSE(code.accepts(hex("0f 01 cb 66 66 66 0f 1f 84 00 00 00 00 00 c3")));
}

TEST(Forms, DirectCallOfWhatAPointerHolds) {
  CodeUnderTest code(hex("ff 15 00000000 c3"));
  code.refer(2, "pv_ops", kElsewhere, R_X86_64_PC32, 16 - 4);
  const auto other =
      code.builder.section(".altinstr_replacement", ObjectBuilder::kCode, hex("e8 00000000"));
  code.builder.relocate(other, 1, code.builder.undefined("BUG_func"), R_X86_64_PLT32, -4);
  code.builder.direct_call(code.section, 0, other);
  code.image.symbol(kElsewhere + 0x300, "BUG_func");
  code.image.symbol(kElsewhere + 0x400, "nop_func");
  code.image.put_pointer(kElsewhere + 16, kElsewhere + 0x200);
  const auto calls = [&](std::uint64_t target) {
    return code.accepts(branch32(kCall, kFunction, target) + hex("90 c3"));
  };
  EXPECT_TRUE(calls(kElsewhere + 0x200));
  EXPECT_FALSE(calls(kElsewhere + 0x300));
  code.image.put_pointer(kElsewhere + 16, 0);
  EXPECT_TRUE(calls(kElsewhere + 0x300));
  EXPECT_FALSE(calls(kElsewhere + 0x200));
  code.image.put_pointer(kElsewhere + 16, kElsewhere + 0x400);
  EXPECT_TRUE(code.accepts(hex("66 0f 1f 44 00 00 c3")));
  EXPECT_FALSE(calls(kElsewhere + 0x400));
}

TEST(Forms, AlternativesInTableOrder) {
  CodeUnderTest code(hex("90 90 90 c3"));
  const auto other =
      code.builder.section(".altinstr_replacement", ObjectBuilder::kCode, hex("0f ae e8 0f 31"));
  code.builder.alternative(code.section, 0, 3, other, 0, 3);
  code.builder.alternative(code.section, 0, 3, other, 3, 2);
  EXPECT_TRUE(code.accepts(hex("0f ae e8 c3")));  // the first
  EXPECT_TRUE(code.accepts(hex("0f 31 90 c3")));  // the second over it
  EXPECT_TRUE(code.accepts(hex("0f 1f 00 c3")));
  EXPECT_FALSE(code.accepts(hex("0f 31 e8 c3")));  // never a mixture
}

// call *pv_ops+8*slot(%rip)
CodeUnderTest paravirtual() {
  CodeUnderTest code(hex("ff 15 00000000 c3"));
  code.refer(2, "pv_ops", kElsewhere, R_X86_64_PC32, 8 - 4);
  code.builder.paravirt(code.section, 0, 1, 6);
  code.image.put_pointer(kElsewhere + 8, kElsewhere + 0x200);
  code.image.symbol(kElsewhere + 0x200, "native_save_fl");
  return code;
}

TEST(Forms, Paravirt) {
  CodeUnderTest code = paravirtual();
  EXPECT_TRUE(code.accepts(branch32(hex("ff 15"), kFunction, kElsewhere + 8) + hex("c3")));
  EXPECT_FALSE(code.accepts(branch32(hex("ff 15"), kFunction, kElsewhere + 16) + hex("c3")));
  EXPECT_TRUE(code.accepts(branch32(kCall, kFunction, kElsewhere + 0x200) + hex("90 c3")));
  EXPECT_FALSE(code.accepts(branch32(kCall, kFunction, kElsewhere + 0x201) + hex("90 c3")));
  EXPECT_FALSE(code.accepts(branch32(kJump, kFunction, kElsewhere + 0x200) + hex("90 c3")));
  EXPECT_FALSE(code.accepts(hex("66 0f 1f 44 00 00 c3")));  // native_save_fl does something
}

TEST(Forms, ParavirtOfNothing) {
  CodeUnderTest code = paravirtual();
  code.image.symbol(kElsewhere + 0x200, "_paravirt_nop");
  EXPECT_TRUE(code.accepts(hex("66 0f 1f 44 00 00 c3")));
  EXPECT_FALSE(code.accepts(branch32(kCall, kFunction, kElsewhere + 0x200) + hex("90 c3")));
}

TEST(Forms, ParavirtWithoutFunctionIsABug) {
  CodeUnderTest code = paravirtual();
  code.image.put_pointer(kElsewhere + 8, 0);
  code.image.symbol(kElsewhere + 0x300, "paravirt_BUG");
  EXPECT_TRUE(code.accepts(branch32(kCall, kFunction, kElsewhere + 0x300) + hex("90 c3")));
  EXPECT_FALSE(code.accepts(branch32(kCall, kFunction, 0) + hex("90 c3")));
}

TEST(Forms, ParavirtInlinedByAnAlternative) {
  CodeUnderTest code = paravirtual();
  const auto other =
      code.builder.section(".altinstr_replacement", ObjectBuilder::kCode, hex("9c 58"));
  code.builder.alternative(code.section, 0, 6, other, 0, 2);
  EXPECT_TRUE(code.accepts(hex("9c 58 0f 1f 40 00 c3")));
  EXPECT_FALSE(code.accepts(hex("9c 59 0f 1f 40 00 c3")));
  EXPECT_TRUE(code.accepts(branch32(kCall, kFunction, kElsewhere + 0x200) + hex("90 c3")));
}

TEST(Forms, StaticKeyOfFiveBytes) {
  CodeUnderTest code(hex("0f 1f 44 00 00 31 c0 c3 b0 01 c3"));
  code.builder.static_key(code.section, 0, 8);
  const ByteVector rest = hex("31 c0 c3 b0 01 c3");
  EXPECT_TRUE(code.accepts(hex("0f 1f 44 00 00") + rest));
  EXPECT_TRUE(code.accepts(hex("e9 03 00 00 00") + rest));
  EXPECT_FALSE(code.accepts(hex("e9 02 00 00 00") + rest));  // to another instruction
  EXPECT_FALSE(code.accepts(hex("e8 03 00 00 00") + rest));
  EXPECT_FALSE(code.accepts(hex("eb 06 0f 1f 00") + rest));  // the kernel writes five bytes
}

TEST(Forms, StaticKeyOfTwoBytes) {
  CodeUnderTest code(hex("eb 03 31 c0 c3 b0 01 c3"));
  code.builder.static_key(code.section, 0, 5);
  const ByteVector rest = hex("31 c0 c3 b0 01 c3");
  EXPECT_TRUE(code.accepts(hex("66 90") + rest));
  EXPECT_TRUE(code.accepts(hex("eb 03") + rest));
  EXPECT_FALSE(code.accepts(hex("eb 02") + rest));
  EXPECT_FALSE(code.accepts(hex("90 90") + rest));
  EXPECT_FALSE(code.accepts(hex("74 03") + rest));
}

// A call, or with `opcode` another branch, of the static call "resched".
CodeUnderTest static_call(const ByteVector& opcode, std::uint64_t function) {
  CodeUnderTest code(opcode + hex("00000000 c3"));
  code.refer(opcode.size(), "__SCT__resched", kElsewhere);
  code.builder.static_call(code.section, 0);
  code.image.symbol(kElsewhere + 0x80, "__SCK__resched", 'd');
  code.image.put_pointer(kElsewhere + 0x80, function);
  code.image.symbol(kElsewhere + 0x100, "resched");
  code.image.symbol(kElsewhere + 0x200, "__static_call_return0");
  code.image.symbol(kElsewhere + 0x300, "__static_call_return");
  code.image.symbol(kElsewhere + 0x400, "__x86_return_thunk");
  return code;
}

TEST(Forms, StaticCall) {
  CodeUnderTest code = static_call(kCall, kElsewhere + 0x100);
  const auto is = [&](const ByteVector& opcode, std::uint64_t target) {
    return code.accepts(branch32(opcode, kFunction, target) + hex("c3"));
  };
  EXPECT_TRUE(is(kCall, kElsewhere));          // through the trampoline, as built
  EXPECT_TRUE(is(kCall, kElsewhere + 0x100));  // the key's function
  EXPECT_FALSE(is(kCall, kElsewhere + 0x200));
  EXPECT_FALSE(is(kJump, kElsewhere + 0x100));
  EXPECT_FALSE(code.accepts(hex("0f 1f 44 00 00 c3")));  // the key has a function
  EXPECT_FALSE(code.accepts(hex("2e 2e 2e 31 c0 c3")));
}

TEST(Forms, StaticCallOfNoFunction) {
  CodeUnderTest code = static_call(kCall, 0);
  EXPECT_TRUE(code.accepts(hex("0f 1f 44 00 00 c3")));
  EXPECT_FALSE(code.accepts(hex("c3 cc cc cc cc c3")));
  EXPECT_FALSE(code.accepts(branch32(kCall, kFunction, kElsewhere + 0x100) + hex("c3")));
}

TEST(Forms, StaticCallThatReturnsZero) {
  CodeUnderTest code = static_call(kCall, kElsewhere + 0x200);
  EXPECT_TRUE(code.accepts(hex("2e 2e 2e 31 c0 c3")));
  EXPECT_FALSE(code.accepts(hex("2e 2e 2e 31 c9 c3")));  // another register
  EXPECT_FALSE(code.accepts(hex("0f 1f 44 00 00 c3")));
}

TEST(Forms, StaticTailCall) {
  CodeUnderTest code = static_call(kJump, kElsewhere + 0x100);
  EXPECT_TRUE(code.accepts(branch32(kJump, kFunction, kElsewhere + 0x100) + hex("c3")));
  EXPECT_FALSE(code.accepts(branch32(kCall, kFunction, kElsewhere + 0x100) + hex("c3")));
  EXPECT_FALSE(code.accepts(hex("c3 cc cc cc cc c3")));
  CodeUnderTest none = static_call(kJump, 0);
  EXPECT_TRUE(none.accepts(hex("c3 cc cc cc cc c3")));
  EXPECT_TRUE(none.accepts(branch32(kJump, kFunction, kElsewhere + 0x400) + hex("c3")));
  EXPECT_FALSE(none.accepts(hex("0f 1f 44 00 00 c3")));  // falls through instead of returning
}

TEST(Forms, StaticConditionalTailCall) {
  CodeUnderTest code = static_call(hex("0f 84"), kElsewhere + 0x100);
  const auto is = [&](const ByteVector& opcode, std::uint64_t target) {
    return code.accepts(branch32(opcode, kFunction, target) + hex("c3"));
  };
  EXPECT_TRUE(is(hex("0f 84"), kElsewhere + 0x100));
  EXPECT_FALSE(is(hex("0f 85"), kElsewhere + 0x100));
  EXPECT_FALSE(is(hex("0f 84"), kElsewhere + 0x101));
}

TEST(Forms, StaticCallTrampoline) {
  CodeUnderTest code(hex("c3"));
  code.section =
      code.builder.section(".static_call.text", ObjectBuilder::kCode, hex("e9 00000000 0f b9 cc"));
  code.builder.symbol("__SCT__resched", code.section, 0, 8);
  code.refer(1, "resched", kElsewhere + 0x100);
  code.image.symbol(kElsewhere + 0x80, "__SCK__resched", 'd');
  code.image.put_pointer(kElsewhere + 0x80, kElsewhere + 0x500);
  const ByteVector tail = hex("0f b9 cc");
  EXPECT_TRUE(code.accepts(branch32(kJump, kFunction, kElsewhere + 0x100) + tail));
  EXPECT_TRUE(code.accepts(branch32(kJump, kFunction, kElsewhere + 0x500) + tail));
  EXPECT_FALSE(code.accepts(branch32(kJump, kFunction, kElsewhere + 0x600) + tail));
  EXPECT_FALSE(code.accepts(branch32(kCall, kFunction, kElsewhere + 0x500) + tail));
}

CodeUnderTest retpoline(const ByteVector& opcode, const std::string& reg) {
  CodeUnderTest code(opcode + hex("00000000 c3"));
  code.refer(opcode.size(), "__x86_indirect_thunk_" + reg, kElsewhere);
  code.builder.listed(".retpoline_sites", code.section, 0);
  return code;
}

TEST(Forms, RetpolineCall) {
  CodeUnderTest code = retpoline(kCall, "rax");
  EXPECT_TRUE(code.accepts(branch32(kCall, kFunction, kElsewhere) + hex("c3")));
  EXPECT_TRUE(code.accepts(hex("ff d0 0f 1f 00 c3")));
  EXPECT_TRUE(code.accepts(hex("0f ae e8 ff d0 c3")));   // with lfence
  EXPECT_FALSE(code.accepts(hex("ff d1 0f 1f 00 c3")));  // another register
  EXPECT_FALSE(code.accepts(hex("ff e0 0f 1f 00 c3")));  // jmp
  EXPECT_FALSE(code.accepts(hex("41 ff d0 66 90 c3")));  // r8
  EXPECT_FALSE(code.accepts(hex("ff d0 90 90 90 c3")));
}

TEST(Forms, RetpolineOfAHighRegister) {
  CodeUnderTest code = retpoline(kCall, "r11");
  EXPECT_TRUE(code.accepts(hex("41 ff d3 66 90 c3")));
  EXPECT_FALSE(code.accepts(hex("ff d3 0f 1f 00 c3")));  // rbx
  EXPECT_FALSE(code.accepts(hex("41 ff d2 66 90 c3")));  // r10
  CodeUnderTest longer = retpoline(hex("2e e8"), "r11");
  EXPECT_TRUE(longer.accepts(hex("0f ae e8 41 ff d3 c3")));
  EXPECT_FALSE(longer.accepts(hex("0f ae f0 41 ff d3 c3")));  // mfence
}

TEST(Forms, RetpolineJump) {
  CodeUnderTest code = retpoline(kJump, "rdx");
  EXPECT_TRUE(code.accepts(hex("ff e2 cc 66 90 c3")));
  EXPECT_FALSE(code.accepts(hex("ff d2 cc 66 90 c3")));
  EXPECT_FALSE(code.accepts(hex("ff e2 0f 1f 00 c3")));  // without the int3
}

TEST(Forms, RetpolineConditionalJump) {
  CodeUnderTest code = retpoline(hex("0f 84"), "rax");
  EXPECT_TRUE(code.accepts(hex("75 04 ff e0 cc 90 c3")));
  EXPECT_FALSE(code.accepts(hex("74 04 ff e0 cc 90 c3")));  // the same condition, not its opposite
  EXPECT_FALSE(code.accepts(hex("75 03 ff e0 cc 90 c3")));
}

TEST(Forms, RetpolineThroughAnItsThunk) {
  CodeUnderTest code = retpoline(kCall, "rax");
  code.image.put(kElsewhere + 0x1000, hex("ff e0 cc"));
  code.image.put(kElsewhere + 0x1040, hex("ff e1 cc"));
  EXPECT_TRUE(code.accepts(branch32(kCall, kFunction, kElsewhere + 0x1000) + hex("c3")));
  EXPECT_FALSE(code.accepts(branch32(kJump, kFunction, kElsewhere + 0x1000) + hex("c3")));
  EXPECT_FALSE(code.accepts(branch32(kCall, kFunction, kElsewhere + 0x1040) + hex("c3")));
  EXPECT_FALSE(code.accepts(branch32(kCall, kFunction, kElsewhere + 0x2000) + hex("c3")));
}

// A hostile object: the thunk's field is not where a branch has it.
TEST(Forms, RetpolineWithItsFieldElsewhere) {
  for (const std::uint64_t offset : {0u, 2u, 4u}) {
    CodeUnderTest code(hex("e8 00000000 c3 90 90 90 90"));
    code.refer(offset, "__x86_indirect_thunk_rax", kElsewhere);
    code.builder.listed(".retpoline_sites", code.section, 0);
    EXPECT_FALSE(code.accepts(hex("ff d0 0f 1f 00 c3 90 90 90 90"))) << offset;
  }
}

TEST(Forms, ReturnThunk) {
  CodeUnderTest code(hex("31 c0 e9 00000000 cc"));
  code.refer(3, "__x86_return_thunk", kElsewhere);
  code.builder.listed(".return_sites", code.section, 2);
  const auto returns = [&](const ByteVector& bytes) {
    return code.accepts(hex("31 c0") + bytes + hex("cc"));
  };
  EXPECT_TRUE(returns(branch32(kJump, kFunction + 2, kElsewhere)));
  EXPECT_TRUE(returns(hex("c3 cc cc cc cc")));
  EXPECT_FALSE(returns(hex("c3 90 90 90 90")));
  EXPECT_FALSE(returns(hex("cb cc cc cc cc")));
  EXPECT_FALSE(returns(branch32(kJump, kFunction + 2, kElsewhere + 0x100)));
  code.image.symbol(kElsewhere + 0x80, "x86_return_thunk", 'd');
  code.image.put_pointer(kElsewhere + 0x80, kElsewhere + 0x100);
  EXPECT_FALSE(returns(branch32(kJump, kFunction + 2, kElsewhere + 0x100)));  // nothing is there
  code.image.symbol(kElsewhere + 0x100, "srso_return_thunk");
  EXPECT_TRUE(returns(branch32(kJump, kFunction + 2, kElsewhere + 0x100)));
  EXPECT_FALSE(returns(branch32(kCall, kFunction + 2, kElsewhere + 0x100)));
  EXPECT_FALSE(returns(branch32(kJump, kFunction + 2, kElsewhere + 0x101)));
}

TEST(Forms, LockPrefix) {
  CodeUnderTest code(hex("f0 ff 07 c3"));
  code.builder.listed(".smp_locks", code.section, 0);
  EXPECT_TRUE(code.accepts(hex("f0 ff 07 c3")));
  EXPECT_TRUE(code.accepts(hex("3e ff 07 c3")));
  for (const char* wrong :
       {"2e ff 07 c3", "36 ff 07 c3", "90 ff 07 c3", "f2 ff 07 c3", "3e ff 0f c3"})
    EXPECT_FALSE(code.accepts(hex(wrong))) << wrong;
}

TEST(Forms, LockPrefixOnlyWhereATableNamesIt) {
  CodeUnderTest code(hex("f0 ff 07 c3"));
  EXPECT_FALSE(code.accepts(hex("3e ff 07 c3")));
}

TEST(Forms, LockPrefixInAReplacement) {
  CodeUnderTest code(hex("90 90 90 c3"));
  const auto other =
      code.builder.section(".altinstr_replacement", ObjectBuilder::kCode, hex("f0 ff 07"));
  code.builder.listed(".smp_locks", other, 0);
  code.builder.alternative(code.section, 0, 3, other, 0, 3);
  EXPECT_TRUE(code.accepts(hex("f0 ff 07 c3")));
  EXPECT_TRUE(code.accepts(hex("3e ff 07 c3")));
  EXPECT_FALSE(code.accepts(hex("2e ff 07 c3")));
}

TEST(Forms, SealedEndbr) {
  CodeUnderTest code(hex("f3 0f 1e fa c3"));
  code.builder.listed(".ibt_endbr_seal", code.section, 0);
  EXPECT_TRUE(code.accepts(hex("f3 0f 1e fa c3")));
  EXPECT_TRUE(code.accepts(hex("66 0f 1f 00 c3")));
  EXPECT_FALSE(code.accepts(hex("0f 1f 40 00 c3")));
  EXPECT_FALSE(code.accepts(hex("f3 0f 1e fb c3")));  // endbr32
}

// movabs $0x0123456789abcdef,%rax; ret, where the kernel wrote what a variable holds.
TEST(Forms, StartUpConstant) {
  CodeUnderTest code(hex("48 b8 efcdab8967452301 c3"));
  code.builder.listed("runtime_ptr_USER_PTR_MAX", code.section, 2);
  EXPECT_TRUE(code.accepts(hex("48 b8 efcdab8967452301 c3")));
  EXPECT_FALSE(code.accepts(hex("48 b8 00f0ffffff7f0000 c3")));
  code.image.symbol(kElsewhere, "USER_PTR_MAX", 'd');
  code.image.put(kElsewhere, hex("00f0ffffff7f0000"));
  EXPECT_TRUE(code.accepts(hex("48 b8 00f0ffffff7f0000 c3")));
  EXPECT_FALSE(code.accepts(hex("48 b8 00f0ffffff7f0001 c3")));
  EXPECT_FALSE(code.accepts(hex("48 b9 00f0ffffff7f0000 c3")));
}

// A breakpoint is no form of any site.
TEST(Forms, BreakpointIsNoForm) {
  CodeUnderTest ftrace(hex("e8 00000000 c3"));
  ftrace.refer(1, "__fentry__", kElsewhere);
  ftrace.builder.ftrace(ftrace.section, 0);
  EXPECT_FALSE(ftrace.accepts(hex("cc 1f 44 00 00 c3")));
  CodeUnderTest plain(hex("31 c0 c3"));
  EXPECT_FALSE(plain.accepts(hex("cc c0 c3")));
}

// Overlapping sites multiply; a hostile object must not make the matcher try without end.
TEST(Forms, ThereIsALimit) {
  ObjectBuilder builder;
  const auto code = builder.function("f", ByteVector(64, 0x90) + hex("c3"));
  const auto other = builder.section(".altinstr_replacement", ObjectBuilder::kCode,
                                     hex("50 51 52 53 54 55 56 57"));
  for (std::uint8_t i = 0; i < 60; i++) builder.alternative(code, i, 4, other, i % 8u, 1);
  const ElfObject object = builder.build();
  const auto sites = SiteTables::collect(object);
  ASSERT_TRUE(sites);
  ASSERT_EQ(sites->in(code).size(), 1u);
  const SiteGroup& group = sites->in(code)[0];
  const FakeImage image;
  const ByteVector run(group.end - group.begin, 0x90);
  EXPECT_LE(Encodings(object, *sites, image).of(code, group, RunAddress(kFunction), run).size(),
            1024u);
}

}  // namespace
}  // namespace splicer
