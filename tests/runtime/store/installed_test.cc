// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/store/installed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

namespace splicer {
namespace {

using nlohmann::json;

InstalledUpdate sample(const std::string& id) {
  return {.id = id,
          .name = "CVE-2026-1234",
          .fixes = {"CVE-2026-1234"},
          .kernel_version = "#1 SMP Debian 6.1.192-2",
          .skip_unloaded = true,
          .engine = EngineChoice::livepatch,
          .livepatch = "livepatch_5d1f0c2e77aa9b31",
          .parts_left_out = {"kernel/fork.c, lines 12 to 18: layout-changed: struct foo"},
          .signed_by = std::string(64, 'a'),
          .left_out = "the machine went down",
          .failure_code = "kernel-busy",
          .failure = "threads are inside"};
}

// What older releases did not write.
constexpr std::string_view kYounger[] = {"engine", "livepatch", "parts_left_out"};

Installed two() { return {{sample("42acce30ee7d420c"), sample("1111111111111111")}}; }

TEST(Installed, ComesBackAsItWas) {
  EXPECT_EQ(*parse_installed(installed_text(two()), "state.json"), two());
  EXPECT_EQ(*parse_installed(installed_text({}), "state.json"), Installed());
  const ApplyMarker marker{"0b1c", sample("42acce30ee7d420c")};
  EXPECT_EQ(*parse_marker(marker_text(marker), "applying.json"), marker);
  EXPECT_EQ(two().find("1111111111111111")->id, "1111111111111111");
  EXPECT_EQ(two().find("1111"), nullptr);
}

TEST(Installed, WhatIsDamaged) {
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("[]"), std::string("{}"),
        std::string("{\"schema\": 2, \"updates\": []}"), std::string("{\"schema\": 1}"),
        std::string("{\"schema\": 1, \"updates\": {}}"), installed_text(two()).substr(0, 200),
        std::string(5u << 20, ' ') + "{}"}) {
    const auto installed = parse_installed(text, "/var/lib/splice/x/state.json");
    ASSERT_FALSE(installed) << text.substr(0, 40);
    EXPECT_EQ(installed.error().code, "store-malformed");
    EXPECT_EQ(installed.error().file, "/var/lib/splice/x/state.json");
    EXPECT_FALSE(installed.error().advice.empty());
    EXPECT_FALSE(parse_marker(text, "applying.json"));
  }
}

// Written by a release that knew one engine: it is put back as that one would have.
TEST(Installed, OfAnOlderRelease) {
  json document = json::parse(installed_text(two()));
  for (const std::string_view key : kYounger) document["updates"][0].erase(key);
  const auto installed = parse_installed(document.dump(), "x");
  ASSERT_TRUE(installed) << installed.error().message;
  EXPECT_EQ(installed->updates[0].engine, EngineChoice::stop);
  EXPECT_EQ(installed->updates[0].livepatch, "");
  EXPECT_TRUE(installed->updates[0].parts_left_out.empty());
  EXPECT_EQ(installed->updates[1], two().updates[1]);
}

TEST(Installed, AnEngineThatThereIsNot) {
  json document = json::parse(installed_text(two()));
  for (const char* word : {"", "kexec", "stop ", "STOP", "automatic"}) {
    document["updates"][0]["engine"] = word;
    const auto installed = parse_installed(document.dump(), "x");
    ASSERT_FALSE(installed) << word;
    EXPECT_EQ(installed.error().code, "store-malformed");
    EXPECT_NE(installed.error().message.find("engine"), std::string::npos);
  }
}

// Each field, in its turn, is missing, of another type, or something that no such field can be.
TEST(Installed, EveryFieldIsChecked) {
  const json whole = json::parse(installed_text(two()));
  for (const auto& [key, value] : whole["updates"][0].items()) {
    json without = whole;
    without["updates"][0].erase(key);
    const bool may_lack = std::ranges::find(kYounger, key) != std::end(kYounger);
    EXPECT_EQ(parse_installed(without.dump(), "x").has_value(), may_lack) << key;
    for (const json& wrong :
         {json(nullptr), json(7), json::array({1}), json::object(), json("\033[2J\n")}) {
      json document = whole;
      document["updates"][0][key] = wrong;
      EXPECT_FALSE(parse_installed(document.dump(), "x")) << key << wrong;
    }
  }
  json twice = whole;
  twice["updates"][1]["id"] = "42acce30ee7d420c";
  EXPECT_FALSE(parse_installed(twice.dump(), "x"));
  json elsewhere = whole;
  elsewhere["updates"][0]["id"] = "../../etc/x";
  EXPECT_FALSE(parse_installed(elsewhere.dump(), "x"));
}

// What the kernel or an update said goes into the file as a sentence, whatever was in it.
TEST(Installed, SentencesAreMadeHarmless) {
  Installed installed = two();
  installed.updates[0].failure = "pid 7 (\033[2J\n) is inside";
  installed.updates[0].parts_left_out = {"a\nb", std::string(1 << 20, 'x')};
  EXPECT_EQ(parse_installed(installed_text(installed), "x")->updates[0].failure,
            "pid 7 ( [2J ) is inside");
  EXPECT_EQ(parse_installed(installed_text(installed), "x")->updates[0].parts_left_out,
            (std::vector<std::string>{"a b", std::string(4096, 'x')}));
}

TEST(Installed, NoMoreThanThereCanBe) {
  Installed many;
  for (int i = 0; i <= 4096; ++i) {
    many.updates.push_back(sample("42acce30ee7d0000"));
    for (int digit = 0, rest = i; digit < 4; ++digit, rest /= 16)
      many.updates.back().id[12 + digit] = "0123456789abcdef"[rest % 16];
  }
  EXPECT_FALSE(parse_installed(installed_text(many), "x"));
  many.updates.pop_back();
  EXPECT_TRUE(parse_installed(installed_text(many), "x"));
}

}  // namespace
}  // namespace splicer
