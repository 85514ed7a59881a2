// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/match/mismatch.h"

#include <gtest/gtest.h>

#include "tests/support/fake_image.h"
#include "tests/support/object_builder.h"

namespace splicer {
namespace {

constexpr std::uint64_t kBanner = 0xffffffff82000000;

ByteVector text(std::string_view characters) { return {characters.begin(), characters.end()}; }

ElfObject compiled_by(std::string_view compiler) {
  ObjectBuilder builder;
  builder.section(".comment", SHF_MERGE | SHF_STRINGS,
                  hex("00") + text("GCC: ") + text(compiler) + hex("00"));
  return builder.build();
}

struct Kernel {
  Kernel() {
    ByteVector banner = text(
        "Linux version 6.1.0-1 (you@example.org) (gcc-12 (Debian 12.2.0-14) 12.2.0, GNU ld 2.40) "
        "#1 SMP");
    banner.resize(511);
    image.put(kBanner, banner);
    image.symbol(kBanner, "linux_banner", 'D');
  }
  std::string hint(const ElfObject& object, std::size_t functions, std::size_t mismatched,
                   std::size_t only_numbers) const {
    return mismatch_hint(object, image, functions, mismatched, only_numbers);
  }
  FakeImage image;
};

TEST(MismatchHint, AnotherCompilerComesFirst) {
  EXPECT_EQ(Kernel().hint(compiled_by("(Debian 11.3.0-12) 11.3.0"), 10, 9, 9),
            "the object was compiled by gcc (Debian 11.3.0-12) 11.3.0, this kernel by gcc-12 "
            "(Debian 12.2.0-14) 12.2.0");
}

TEST(MismatchHint, StructuresOptionsSource) {
  const ElfObject object = compiled_by("(Debian 12.2.0-14) 12.2.0");
  const auto says = [&](std::size_t bad, std::size_t numbers, const char* wanted) {
    const std::string hint = Kernel().hint(object, 10, bad, numbers);
    EXPECT_NE(hint.find(wanted), std::string::npos) << hint;
  };
  says(4, 3, "another configuration");
  says(8, 3, "other options");
  says(1, 0, "the source of exactly this kernel");
}

TEST(MismatchHint, AKernelThatDoesNotSayWhatBuiltIt) {
  const FakeImage silent;
  const std::string hint =
      mismatch_hint(compiled_by("(Debian 11.3.0-12) 11.3.0"), silent, 10, 1, 0);
  EXPECT_NE(hint.find("source"), std::string::npos) << hint;
}

}  // namespace
}  // namespace splicer
