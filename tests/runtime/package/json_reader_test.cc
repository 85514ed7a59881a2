// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/package/json_reader.h"

#include <gtest/gtest.h>

namespace splicer {
namespace {

using nlohmann::json;

const JsonComplaint kComplaint{ExitCode::bad_package, "package-manifest", "manifest.json",
                               "get it again"};

Result<std::string> tool_version(const json& document, const std::string& file) {
  struct {
    std::string tool_version;
  } manifest;
  // [example runtime/package/json_reader.h]
  JsonReader in({ExitCode::bad_package, "package-manifest", "manifest.json", "get it again"}, file);
  manifest.tool_version = in.words(document, "manifest", "tool_version");
  if (in.failed()) return Failure(in.take_error());
  // [end]
  return manifest.tool_version;
}

TEST(JsonReader, Essay) {
  EXPECT_EQ(*tool_version({{"tool_version", "0.1.0 dirty"}}, "x.tar"), "0.1.0 dirty");
  const auto wrong = tool_version({{"tool_version", "a\nb"}}, "x.tar");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, "package-manifest");
  EXPECT_EQ(wrong.error().exit, ExitCode::bad_package);
  EXPECT_EQ(wrong.error().message, "manifest.json: manifest.tool_version is not a short text");
  EXPECT_EQ(wrong.error().file, "x.tar");
}

TEST(JsonReader, TheFirstFaultStays) {
  JsonReader in(kComplaint, "x.tar");
  EXPECT_EQ(in.number({{"a", -1}}, "it", "a", 9), 0u);
  EXPECT_EQ(in.name({{"b", "good"}}, "it", "b"), "");
  in.rows({{"c", {1, 2}}}, "it", "c", [](const json&, const std::string&) { FAIL(); });
  EXPECT_NE(in.take_error().message.find("it.a"), std::string::npos);
}

TEST(JsonReader, DocumentsBeyondTheLimits) {
  EXPECT_TRUE(parse_json_object("{}"));
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("1"), std::string("{"), std::string("{} {}"),
        "{\"a\":" + std::string(100, '[') + std::string(100, ']') + "}",
        "{\"a\":" + std::string(1000000, '['), std::string("{\"a\": 1e999}")})
    EXPECT_FALSE(parse_json_object(text)) << text.substr(0, 40);
}

TEST(JsonReader, TextWithoutControls) {
  EXPECT_EQ(without_controls("a\033[2J\tb\x7f\xc2\x9b\xc3\xa4"), "a [2J b  \xc3\xa4");
  EXPECT_TRUE(is_plain_text("a b", true));
  EXPECT_FALSE(is_plain_text("a b", false));
  EXPECT_FALSE(is_plain_text("\xc3\xa4", true));
}

}  // namespace
}  // namespace splicer
