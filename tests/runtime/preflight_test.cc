// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/preflight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace splicer {
namespace {

using ::testing::HasSubstr;

// This machine is looked at, and nothing of it changed.
TEST(Preflight, Essay) {
  // [example runtime/preflight.h]
  const auto answers = preflight();
  const bool yes = patchable(answers);
  // [end]
  EXPECT_EQ(yes, preflight_text(answers).find("can NOT") == std::string::npos);
  EXPECT_GE(answers.size(), 4u);
  for (const PreflightAnswer& one : answers) {
    EXPECT_FALSE(one.question.empty());
    EXPECT_FALSE(one.fault && one.fault->code.empty());
  }
}

TEST(Preflight, AnotherProcessor) {
  KernelIdentity kernel;
  kernel.machine = "aarch64";
  const PreflightAnswer no = ask_processor(kernel);
  ASSERT_TRUE(no.fault);
  EXPECT_EQ(no.fault->exit, ExitCode::wrong_machine);
  kernel.machine = "x86_64";
  EXPECT_FALSE(ask_processor(kernel).fault);
}

TEST(Preflight, WhatTheKernelsSymbolsTell) {
  const auto whole =
      ask_symbols(SymbolTable::parse_kallsyms(
                      "ffffffff81000000 T register_kprobe\nffffffff81000010 T klp_shadow_get\n"
                      "ffffffff82000000 d some_data\nffffffff83000000 b some_zeroes\n")
                      .value());
  ASSERT_EQ(whole.size(), 3u);
  EXPECT_TRUE(patchable(whole)) << preflight_text(whole);
  EXPECT_TRUE(whole[2].note.empty());

  const auto bare =
      ask_symbols(SymbolTable::parse_kallsyms("ffffffff81000000 T some_function\n").value());
  EXPECT_FALSE(patchable(bare));
  EXPECT_EQ(bare[0].fault->code, "kernel-lacks");
  EXPECT_EQ(bare[0].fault->exit, ExitCode::unsafe);
  EXPECT_THAT(bare[1].fault->message, HasSubstr("CONFIG_KALLSYMS_ALL"));
  EXPECT_FALSE(bare[2].note.empty()) << "no reason to refuse all updates";
}

TEST(Preflight, SaidAndAsADocument) {
  const std::vector<PreflightAnswer> answers{
      {"one", {}, {}},
      {"two", {}, "a note"},
      {"three", fail(ExitCode::error, "kptr-restrict", "it is 2").hint("set it to 1").take(), {}}};
  EXPECT_EQ(preflight_text(answers),
            "one: yes\ntwo: yes; a note\nthree: NO: it is 2 (kptr-restrict)\n    set it to 1\n"
            "this machine can NOT be patched while it runs\n");
  const auto json = preflight_json(answers);
  EXPECT_EQ(json["patchable"], false);
  EXPECT_EQ(json["answers"][1]["note"], "a note");
  EXPECT_EQ(json["answers"][2]["fault"]["code"], "kptr-restrict");
  EXPECT_EQ(json["answers"][2]["yes"], false);
}

}  // namespace
}  // namespace splicer
