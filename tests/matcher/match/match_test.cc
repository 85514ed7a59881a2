// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/match/match.h"

#include <gtest/gtest.h>

#include "tests/support/fake_image.h"
#include "tests/support/object_builder.h"

namespace splicer {
namespace {

constexpr std::uint64_t kText = 0xffffffff81000000;
constexpr std::uint64_t kData = 0xffffffff82000000;

const ByteVector kReturnOne = hex("b8 01 00 00 00 c3");

// An object that grows, and the kernel that runs it.
class Match : public testing::Test {
 protected:
  // A function of the object; gives its section.
  std::uint32_t function(const std::string& name, const ByteVector& pre,
                         std::uint8_t bind = STB_GLOBAL) {
    return builder_.function(name, pre, bind);
  }
  // Code in the kernel, under that name.
  void run(std::uint64_t address, const std::string& name, const ByteVector& code,
           const std::string& module = "vmlinux", char letter = 'T') {
    image_.put(address, code);
    image_.symbol(address, name, letter, module);
  }
  // A function of the object that the kernel has just so.
  std::uint32_t same(std::uint64_t address, const std::string& name, const ByteVector& code,
                     std::uint8_t bind = STB_GLOBAL) {
    run(address, name, code);
    return function(name, code, bind);
  }
  // caller: call `callee`; ret, which the kernel has at kText with that target.
  std::uint32_t caller(std::uint32_t callee, std::uint64_t target) {
    const std::uint32_t code = function("caller", hex("e8 00000000 c3"));
    builder_.relocate(code, 1, callee, R_X86_64_PLT32, -4);
    run(kText, "caller", branch32(hex("e8"), kText, target) + hex("c3"));
    return code;
  }

  MatchResult match() {
    object_.emplace(builder_.build());
    auto result = match_object(*object_, image_, options_);
    EXPECT_TRUE(result) << result.error().message;
    return result ? std::move(*result) : MatchResult();
  }
  // An update has replaced `one`, the function of that section, at kText by code at kText + 0x8000.
  void expect_redirected(std::uint32_t section) {
    options_.redirects[RunAddress(kText)] = {RunAddress(kText + 0x8000), RunAddress(kText), "0123"};
    const MatchResult result = match();
    const FunctionMatch& one = *result.find("one");
    ASSERT_EQ(one.state, MatchState::matched);
    EXPECT_EQ(one.address, RunAddress(kText));
    EXPECT_EQ(one.code, RunAddress(kText + 0x8000));
    EXPECT_EQ(one.run_bytes, kReturnOne);
    EXPECT_EQ(one.update, "0123");
    EXPECT_EQ(result.addresses.at(builder_.function_symbol(section)), RunAddress(kText));
  }
  static MatchState state(const MatchResult& result, const char* name) {
    const FunctionMatch* found = result.find(name);
    EXPECT_NE(found, nullptr) << name;
    return found == nullptr ? MatchState::absent : found->state;
  }

