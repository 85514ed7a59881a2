// SPDX-License-Identifier: GPL-2.0-or-later
//
// The same code, and in the kernel's tables another meaning of it.
#include "matcher/match/table_compare.h"

#include <gtest/gtest.h>

#include <optional>

#include "matcher/match/match.h"
#include "tests/support/fake_image.h"
#include "tests/support/object_builder.h"

namespace splicer {
namespace {

constexpr std::uint64_t kText = 0xffffffff81000000;
constexpr std::uint64_t kFixup = kText + 0x400;
constexpr std::uint64_t kKey = 0xffffffff82000000;
constexpr std::uint64_t kOtherKey = 0xffffffff82000010;
constexpr std::uint64_t kTable = 0xffffffff82100000;

// nop of five bytes (a static key's site); xor %eax,%eax; ret; xor %edx,%edx; ret
const ByteVector kBranch = hex("0f 1f 44 00 00 31 c0 c3 31 d2 c3");
constexpr std::uint64_t kTarget = 8;

ByteVector relative(std::uint64_t from, std::uint64_t to) { return le32(to - from); }

// A function "f" of the object, which the kernel has at kText, and a table of each.
class Tables : public testing::Test {
 protected:
  void code(const ByteVector& pre) {
    section_ = builder_.function("f", pre);
    image_.put(kText, pre + ByteVector(64, 0xcc));
    image_.symbol(kText, "f", 'T');
  }
  // The kernel's table, between the symbols that begin and end it.
  void table(const std::string& name, const ByteVector& content) {
    image_.put(kTable, content);
    image_.symbol(kTable, "__start_" + name, 'D');
    image_.symbol(kTable + content.size(), "__stop_" + name, 'D');
  }
  // struct jump_entry of the object: f+0, f+target, key + `flags`.
  std::uint32_t static_key(std::int64_t flags) {
    const auto own = builder_.table("__jump_table");
    builder_.append(own, ByteVector(16));
    const auto key = builder_.undefined("my_key");
    builder_.relocate(own, 0, builder_.section_symbol(section_), R_X86_64_PC32, 0);
    builder_.relocate(own, 4, builder_.section_symbol(section_), R_X86_64_PC32, kTarget);
    builder_.relocate(own, 8, key, R_X86_64_PC64, flags);
    return key;
  }
  static ByteVector jump_entry(std::uint64_t at, std::uint64_t site, std::uint64_t target,
                               std::uint64_t key) {
    return relative(at, site) + relative(at + 4, target) + le64(key - (at + 8));
  }
  void exception(std::int64_t fixup, std::uint32_t data) {
    const auto own = builder_.table("__ex_table");
    const std::uint64_t at = builder_.append(own, ByteVector(8) + le32(data));
    builder_.relocate(own, at, builder_.section_symbol(section_), R_X86_64_PC32, 0);
    builder_.relocate(own, at + 4, builder_.section_symbol(section_), R_X86_64_PC32, fixup);
  }
  void bug(std::uint64_t site, std::uint16_t flags) {
    const auto own = builder_.table("__bug_table");
    const auto file = builder_.section(".rodata.str1.1", ObjectBuilder::kStrings, hex("61 00"));
    const std::uint64_t at =
        builder_.append(own, ByteVector(8) + le32(0x11U | std::uint32_t{flags} << 16));
    builder_.relocate(own, at, builder_.section_symbol(section_), R_X86_64_PC32,
                      static_cast<std::int64_t>(site));
    builder_.relocate(own, at + 4, builder_.section_symbol(file), R_X86_64_PC32, 0);
  }
  static ByteVector bug_entry(std::uint64_t at, std::uint64_t site, std::uint16_t flags) {
    return relative(at, site) + le32(0x1234) + le32(0x99U | std::uint32_t{flags} << 16);
  }

  // The reason for which f is refused, or "matched".
  std::string verdict() {
    const ElfObject object = builder_.build();
    const auto result = match_object(object, image_, options_);
    if (!result) return result.error().message;
    addresses_ = result->addresses;
    const FunctionMatch* f = result->find("f");
    return f->state == MatchState::matched ? "matched" : f->error.message;
  }
  void expect_refusal(const std::string& reason) {
    EXPECT_NE(verdict().find(reason), std::string::npos) << verdict();
  }

