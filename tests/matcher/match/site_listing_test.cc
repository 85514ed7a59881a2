// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/match/site_listing.h"

#include <gtest/gtest.h>

#include "tests/support/fake_image.h"
#include "tests/support/object_builder.h"

namespace splicer {
namespace {

constexpr std::uint64_t kText = 0xffffffff81000000;

TEST(SiteListing, TheSitesOfAFunctionAndWhatTheyMayBe) {
  ObjectBuilder builder;
  const auto code = builder.function("f", hex("e8 00000000 c3"));
  builder.relocate(code, 1, builder.undefined("__fentry__"), R_X86_64_PLT32, -4);
  builder.ftrace(code, 0);
  const ElfObject object = builder.build();
  const auto sites = SiteTables::collect(object);
  ASSERT_TRUE(sites);
  FakeImage image;
  image.put(kText, hex("0f 1f 44 00 00 c3"));
  FunctionMatch function;
  function.name = "f";
  function.symbol = builder.function_symbol(code);
  EXPECT_TRUE(list_sites(object, *sites, image, function).empty());  // not in the kernel
  function.code = RunAddress(kText);
  EXPECT_EQ(list_sites(object, *sites, image, function),
            (std::vector<std::string>{"f+0x0: ftrace site, 5 bytes, now 0f 1f 44 00 00",
                                      "  as built  e8 .. .. .. ..  (__fentry__-0x4)",
                                      "  permitted 0f 1f 44 00 00  <- now"}));
}

}  // namespace
}  // namespace splicer