  ObjectBuilder builder_;
  FakeImage image_;
  MatchOptions options_;
  std::optional<ElfObject> object_;
};

TEST_F(Match, OneFunctionOfThatName) {
  const auto code = same(kText, "one", kReturnOne);
  const MatchResult result = match();
  ASSERT_EQ(result.functions.size(), 1u);
  const FunctionMatch& one = result.functions[0];
  EXPECT_EQ(one.state, MatchState::matched);
  EXPECT_EQ(one.address, RunAddress(kText));
  EXPECT_EQ(one.code, RunAddress(kText));
  EXPECT_EQ(one.run_bytes, kReturnOne);
  EXPECT_EQ(one.kept_entry, 0u);
  EXPECT_EQ(result.addresses.at(builder_.function_symbol(code)), RunAddress(kText));
  EXPECT_EQ(result.find("two"), nullptr);
}

TEST_F(Match, LearnsWhatTheCodeRefersTo) {
  const auto callee = builder_.undefined("hidden");  // not in the kernel's symbol table
  caller(callee, kText + 0x1230);
  const MatchResult result = match();
  EXPECT_EQ(state(result, "caller"), MatchState::matched);
  EXPECT_EQ(result.addresses.at(callee), RunAddress(kText + 0x1230));
}

TEST_F(Match, OtherCodeIsToldWithAllItTakes) {
  function("one", kReturnOne);
  run(kText, "one", hex("b8 02 00 00 00 c3") + ByteVector(300, 0x90));
  const MatchResult result = match();
  const FunctionMatch& one = *result.find("one");
  EXPECT_EQ(one.state, MatchState::mismatched);
  EXPECT_EQ(one.error.code, "run-pre-mismatch");
  EXPECT_EQ(one.error.exit, ExitCode::mismatch);
  EXPECT_EQ(one.error.file, "test.o");
  EXPECT_EQ(one.error.function, "one");
  EXPECT_EQ(one.error.address, RunAddress(kText + 1));
  EXPECT_EQ(one.error.expected[0], 1);
  EXPECT_EQ(one.error.found[0], 2);
  EXPECT_NE(one.error.message.find("at +0x1"), std::string::npos);
  EXPECT_NE(one.error.detail.find("expected (pre)"), std::string::npos);
  EXPECT_FALSE(one.error.advice.empty());
}

TEST_F(Match, MismatchTeachesNothing) {
  const auto callee = builder_.undefined("callee");
  const auto code = function("caller", hex("e8 00000000 b8 01 00 00 00 c3"));
  builder_.relocate(code, 1, callee, R_X86_64_PLT32, -4);
  run(kText, "caller", branch32(hex("e8"), kText, kText + 64) + hex("b8 02 00 00 00 c3"));
  const MatchResult result = match();
  EXPECT_EQ(state(result, "caller"), MatchState::mismatched);
  EXPECT_EQ(result.addresses.count(callee), 0u);
}

TEST_F(Match, NoFunctionOfThatName) {
  same(kText, "one", kReturnOne);
  function("inlined_away", kReturnOne);
  const MatchResult result = match();
  EXPECT_EQ(state(result, "inlined_away"), MatchState::absent);
  EXPECT_EQ(result.find("inlined_away")->error.code, "function-absent");
}

TEST_F(Match, NamesAtOtherDistances) {
  const auto code = builder_.section(".text", ObjectBuilder::kCode, hex("90 c3 90 c3"));
  builder_.symbol("f", code, 0, 2);
  builder_.symbol("g", code, 2, 2);
  run(kText, "f", hex("90 c3"));
  run(kText + 0x10, "g", hex("90 c3"));
  const MatchResult result = match();
  EXPECT_EQ(state(result, "f"), MatchState::mismatched);
  EXPECT_EQ(state(result, "g"), MatchState::mismatched);
}

TEST_F(Match, SameCodeAtTwoPlacesIsAmbiguous) {
  function("helper", kReturnOne, STB_LOCAL);
  run(kText + 0x1000, "helper", kReturnOne);
  run(kText + 0x2000, "helper", kReturnOne);
  const MatchResult result = match();
  EXPECT_EQ(state(result, "helper"), MatchState::ambiguous);
  EXPECT_EQ(result.find("helper")->error.code, "function-ambiguous");
  EXPECT_TRUE(result.addresses.empty());
}

// Only one of the two places looks right: that is no proof either.
TEST_F(Match, LookingRightIsNotEnough) {
  function("helper", kReturnOne, STB_LOCAL);
  run(kText + 0x1000, "helper", kReturnOne);
  run(kText + 0x2000, "helper", hex("b8 02 00 00 00 c3"));
  EXPECT_EQ(state(match(), "helper"), MatchState::ambiguous);
}

TEST_F(Match, AReferenceDecidesBetweenPlaces) {
  const auto helper = function("helper", kReturnOne, STB_LOCAL);
  caller(builder_.function_symbol(helper), kText - 0x1000);
  run(kText - 0x2000, "helper", kReturnOne);
  run(kText - 0x1000, "helper", kReturnOne);
  const MatchResult result = match();
  EXPECT_EQ(state(result, "helper"), MatchState::matched);
  EXPECT_EQ(result.find("helper")->address, RunAddress(kText - 0x1000));
}

// Names that the table has once, and code that is the same; but an object's code stays in order.
TEST_F(Match, ANameThatIsAnotherFiles) {
  same(kText, "first", kReturnOne);
  same(kText - 0x1000, "second", kReturnOne, STB_LOCAL);
  const MatchResult result = match();
  EXPECT_EQ(state(result, "first"), MatchState::mismatched);
  EXPECT_EQ(state(result, "second"), MatchState::mismatched);
  EXPECT_NE(result.find("second")->error.message.find("in another order"), std::string::npos);
}

TEST_F(Match, TwoFunctionsAtOnePlace) {
  same(kText, "first", kReturnOne);
  function("second", kReturnOne);
  image_.symbol(kText, "second", 'T');
  EXPECT_EQ(state(match(), "second"), MatchState::mismatched);
}

TEST_F(Match, AReferenceToCodeThatDiffers) {
  const auto helper = function("helper", kReturnOne, STB_LOCAL);
  caller(builder_.function_symbol(helper), kText + 0x2000);
  run(kText + 0x1000, "helper", kReturnOne);
  run(kText + 0x2000, "helper", hex("b8 02 00 00 00 c3"));
  EXPECT_EQ(state(match(), "helper"), MatchState::mismatched);  // never the other place
}

TEST_F(Match, AReferenceToWhereTheNameIsNot) {
  const auto helper = function("helper", kReturnOne, STB_LOCAL);
  caller(builder_.function_symbol(helper), kText + 0x3000);
  image_.put(kText + 0x3000, kReturnOne);
  run(kText + 0x1000, "helper", kReturnOne);
  EXPECT_EQ(state(match(), "caller"), MatchState::mismatched);
}

TEST_F(Match, ANeighbourDecides) {
  same(kText + 0x1000, "one", kReturnOne);
  function("helper", kReturnOne, STB_LOCAL);
  run(kText + 0x1010, "helper", kReturnOne);  // right behind "one"
  run(kText + 0x2000, "helper", kReturnOne);
  const MatchResult result = match();
  EXPECT_EQ(state(result, "helper"), MatchState::matched);
  EXPECT_EQ(result.find("helper")->address, RunAddress(kText + 0x1010));
}

TEST_F(Match, ANeighbourBefore) {
  function("helper", kReturnOne, STB_LOCAL);
  run(kText + 0x1000, "helper", kReturnOne);
  same(kText + 0x1010, "one", kReturnOne);
  run(kText + 0x2000, "helper", kReturnOne);
  EXPECT_EQ(match().find("helper")->address, RunAddress(kText + 0x1000));
}

TEST_F(Match, NoNeighbourWithAStrangerBetween) {
  same(kText + 0x1000, "one", kReturnOne);
  function("helper", kReturnOne, STB_LOCAL);
  run(kText + 0x1008, "stranger", hex("c3"));
  run(kText + 0x1010, "helper", kReturnOne);
  run(kText + 0x2000, "helper", kReturnOne);
  EXPECT_EQ(state(match(), "helper"), MatchState::ambiguous);
}

TEST_F(Match, NoNeighbourFarAway) {
  same(kText + 0x1000, "one", kReturnOne);
  function("helper", kReturnOne, STB_LOCAL);
  run(kText + 0x1080, "helper", kReturnOne);
  run(kText + 0x2000, "helper", kReturnOne);
  EXPECT_EQ(state(match(), "helper"), MatchState::ambiguous);
}

TEST_F(Match, NoNeighbourOutOfOrder) {
  // Our helper comes before "one"; what stands behind "one" begins the next object.
  function("helper", kReturnOne, STB_LOCAL);
  same(kText + 0x1000, "one", kReturnOne);
  run(kText + 0x1010, "helper", kReturnOne);
  run(kText + 0x900, "helper", kReturnOne);
  EXPECT_EQ(state(match(), "helper"), MatchState::ambiguous);
}

TEST_F(Match, BetweenTwoOfItsOwn) {
  same(kText + 0x1000, "one", kReturnOne);
  same(kText + 0x1200, "two", kReturnOne);
  function("helper", kReturnOne, STB_LOCAL);
  run(kText + 0x1100, "helper", kReturnOne);
  run(kText + 0x2000, "helper", kReturnOne);
  EXPECT_EQ(match().find("helper")->address, RunAddress(kText + 0x1100));
}

class MatchTable : public Match {
 protected:
  // Two functions of one name, and a variable that points to the first.
  void table(std::uint64_t target) {
    const std::uint32_t helper = function("helper", kReturnOne, STB_LOCAL);
    run(kText + 0x1000, "helper", kReturnOne);
    run(kText + 0x2000, "helper", kReturnOne);
    const std::uint32_t section =
        builder_.section(".data.operations", ObjectBuilder::kData, ByteVector(16));
    builder_.symbol("operations", section, 0, 16, STB_GLOBAL, STT_OBJECT);
    builder_.relocate(section, 8, builder_.section_symbol(helper), R_X86_64_64, 0);
    image_.fill(kData, 16, 0);
    image_.put_pointer(kData + 8, target);
  }
};

TEST_F(MatchTable, AVariableDecides) {
  table(kText + 0x2000);
  image_.symbol(kData, "operations", 'd');
  EXPECT_EQ(match().find("helper")->address, RunAddress(kText + 0x2000));
}

TEST_F(MatchTable, AVariableThatPointsElsewhere) {
  table(kText + 0x3000);
  image_.symbol(kData, "operations", 'd');
  EXPECT_EQ(state(match(), "helper"), MatchState::ambiguous);
}

TEST_F(MatchTable, TwoVariablesOfOneName) {
  table(kText + 0x2000);
  image_.symbol(kData, "operations", 'd');
  image_.symbol(kData + 0x100, "operations", 'd');
  EXPECT_EQ(state(match(), "helper"), MatchState::ambiguous);
}

TEST_F(Match, ConflictBetweenFunctions) {
  const auto callee = builder_.undefined("callee");
  caller(callee, kText + 0x3000);
  const auto other = function("other", hex("e8 00000000 c3"));
  builder_.relocate(other, 1, callee, R_X86_64_PLT32, -4);
  run(kText + 0x100, "other", branch32(hex("e8"), kText + 0x100, kText + 0x4000) + hex("c3"));
  const MatchResult result = match();
  EXPECT_EQ(state(result, "caller"), MatchState::matched);
  EXPECT_EQ(state(result, "other"), MatchState::mismatched);
}

// The update that replaced it is named: no other mistake has to be looked for.
TEST_F(Match, AFunctionThatAnUpdateReplacedDiffers) {
  same(kText, "one", kReturnOne);
  run(kText + 0x8000, "one", hex("b8 02 00 00 00 c3"), "splice_0123_0");
  options_.redirects[RunAddress(kText)] = {RunAddress(kText + 0x8000), RunAddress(kText), "0123"};
  const MatchResult result = match();
  EXPECT_EQ(state(result, "one"), MatchState::mismatched);
  EXPECT_NE(result.find("one")->error.advice.find("update 0123 has replaced this function"),
            std::string::npos);
}

TEST_F(Match, WeakFunctionOverridden) {
  function("arch_hook", kReturnOne, STB_WEAK);
  run(kText, "arch_hook", hex("b8 02 00 00 00 c3"));
  const MatchResult result = match();
  EXPECT_EQ(state(result, "arch_hook"), MatchState::absent);
  EXPECT_EQ(result.find("arch_hook")->error.code, "weak-overridden");
}

TEST_F(Match, WeakFunctionInUse) {
  run(kText, "arch_hook", kReturnOne, "vmlinux", 'W');
  function("arch_hook", kReturnOne, STB_WEAK);
  EXPECT_EQ(state(match(), "arch_hook"), MatchState::matched);
}

// The kernel's is a strong one of another object, which happens to have the same code: what is
// beside it is that object's.
TEST_F(Match, WeakFunctionOverriddenByTheSameCode) {
  same(kText, "first", kReturnOne);
  function("arch_hook", kReturnOne, STB_WEAK);
  run(kText + 0x1000, "arch_hook", kReturnOne);
  function("helper", kReturnOne, STB_LOCAL);
  run(kText + 0x800, "helper", kReturnOne);
  run(kText + 0x2000, "helper", kReturnOne);
  const MatchResult result = match();
  EXPECT_EQ(state(result, "arch_hook"), MatchState::absent);
  EXPECT_EQ(result.find("arch_hook")->error.code, "weak-overridden");
  EXPECT_EQ(state(result, "helper"), MatchState::ambiguous);
}

// The code is there under its own name, and the weak name is another object's.
TEST_F(Match, WeakNameOfCodeThatIsThere) {
  const auto section = same(kText, "__copy", kReturnOne);
  builder_.symbol("copy", section, 0, kReturnOne.size(), STB_WEAK, STT_FUNC);
  image_.symbol(kText + 0x1000, "copy", 'T');
  const MatchResult result = match();
  EXPECT_EQ(state(result, "__copy"), MatchState::matched);
  EXPECT_EQ(state(result, "copy"), MatchState::absent);
  EXPECT_EQ(result.find("copy")->error.code, "weak-overridden");
}

// New code must not call what means something else in the running kernel.
TEST_F(Match, AFunctionThatDiffersHasNoAddress) {
  const auto helper = function("helper", kReturnOne, STB_LOCAL);
  const auto symbol = builder_.function_symbol(helper);
  caller(symbol, kText + 0x2000);
  run(kText + 0x2000, "helper", hex("b8 02 00 00 00 c3"));
  const MatchResult result = match();
  EXPECT_EQ(state(result, "caller"), MatchState::matched);
  EXPECT_EQ(result.addresses.count(symbol), 0u);
  ASSERT_EQ(result.altered_functions.count(symbol), 1u);
  EXPECT_EQ(result.altered_functions.at(symbol).code, "run-pre-mismatch");
}

TEST_F(Match, StartUpCodeIsGone) {
  same(kText, "one", kReturnOne);
  const auto code = builder_.section(".init.text", ObjectBuilder::kCode, kReturnOne);
  builder_.symbol("setup", code, 0, kReturnOne.size());
  run(kText + 0x5000, "setup", kReturnOne);
  const MatchResult result = match();
  EXPECT_EQ(state(result, "setup"), MatchState::absent);
  EXPECT_EQ(result.find("setup")->error.code, "init-function");
}

TEST_F(Match, ExitCodeOfAModuleStays) {
  options_.target = "tun";
  const auto code = builder_.section(".exit.text", ObjectBuilder::kCode, kReturnOne);
  builder_.symbol("cleanup", code, 0, kReturnOne.size());
  run(kText, "cleanup", kReturnOne, "tun");
  EXPECT_EQ(state(match(), "cleanup"), MatchState::matched);
}

TEST_F(Match, OnlyTheTargetsSymbols) {
  options_.target = "tun";
  function("helper", kReturnOne);
  run(kText, "helper", kReturnOne);
  run(kText + 0x1000, "helper", kReturnOne, "tun");
  EXPECT_EQ(match().find("helper")->address, RunAddress(kText + 0x1000));
}

TEST_F(Match, TargetNotLoaded) {
  options_.target = "tun";
  same(kText, "one", kReturnOne);
  const auto result = match_object(builder_.build(), image_, options_);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "module-not-loaded");
  EXPECT_NE(result.error().advice.find("modprobe tun"), std::string::npos);
}

TEST_F(Match, DamagedSiteTable) {
  same(kText, "one", kReturnOne);
  builder_.append(builder_.table(".smp_locks"), ByteVector(3));
  const auto result = match_object(builder_.build(), image_, options_);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, "site-table-malformed");
}

