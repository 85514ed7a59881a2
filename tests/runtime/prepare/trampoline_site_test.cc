// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/trampoline_site.h"

#include <gtest/gtest.h>

#include "tests/support/fake_image.h"

namespace splicer {
namespace {

constexpr RunAddress kEntry(0xffffffff81000000);
using Code = std::vector<std::uint8_t>;

// A function of `size` bytes at kEntry with `padding` behind it, then the next function.
struct Place {
  FunctionMatch function;
  FakeImage image;

  Place(std::size_t size, Code padding, bool ftrace = false, std::vector<KernelSymbol> more = {})
      : image(kEntry, memory(size, padding), symbols(size + padding.size(), std::move(more))) {
    function.name = "f";
    function.address = kEntry;
    function.code = kEntry;
    function.run_bytes.assign(size, 0x55);
    function.kept_entry = ftrace ? 5 : 0;
    if (ftrace) function.live_sites.emplace_back(0, 5);
  }
  static Code memory(std::size_t size, const Code& padding) {
    Code bytes(size, 0x55);
    bytes.insert(bytes.end(), padding.begin(), padding.end());
    bytes.insert(bytes.end(), 32, 0x66);
    return bytes;
  }
  static std::vector<KernelSymbol> symbols(std::size_t next, std::vector<KernelSymbol> more) {
    more.push_back({kEntry, 't', "f", "vmlinux"});
    more.push_back({kEntry + next, 't', "g", "vmlinux"});
    return more;
  }
  Result<TrampolineSite> choose() const { return choose_trampoline_site(function, nullptr, image); }
};

void expect_refused(const Place& place, const char* part) {
  const auto site = place.choose();
  ASSERT_FALSE(site);
  EXPECT_EQ(site.error().code, "no-trampoline-site");
  EXPECT_EQ(site.error().exit, ExitCode::unsafe);
  EXPECT_EQ(site.error().function, "f");
  EXPECT_NE(site.error().message.find(part), std::string::npos) << site.error().message;
}

TEST(TrampolineSite, FirstByteWithoutFtrace) {
  const auto site = Place(5, {}).choose();
  ASSERT_TRUE(site);
  EXPECT_EQ(site->site, kEntry);
  EXPECT_EQ(site->hop, RunAddress());
}

TEST(TrampolineSite, BehindTheFtraceSite) {
  EXPECT_EQ(Place(10, {}, true).choose()->site, kEntry + 5);
}

TEST(TrampolineSite, BehindEndbr) {
  Place place(20, {});
  place.function.kept_entry = 9;
  place.function.live_sites.emplace_back(4, 9);
  EXPECT_EQ(place.choose()->site, kEntry + 9);
}

TEST(TrampolineSite, ShortFunctionHopsToPadding) {
  const Place place(9, Code(7, 0xcc), true);
  const auto site = place.choose();
  ASSERT_TRUE(site);
  EXPECT_EQ(site->site, kEntry + 5);
  EXPECT_EQ(site->hop, kEntry + 9);
  EXPECT_EQ(site->expected_hop, (std::array<std::uint8_t, 5>{0xcc, 0xcc, 0xcc, 0xcc, 0xcc}));
}

TEST(TrampolineSite, PaddingOfNops) {
  // int3, nopw 0x0(%rax,%rax,1), then cs nopw: as assemblers fill.
  const Code nops{0xcc, 0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00};
  EXPECT_EQ(Place(3, nops).choose()->hop, kEntry + 3);
  const Code long_nop{0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00};
  EXPECT_EQ(Place(3, long_nop).choose()->hop, kEntry + 3);
  EXPECT_EQ(Place(3, {0x66, 0x90, 0x0f, 0x1f, 0x00}).choose()->hop, kEntry + 3);
  EXPECT_EQ(Place(3, {0x0f, 0x1f, 0x80, 0, 0, 0, 0}).choose()->hop, kEntry + 3);
}

TEST(TrampolineSite, PaddingThatIsSomething) {
  expect_refused(Place(3, {0xcc, 0xcc, 0xc3, 0xcc, 0xcc, 0xcc}), "too few");
  expect_refused(Place(3, {0x90, 0x90, 0x90, 0x90}), "too few");        // four bytes
  expect_refused(Place(3, {0x0f, 0x1f, 0xc0, 0x90, 0x90}), "too few");  // a register: not a nop
  expect_refused(Place(3, {0x0f, 0x1f, 0x48, 0, 0x90}), "too few");     // /1
  // A nop that would end beyond the next symbol is not one.
  expect_refused(Place(3, {0x90, 0x90, 0x0f, 0x1f, 0x80}), "too few");
  expect_refused(Place(3, {}), "too few");
}

TEST(TrampolineSite, SymbolInThePadding) {
  expect_refused(Place(3, Code(16, 0xcc), false, {{kEntry + 5, 't', "label", "vmlinux"}}),
                 "too few");
}

TEST(TrampolineSite, TooShortEvenForTwoBytes) {
  expect_refused(Place(1, Code(16, 0xcc)), "too few");
  expect_refused(Place(6, Code(16, 0xcc), true), "too few");
  expect_refused(Place(0, Code(16, 0xcc)), "too few");
}

TEST(TrampolineSite, LiveSiteBehindTheFirstTwoBytes) {
  Place place(40, Code(8, 0xcc), true);
  place.function.live_sites.emplace_back(7, 12);
  const auto site = place.choose();
  ASSERT_TRUE(site);
  EXPECT_EQ(site->site, kEntry + 5);
  EXPECT_EQ(site->hop, kEntry + 40);
}

TEST(TrampolineSite, LiveSiteRightBehindTheWindow) {
  Place place(40, {}, true);
  place.function.live_sites.emplace_back(10, 15);
  EXPECT_EQ(place.choose()->hop, RunAddress());
}

TEST(TrampolineSite, LiveSiteInTheFirstTwoBytes) {
  Place place(40, Code(8, 0xcc), true);
  place.function.live_sites.emplace_back(6, 8);
  expect_refused(place, "+0x6 to +0x8");
}

// A static key right behind the ftrace site, and no padding: ftrace leads the calls on.
TEST(TrampolineSite, NoPlaceButTheFtraceSite) {
  Place place(40, {}, true);
  place.function.live_sites.emplace_back(5, 10);
  place.function.ftrace_site = 0;
  const auto site = place.choose();
  ASSERT_TRUE(site) << site.error().message;
  EXPECT_TRUE(site->at_ftrace_site);
  EXPECT_EQ(site->site, kEntry);
  EXPECT_EQ(site->hop, RunAddress());

  Place shorter(6, {}, true);
  shorter.function.ftrace_site = 0;
  EXPECT_TRUE(shorter.choose()->at_ftrace_site);

  // A jump costs less where there is a place for it.
  Place padded(40, Code(8, 0xcc), true);
  padded.function.live_sites.emplace_back(8, 13);
  padded.function.ftrace_site = 0;
  EXPECT_FALSE(padded.choose()->at_ftrace_site);
}

TEST(TrampolineSite, PaddingOutOfReach) {
  Place near(7 + 127, Code(8, 0xcc), true);
  near.function.live_sites.emplace_back(9, 14);
  EXPECT_TRUE(near.choose());
  Place far(7 + 128, Code(8, 0xcc), true);
  far.function.live_sites.emplace_back(9, 14);
  expect_refused(far, "the kernel rewrites");
}

TEST(TrampolineSite, ReplacedBeforeKeepsItsPlace) {
  const Place place(9, Code(7, 0xe9), true);
  AppliedFunction before;
  before.site = kEntry + 5;
  before.hop = kEntry + 9;
  before.at_ftrace_site = true;
  const auto site = choose_trampoline_site(place.function, &before, place.image);
  ASSERT_TRUE(site);
  EXPECT_EQ(site->site, before.site);
  EXPECT_EQ(site->hop, before.hop);
  EXPECT_TRUE(site->at_ftrace_site);
  EXPECT_EQ(site->expected_hop[0], 0xe9);
  before.hop = RunAddress(0x1000);  // not in memory
  EXPECT_FALSE(choose_trampoline_site(place.function, &before, place.image));
}

}  // namespace
}  // namespace splicer
