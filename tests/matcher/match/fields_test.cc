// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/match/fields.h"

#include <gtest/gtest.h>

#include <elf.h>

#include "tests/support/object_builder.h"

namespace splicer {
namespace {

using Kind = StretchDifference::Kind;

// mov; call; ret, with a field at 2 (of four bytes) and one at 7.
struct Stretch {
  Stretch() {
    code = builder.function("f", hex("8b 05 00000000 e8 00000000 c3"));
    const auto symbol = builder.undefined("callee");
    builder.relocate(code, 2, symbol, R_X86_64_PC32, -4);
    builder.relocate(code, 7, symbol, R_X86_64_PLT32, -4);
  }
  std::optional<StretchDifference> compare(std::uint64_t begin, std::uint64_t end,
                                           const ByteVector& run) {
    const ElfObject object = builder.build();
    seen.clear();
    return compare_stretch(object, code, SectionOffset(begin), SectionOffset(end), run,
                           [&](const Relocation&, Bytes field, std::uint64_t at) {
                             seen.push_back(at);
                             return field[0] == 0xff ? std::optional<std::string>("refused")
                                                     : std::nullopt;
                           });
  }
  ObjectBuilder builder;
  std::uint32_t code;
  std::vector<std::uint64_t> seen;  // fields, from the stretch's beginning
};

TEST(Fields, BytesBetweenFieldsMustBeEqual) {
  Stretch stretch;
  EXPECT_FALSE(stretch.compare(0, 12, hex("8b 05 01020304 e8 05060708 c3")));
  EXPECT_EQ(stretch.seen, (std::vector<std::uint64_t>{2, 7}));
  const ByteVector runs[] = {hex("8a 05 01020304 e8 05060708 c3"),
                             hex("8b 05 01020304 e9 05060708 c3"),
                             hex("8b 05 01020304 e8 05060708 c2")};
  const std::uint64_t places[] = {0, 6, 11};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto differs = stretch.compare(0, 12, runs[i]);
    ASSERT_TRUE(differs);
    EXPECT_EQ(differs->kind, Kind::bytes);
    EXPECT_EQ(differs->at, places[i]);
  }
}

TEST(Fields, AFieldThatIsNotProvedEndsTheWalk) {
  Stretch stretch;
  const auto differs = stretch.compare(0, 12, hex("8b 05 ff020304 e8 05060708 00"));
  ASSERT_TRUE(differs);
  EXPECT_EQ(differs->kind, Kind::field);
  EXPECT_EQ(differs->at, 2U);
  EXPECT_EQ(differs->reason, "refused");
  EXPECT_EQ(stretch.seen.size(), 1U);
}

TEST(Fields, OnlyThoseOfTheStretch) {
  Stretch stretch;
  EXPECT_FALSE(stretch.compare(6, 12, hex("e8 05060708 c3")));
  EXPECT_EQ(stretch.seen, std::vector<std::uint64_t>{1});
  EXPECT_FALSE(stretch.compare(11, 11, {}));
  EXPECT_TRUE(stretch.seen.empty());
}

TEST(Fields, AFieldMayNotLeaveTheStretchOrOverlapAnother) {
  Stretch stretch;
  const auto cut = stretch.compare(0, 4, hex("8b 05 0102"));
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->kind, Kind::stray);
  stretch.builder.relocate(stretch.code, 4, 1, R_X86_64_32S, 0);
  const auto overlap = stretch.compare(0, 12, hex("8b 05 01020304 e8 05060708 c3"));
  ASSERT_TRUE(overlap);
  EXPECT_EQ(overlap->kind, Kind::stray);
  EXPECT_EQ(overlap->at, 4U);
}

TEST(Fields, NoneRelocatesNothing) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("90 c3"));
  builder.relocate(code, 0, 0, R_X86_64_NONE, 0);
  const ElfObject object = builder.build();
  const auto never = [](const Relocation&, Bytes, std::uint64_t) {
    return std::optional<std::string>("asked");
  };
  EXPECT_FALSE(
      compare_stretch(object, code, SectionOffset(0), SectionOffset(2), hex("90 c3"), never));
  EXPECT_TRUE(
      compare_stretch(object, code, SectionOffset(0), SectionOffset(2), hex("91 c3"), never));
}

}  // namespace
}  // namespace splicer