TEST_F(Match, RedirectLeadsToTheNewestCode) {
  const auto code = function("one", kReturnOne);
  run(kText, "one", hex("e9 11 22 33 44 c3"));  // our trampoline
  run(kText + 0x8000, "one", kReturnOne, "splice_0123");
  expect_redirected(code);
}

TEST_F(Match, RedirectOfAFunctionBehindItsPadding) {
  const ByteVector padding(16, 0x90);
  const auto code = builder_.padded_function("one", kReturnOne);
  image_.put(kText - 16, padding);
  run(kText, "one", hex("e9 11 22 33 44 c3"));
  image_.put(kText + 0x7ff0, padding);
  run(kText + 0x8000, "one", kReturnOne, "splice_0123");
  EXPECT_EQ(state(match(), "one"), MatchState::mismatched);
  expect_redirected(code);
}

TEST_F(Match, JumpWithoutARedirectIsAMismatch) {
  function("one", kReturnOne);
  run(kText, "one", hex("e9 11 22 33 44 c3"));
  EXPECT_EQ(state(match(), "one"), MatchState::mismatched);
}

TEST_F(Match, EndbrAndFtraceSiteStayAtTheEntry) {
  const auto code = function("one", hex("f3 0f 1e fa e8 00000000 c3"));
  builder_.relocate(code, 5, builder_.undefined("__fentry__"), R_X86_64_PLT32, -4);
  builder_.ftrace(code, 4);
  builder_.listed(".ibt_endbr_seal", code, 0);
  image_.symbol(kText + 0xa000, "__fentry__");
  run(kText, "one", hex("66 0f 1f 00 0f 1f 44 00 00 c3"));
  function("two", hex("f3 0f 1e fa 90 c3"));
  run(kText + 0x100, "two", hex("f3 0f 1e fa 90 c3"));
  const MatchResult result = match();
  ASSERT_EQ(result.find("one")->state, MatchState::matched);
  EXPECT_EQ(result.find("one")->kept_entry, 9u);
  ASSERT_EQ(result.find("two")->state, MatchState::matched);
  EXPECT_EQ(result.find("two")->kept_entry, 4u);
}