  ObjectBuilder builder_;
  FakeImage image_;
  MatchOptions options_;
  std::uint32_t section_ = 0;
  std::map<std::uint32_t, RunAddress> addresses_;
};

TEST_F(Tables, TheKeyIsLearnt) {
  code(kBranch);
  const auto key = static_key(1);
  // The kernel sets the second bit where the code is init code, and has other entries before.
  table("__jump_table", jump_entry(kTable, kText + 0x100, kText + 0x140, kOtherKey) +
                            jump_entry(kTable + 16, kText, kText + kTarget, kKey | 3));
  EXPECT_EQ(verdict(), "matched");
  EXPECT_EQ(addresses_.at(key), RunAddress(kKey));
}

TEST_F(Tables, AnotherKey) {
  code(kBranch);
  static_key(0);
  image_.symbol(kKey, "my_key", 'D');
  table("__jump_table", jump_entry(kTable, kText, kText + kTarget, kOtherKey));
  expect_refusal("the code puts 'my_key' at 0xffffffff82000010");
}

TEST_F(Tables, TheOtherDirection) {
  code(kBranch);
  static_key(1);
  table("__jump_table", jump_entry(kTable, kText, kText + kTarget, kKey));
  expect_refusal("the branch goes the other way (__jump_table)");
}

TEST_F(Tables, ABranchToElsewhere) {
  code(kBranch);
  static_key(0);
  table("__jump_table", jump_entry(kTable, kText, kText + kTarget + 2, kKey));
  expect_refusal("it leads to f+0xa and not to +0x8 (__jump_table)");
}

TEST_F(Tables, ABranchToWhatIsNoCode) {
  code(kBranch);
  const auto own = builder_.table("__jump_table");
  builder_.append(own, ByteVector(16));
  const auto strings = builder_.section(".rodata.str1.1", ObjectBuilder::kStrings, hex("61 00"));
  builder_.relocate(own, 0, builder_.section_symbol(section_), R_X86_64_PC32, 0);
  builder_.relocate(own, 4, builder_.section_symbol(strings), R_X86_64_PC32, 0);
  builder_.relocate(own, 8, builder_.undefined("my_key"), R_X86_64_PC64, 0);
  image_.put(kText + 0x100, hex("61 00"));
  table("__jump_table", jump_entry(kTable, kText, kText + 0x100, kKey));
  expect_refusal("it leads to no code (__jump_table)");
}

// Any zero byte of the kernel's is an empty string.
TEST_F(Tables, AKeyThatIsAConstant) {
  code(kBranch);
  const auto own = builder_.table("__jump_table");
  builder_.append(own, ByteVector(16));
  const auto strings = builder_.section(".rodata.str1.1", ObjectBuilder::kStrings, hex("00"));
  builder_.relocate(own, 0, builder_.section_symbol(section_), R_X86_64_PC32, 0);
  builder_.relocate(own, 4, builder_.section_symbol(section_), R_X86_64_PC32, kTarget);
  builder_.relocate(own, 8, builder_.section_symbol(strings), R_X86_64_PC64, 0);
  image_.put(kKey, hex("00"));
  table("__jump_table", jump_entry(kTable, kText, kText + kTarget, kKey));
  expect_refusal("its key is no variable (__jump_table)");
}

// The second of two entries is about nothing of the object: what looks like one longer entry is
// none.
TEST_F(Tables, AnEntryAboutNoCodeOfTheObject) {
  code(kBranch);
  bug(5, 1);
  const auto own = builder_.table("__bug_table");
  builder_.append(own, ByteVector(12));
  builder_.relocate(own, 12, builder_.undefined("elsewhere"), R_X86_64_PC32, 0);
  builder_.relocate(own, 16, builder_.undefined("file"), R_X86_64_PC32, 0);
  table("__bug_table", bug_entry(kTable, kText + 5, 1));
  expect_refusal("the object's __bug_table is not of a form that is known");
}

TEST_F(Tables, ASiteThatTheKernelDoesNotList) {
  code(kBranch);
  static_key(0);
  table("__jump_table", jump_entry(kTable, kText + 0x100, kText + 0x140, kKey));
  expect_refusal("the kernel's __jump_table has no entry about it");
}

TEST_F(Tables, ATableThatIsNotFound) {
  code(kBranch);
  static_key(0);
  expect_refusal("the kernel's __jump_table of vmlinux cannot be found");
}

TEST_F(Tables, ASiteThatTheObjectDoesNotList) {
  code(kBranch);
  table("__jump_table", jump_entry(kTable, kText, kText + kTarget, kKey));
  expect_refusal("the kernel's __jump_table has an entry about it, the object has none");
}

// Of a module they are in the section of its file; what is behind it leads to itself.
TEST_F(Tables, OfAModule) {
  options_.target = "tun";
  section_ = builder_.function("f", kBranch);
  image_.put(kText, kBranch + ByteVector(64, 0xcc));
  image_.symbol(kText, "f", 'T', "tun");
  static_key(0);
  image_.put(kTable, jump_entry(kTable, kText, kText + kTarget, kKey) + ByteVector(4080));
  image_.section("tun", "__jump_table", {RunAddress(kTable), RunAddress(UINT64_MAX)});
  EXPECT_EQ(verdict(), "matched");
}

// A sealed key's branch in an update's code has been decided, and has no entry any more.
TEST_F(Tables, AnUpdateMayHaveDecidedABranch) {
  code(kBranch);
  static_key(0);
  table("__jump_table", jump_entry(kTable, kText, kText + kTarget, kKey));
  constexpr std::uint64_t kNew = 0xffffffffc0000000;
  image_.put(kNew, kBranch + ByteVector(64, 0xcc));
  image_.symbol(kNew, "f", 't', "splice_0123_0");
  options_.redirects[RunAddress(kText)] = {RunAddress(kNew), RunAddress(kText), "0123"};
  EXPECT_EQ(verdict(), "matched");
}

TEST_F(Tables, WhereAFaultResumes) {
  code(kBranch);
  exception(5, 3);
  table("__ex_table", relative(kTable, kText) + relative(kTable + 4, kText + 5) + le32(3));
  EXPECT_EQ(verdict(), "matched");
}

TEST_F(Tables, AFaultThatResumesElsewhere) {
  code(kBranch);
  exception(5, 3);
  table("__ex_table", relative(kTable, kText) + relative(kTable + 4, kText + 8) + le32(3));
  expect_refusal("it leads to f+0x8 and not to +0x5 (__ex_table)");
}

TEST_F(Tables, AFaultOfAnotherKind) {
  code(kBranch);
  exception(5, 3);
  table("__ex_table", relative(kTable, kText) + relative(kTable + 4, kText + 5) + le32(4));
  expect_refusal("a fault there is handled in another way (__ex_table)");
}

TEST_F(Tables, AFaultThatTheKernelDoesNotHandle) {
  code(kBranch);
  exception(5, 3);
  table("__ex_table", {});
  expect_refusal("the kernel's __ex_table has no entry about it");
}

// Lines and file names may be others; WARN_ONCE() notes that it has warned.
TEST_F(Tables, ATrap) {
  code(hex("0f 0b c3 0f 0b"));
  bug(0, 0x901);
  bug(3, 0);
  table("__bug_table", bug_entry(kTable, kText + 3, 0) + bug_entry(kTable + 12, kText, 0x905));
  EXPECT_EQ(verdict(), "matched");
}

TEST_F(Tables, AWarningInPlaceOfTheEnd) {
  code(hex("0f 0b c3"));
  bug(0, 0);
  table("__bug_table", bug_entry(kTable, kText, 0x901));
  expect_refusal("the trap has flags 0x901 and not 0x0 (__bug_table)");
}

class StaticCallTable : public Tables {
 protected:
  // A call of __SCT__foo, listed with that symbol as its key.
  void call(const std::string& key) {
    const ByteVector bytes = branch32(hex("e8"), kText, kText + 0x200) + hex("c3");
    section_ = builder_.function("f", hex("e8 00000000 c3"));
    const auto trampoline = builder_.undefined("__SCT__foo");
    builder_.relocate(section_, 1, trampoline, R_X86_64_PLT32, -4);
    const auto own = builder_.table(".static_call_sites");
    builder_.append(own, ByteVector(8));
    builder_.relocate(own, 0, builder_.section_symbol(section_), R_X86_64_PC32, 0);
    builder_.relocate(own, 4, key == "__SCT__foo" ? trampoline : builder_.undefined(key),
                      R_X86_64_PC32, 0);
    image_.put(kText, bytes + ByteVector(64, 0xcc));
    image_.symbol(kText, "f", 'T');
    image_.symbol(kText + 0x200, "__SCT__foo", 'T');
    image_.symbol(kKey, "__SCK__foo", 'D');
  }
  void site(std::uint64_t key, std::uint64_t at = kTable) {
    image_.put(at, relative(at, kText) + relative(at + 4, key));
    image_.symbol(at, "__start_static_call_sites", 'R');
    image_.symbol(at + 8, "__stop_static_call_sites", 'R');
  }
};

TEST_F(StaticCallTable, OfThatKey) {
  call("__SCK__foo");
  site(kKey | 2);
  EXPECT_EQ(verdict(), "matched");
}

TEST_F(StaticCallTable, OfAnotherKey) {
  call("__SCK__foo");
  site(kOtherKey);
  expect_refusal("the code puts '__SCK__foo' at 0xffffffff82000010");
}

TEST_F(StaticCallTable, ATailCall) {
  call("__SCK__foo");
  site(kKey | 1);
  expect_refusal("a call is a tail call on one side");
}

// objtool asks for no alignment of the table, so in a module it begins where the section before ends.
class UnalignedStaticCallTable : public StaticCallTable,
                                 public testing::WithParamInterface<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(At, UnalignedStaticCallTable, testing::Values(1, 2, 3));

TEST_P(UnalignedStaticCallTable, OfThatKey) {
  call("__SCK__foo");
  site(kKey | 2, kTable + GetParam());
  EXPECT_EQ(verdict(), "matched");
}

TEST_P(UnalignedStaticCallTable, OfAKeyThatIsNotExported) {
  call("__SCT__foo");
  site(kKey, kTable + GetParam());
  EXPECT_EQ(verdict(), "matched");
}

TEST_P(UnalignedStaticCallTable, ATailCall) {
  call("__SCK__foo");
  site(kKey | 1, kTable + GetParam());
  expect_refusal("a call is a tail call on one side");
}

// What objtool lists in a module, and what static_call_add_module() makes of it.
TEST_F(StaticCallTable, OfAKeyThatIsNotExported) {
  call("__SCT__foo");
  site(kKey);
  EXPECT_EQ(verdict(), "matched");
}

TEST_F(StaticCallTable, OfATrampolineThatIsAnother) {
  call("__SCT__foo");
  site(kOtherKey);
  expect_refusal("__SCT__foo");
}

// An image on disk: a running vmlinux has freed its table.
class AlternativeTable : public testing::Test {
 protected:
  // nop3, for which a processor with that feature gets stac.
  std::string verdict(std::uint16_t kernel_feature, const ByteVector& kernel_replacement) {
    ObjectBuilder builder;
    const auto code = builder.function("f", hex("0f 1f 00 c3"));
    const auto other =
        builder.section(".altinstr_replacement", ObjectBuilder::kCode, hex("0f 01 cb"));
    builder.alternative(code, 0, 3, other, 0, 3);
    const ByteVector entry = relative(kTable, kText) + relative(kTable + 4, kFixup) +
                             ByteVector{static_cast<std::uint8_t>(kernel_feature), 0, 3, 3};
    const ByteVector memory = hex("0f 1f 00 c3") + ByteVector(0x3fc, 0xcc) + kernel_replacement +
                              ByteVector(kTable - kFixup - kernel_replacement.size(), 0xcc) + entry;
    const FakeImage image(RunAddress(kText), memory,
                          {{RunAddress(kText), 'T', "f", "vmlinux"},
                           {RunAddress(kTable), 't', "__alt_instructions", "vmlinux"},
                           {RunAddress(kTable + 12), 't', "__alt_instructions_end", "vmlinux"}});
    const ElfObject object = builder.build();
    const auto result = match_object(object, image, {});
    if (!result) return result.error().message;
    const FunctionMatch* f = result->find("f");
    return f->state == MatchState::matched ? "matched" : f->error.message;
  }

  static constexpr std::uint64_t kTable = kText + 0x1000;
};

TEST_F(AlternativeTable, ForTheSameProcessors) {
  EXPECT_EQ(verdict(0, hex("0f 01 cb")), "matched");
}

TEST_F(AlternativeTable, ForOtherProcessors) {
  EXPECT_NE(verdict(7, hex("0f 01 cb")).find("it is for other processors (.altinstructions)"),
            std::string::npos);
}

TEST_F(AlternativeTable, WithAnotherReplacement) {
  EXPECT_NE(verdict(0, hex("0f 01 ca")).find("its replacement differs"), std::string::npos);
}

}  // namespace
}  // namespace splicer
