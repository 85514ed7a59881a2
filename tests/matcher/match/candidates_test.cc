// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/match/candidates.h"

#include <gtest/gtest.h>

#include "tests/support/fake_image.h"
#include "tests/support/object_builder.h"

namespace splicer {
namespace {

constexpr std::uint64_t kText = 0xffffffff81000000;

NamedBases bases(const ObjectBuilder& builder, const FakeImage& image, std::uint32_t section) {
  const ElfObject object = builder.build();
  const ReferencePlan plan(object);
  return bases_by_name(object, plan, image, {}, section);
}

TEST(Candidates, EachPlaceOfTheName) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("c3"));
  FakeImage image;
  image.symbol(kText, "f");
  image.symbol(kText + 64, "f");
  image.symbol(kText + 128, "f", 't', "tun");
  EXPECT_EQ(bases(builder, image, code).bases,
            (std::vector<RunAddress>{RunAddress(kText), RunAddress(kText + 64)}));
}

TEST(Candidates, AllNamesAtTheirDistances) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("c3 c3"));
  builder.symbol("g", code, 1, 1, STB_GLOBAL, STT_FUNC);
  FakeImage image;
  image.symbol(kText, "f");
  image.symbol(kText + 64, "f");
  image.symbol(kText + 65, "g");
  EXPECT_EQ(bases(builder, image, code).bases, std::vector<RunAddress>{RunAddress(kText + 64)});
  FakeImage other;
  other.symbol(kText, "f");
  other.symbol(kText + 9, "g");
  EXPECT_TRUE(bases(builder, other, code).bases.empty());
  EXPECT_TRUE(bases(builder, other, code).inconsistent);
  EXPECT_FALSE(bases(builder, FakeImage(), code).inconsistent);
}

// Places 0, 1, 2 of .text; 1 is proved at kText + 0x100 with 0x20 bytes.
struct Beside {
  explicit Beside(bool replaced = false) {
    neighbourhood.add(RunAddress(kText + 0x100), {".text", 1, 0x20, replaced});
  }
  bool own(std::uint64_t base, std::size_t place, std::uint64_t size,
           const std::string& group = ".text") const {
    return neighbourhood.is_own(RunAddress(base), group, place, size);
  }
  SymbolTable table;
  Neighbourhood neighbourhood{table};
};

TEST(Neighbourhood, RightBehindOrBeforeWhatItFollowsOrPrecedes) {
  const Beside beside;
  EXPECT_TRUE(beside.own(kText + 0x120, 2, 8));
  EXPECT_FALSE(beside.own(kText + 0x120, 3, 8));       // not the next one
  EXPECT_FALSE(beside.own(kText + 0x120 + 64, 2, 8));  // more than padding between
  EXPECT_TRUE(beside.own(kText + 0xf0, 0, 0x10));
  EXPECT_FALSE(beside.own(kText + 0xf0, 0, 0x20));  // it would overlap
  EXPECT_FALSE(beside.own(kText + 0x120, 2, 8, ".text.unlikely"));
  EXPECT_FALSE(Beside(true).own(kText + 0x120, 2, 8));
}

TEST(Neighbourhood, AnythingBetweenTwoPieces) {
  Beside beside;
  beside.neighbourhood.add(RunAddress(kText + 0x1000), {".text", 7, 0x20, false});
  EXPECT_TRUE(beside.own(kText + 0x800, 4, 8));
  EXPECT_FALSE(beside.own(kText + 0x1800, 4, 8));
}

TEST(Candidates, WhatAUniqueVariablePointsTo) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("c3"));
  const auto data = builder.section(".data.ops", ObjectBuilder::kData, ByteVector(16));
  builder.symbol("ops", data, 0, 16, STB_LOCAL, STT_OBJECT);
  builder.relocate(data, 8, builder.section_symbol(code), R_X86_64_64, 0);
  const ElfObject object = builder.build();
  FakeImage image;
  image.symbol(kText + 0x9000, "ops", 'd');
  image.put_pointer(kText + 0x9008, kText + 0x40);
  const auto all = [](std::uint32_t) { return true; };
  const auto none = [](std::uint32_t) { return false; };
  const auto found = [&](std::uint32_t section, RunAddress base) {
    return section == code && base == RunAddress(kText + 0x40);
  };
  EXPECT_TRUE(visit_pointed_at(object, image, "vmlinux", all, found));
  EXPECT_FALSE(visit_pointed_at(object, image, "vmlinux", none, found));
  image.symbol(kText + 0xa000, "ops", 'd');  // no longer unique
  EXPECT_FALSE(visit_pointed_at(object, image, "vmlinux", all, found));
}

}  // namespace
}  // namespace splicer