TEST_F(Match, FtraceSiteAndLiveSites) {
  const auto code = function("one", hex("e8 00000000 f0 ff 07 c3"));
  builder_.relocate(code, 1, builder_.undefined("__fentry__"), R_X86_64_PLT32, -4);
  builder_.ftrace(code, 0);
  builder_.listed(".smp_locks", code, 5);
  image_.symbol(kText + 0x9000, "trampoline", 't', "__builtin__ftrace");
  image_.symbol(kText + 0xa000, "__fentry__");
  run(kText, "one", branch32(hex("e8"), kText, kText + 0x9000) + hex("3e ff 07 c3"));
  const MatchResult result = match();
  const FunctionMatch& one = *result.find("one");
  ASSERT_EQ(one.state, MatchState::matched);
  EXPECT_EQ(one.kept_entry, 5u);
  EXPECT_EQ(one.traced_by, "trampoline [__builtin__ftrace]");
  EXPECT_EQ(one.live_sites, (std::vector<std::pair<std::uint32_t, std::uint32_t>>{{0, 5}, {5, 6}}));
}

TEST_F(Match, APrefixThatLocksIsNoLiveSite) {
  const auto code = function("one", hex("f0 ff 07 c3"));
  builder_.listed(".smp_locks", code, 0);
  run(kText, "one", hex("f0 ff 07 c3"));
  EXPECT_TRUE(match().find("one")->live_sites.empty());
}

