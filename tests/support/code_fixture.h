// SPDX-License-Identifier: GPL-2.0-or-later
//
// One function of an object, and the question whether given bytes in memory are that function.
//
//     CodeUnderTest code(hex("f0 ff 07 c3"));
//     code.builder.listed(".smp_locks", code.section, 0);
//     EXPECT_TRUE(code.accepts(hex("3e ff 07 c3")));
#pragma once

#include <optional>
#include <string>

#include "matcher/match/code_compare.h"
#include "tests/support/fake_image.h"
#include "tests/support/object_builder.h"

namespace splicer {

constexpr std::uint64_t kFunction = 0xffffffff81000000;  // where the code stands in memory
constexpr std::uint64_t kElsewhere = 0xffffffff81100000;

struct CodeUnderTest {
  explicit CodeUnderTest(const ByteVector& pre) : section(builder.function("f", pre)) {}

  // A reference of the code to an undefined symbol that the kernel has at `address`.
  void refer(std::uint64_t offset, const std::string& name, std::uint64_t address,
             std::uint32_t type = R_X86_64_PLT32, std::int64_t addend = -4) {
    builder.relocate(section, offset, builder.undefined(name), type, addend);
    image.symbol(address, name);
  }

  Comparison compare(const ByteVector& run) {
    object.emplace(builder.build());
    auto sites = SiteTables::collect(*object);
    if (!sites) {
      Comparison refused;
      refused.difference = Difference{{}, 0, sites.error().message};
      return refused;
    }
    FakeImage memory = image;
    memory.fill(kFunction, run.size() + 512, 0xcc);
    memory.put(kFunction, run);
    const ReferencePlan plan(*object);
    References references(*object, plan, memory, options);
    Trial trial(references);
    if (auto conflict = trial.bind_section(section, RunAddress(kFunction))) {
      Comparison refused;
      refused.difference = Difference{{}, 0, *conflict};
      return refused;
    }
    return CodeComparer(*object, *sites, memory).compare(section, RunAddress(kFunction), trial);
  }
  bool accepts(const ByteVector& run) { return !compare(run).difference; }
  std::string refusal(const ByteVector& run) {
    const Comparison comparison = compare(run);
    return comparison.difference ? comparison.difference->reason : "accepted";
  }

  ObjectBuilder builder;
  FakeImage image;
  MatchOptions options;
  std::uint32_t section;
  std::optional<ElfObject> object;
};

}  // namespace splicer