TEST_F(Match, KprobeIsRefusedByName) {
  function("one", hex("55 b8 01 00 00 00 5d c3"));
  run(kText, "one", hex("55 cc 01 00 00 00 5d c3"));
  const MatchResult result = match();
  EXPECT_EQ(state(result, "one"), MatchState::mismatched);
  EXPECT_EQ(result.find("one")->error.code, "probe-in-function");
  EXPECT_NE(result.find("one")->error.message.find("breakpoint"), std::string::npos);
  EXPECT_NE(result.find("one")->error.advice.find("kprobes/list"), std::string::npos);
}

TEST_F(Match, OptimisedKprobeIsRefusedByName) {
  function("one", hex("b8 01 00 00 00 c3"));
  image_.symbol(kText + 0x9000, "kprobe_optinsn_page", 't', "__builtin__kprobes");
  run(kText, "one", branch32(hex("e9"), kText, kText + 0x9010) + hex("c3"));
  EXPECT_EQ(match().find("one")->error.code, "probe-in-function");
}

// ftrace_caller: a call of ftrace_stub, which the kernel leads to the present tracer.
class MatchTracer : public Match {
 protected:
  MatchTracer() {
    const auto code = function("ftrace_caller", hex("90 e8 00000000 b8 01000000 c3"));
    builder_.symbol("ftrace_call", code, 1, 0, STB_GLOBAL, STT_NOTYPE);
    builder_.relocate(code, 2, builder_.undefined("ftrace_stub"), R_X86_64_PLT32, -4);
    image_.symbol(kText + 0x900, "ftrace_stub", 'T');
    image_.symbol(kText + 0xa00, "function_trace_call", 't');
  }
  ByteVector calling(std::uint64_t whom, const ByteVector& rest) {
    return hex("90") + branch32(hex("e8"), kText + 1, whom) + rest;
  }
};

TEST_F(MatchTracer, StubIsProved) {
  run(kText, "ftrace_caller", calling(kText + 0x900, kReturnOne));
  EXPECT_EQ(state(match(), "ftrace_caller"), MatchState::matched);
}

TEST_F(MatchTracer, TracerIsRefusedByName) {
  run(kText, "ftrace_caller", calling(kText + 0xa00, kReturnOne));
  const MatchResult result = match();
  EXPECT_EQ(state(result, "ftrace_caller"), MatchState::mismatched);
  EXPECT_EQ(result.find("ftrace_caller")->error.code, "tracer-in-function");
  EXPECT_NE(result.find("ftrace_caller")->error.advice.find("current_tracer"), std::string::npos);
}

TEST_F(MatchTracer, DifferenceBehindTheCallIsAMismatch) {
  run(kText, "ftrace_caller", calling(kText + 0x900, hex("b8 02000000 c3")));
  EXPECT_EQ(match().find("ftrace_caller")->error.code, "run-pre-mismatch");
}

// static_cpu_has() as it was built: a jump to code without a name.
class MatchAlternative : public Match {
 protected:
  MatchAlternative() {
    const auto code = function("one", hex("e9 00000000 c3"));
    const auto other = builder_.section(".altinstr_aux", ObjectBuilder::kCode, hex("f6 05 01 c3"));
    builder_.relocate(code, 1, builder_.section_symbol(other), R_X86_64_PC32, -4);
    run(kText, "one", branch32(hex("e9"), kText, kText + 0x5000) + hex("c3"));
  }
};

TEST_F(MatchAlternative, LeadsToItsOtherCode) {
  image_.put(kText + 0x5000, hex("f6 05 01 c3"));
  EXPECT_EQ(state(match(), "one"), MatchState::matched);
}

TEST_F(MatchAlternative, LeadsElsewhere) {
  image_.put(kText + 0x5000, hex("f6 05 02 c3"));
  const MatchResult result = match();
  EXPECT_EQ(state(result, "one"), MatchState::mismatched);
  EXPECT_NE(result.find("one")->error.message.find("is not .altinstr_aux"), std::string::npos);
}

TEST_F(MatchAlternative, LeadsNowhere) { EXPECT_EQ(state(match(), "one"), MatchState::mismatched); }

// The same byte in an operand is another constant, not a breakpoint.
TEST_F(Match, OperandThatLooksLikeABreakpoint) {
  function("one", kReturnOne);
  run(kText, "one", hex("b8 cc 00 00 00 c3"));
  EXPECT_EQ(match().find("one")->error.code, "run-pre-mismatch");
}

// A function that loads from the named constant "limit".
class MatchConstant : public Match {
 protected:
  MatchConstant() {
    const auto code = function("one", hex("8b 05 00000000 c3"));
    section_ = builder_.section(".rodata.limit", ObjectBuilder::kConstant, le32(42) + le32(0));
    limit_ = builder_.symbol("limit", section_, 0, 8, STB_LOCAL, STT_OBJECT);
    builder_.relocate(code, 2, builder_.section_symbol(section_), R_X86_64_PC32, -4);
    run(kText, "one", branch32(hex("8b 05"), kText, kData) + hex("c3"));
  }
  std::uint32_t section_;
  std::uint32_t limit_;
};

TEST_F(MatchConstant, TheSameIsLearnt) {
  image_.put(kData, le32(42) + le32(0));
  const MatchResult result = match();
  EXPECT_EQ(state(result, "one"), MatchState::matched);
  EXPECT_EQ(result.addresses.at(limit_), RunAddress(kData));
  EXPECT_TRUE(result.altered_constants.empty());
}

TEST_F(MatchConstant, AnAlteredOneIsTold) {
  image_.put(kData, le32(43) + le32(0));
  const MatchResult result = match();
  EXPECT_EQ(state(result, "one"), MatchState::matched);  // its code is as it was
  EXPECT_EQ(result.addresses.count(limit_), 0u);
  ASSERT_EQ(result.altered_constants.count(limit_), 1u);
  EXPECT_EQ(result.altered_constants.at(limit_).code, "constant-differs");
}

TEST_F(MatchConstant, UnmappedIsAltered) { EXPECT_EQ(match().altered_constants.count(limit_), 1u); }

TEST_F(MatchConstant, PointersInConstantsTeachToo) {
  const auto target = builder_.undefined("handler");
  builder_.relocate(section_, 0, target, R_X86_64_64, 0);
  image_.put_pointer(kData, kText + 0x7770);
  const MatchResult result = match();
  EXPECT_EQ(result.addresses.at(target), RunAddress(kText + 0x7770));
  EXPECT_TRUE(result.altered_constants.empty());
}

}  // namespace
}  // namespace splicer
