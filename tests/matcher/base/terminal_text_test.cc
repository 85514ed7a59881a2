// SPDX-License-Identifier: GPL-2.0-or-later
//
// What reaches a terminal: text as it is, but nothing that the terminal would obey.
#include "matcher/base/terminal_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace splicer {
namespace {

TEST(TerminalText, Example) {
  // [values matcher/base/terminal_text.h]
  EXPECT_EQ(terminal_text("a \033[2J b\n"), "a ?[2J b\n");
  EXPECT_EQ(terminal_line("f\nerror: g"), "f?error: g");
  EXPECT_EQ(json_text("\"\u009b2J\""), "\"\\u009b2J\"");
  // [end]
}

TEST(TerminalText, PlainTextStays) {
  for (const char* text : {"", "copy_process+0x12 [tun]", "one\n\ttwo\n", "Grüße, 日本, 🐧",
                           "\u00a0\u200d\ufeff\U0010ffff"})
    EXPECT_EQ(terminal_text(text), text);
}

TEST(TerminalText, ControlCharacters) {
  EXPECT_EQ(terminal_text("a \033[2J b"), "a ?[2J b");
  EXPECT_EQ(terminal_text("\033]0;title\007"), "?]0;title?");
  EXPECT_EQ(terminal_text(std::string_view("a\0b\rc\x7f", 6)), "a?b?c?");
  EXPECT_EQ(terminal_text("a\u0080\u009b2Jb\u009f"), "a??2Jb?");  // C1: U+009B begins a sequence
}

TEST(TerminalText, TextFromRightToLeft) {
  for (const char* control : {"\u061c", "\u200e", "\u200f", "\u202a", "\u202e", "\u2066", "\u2069"})
    EXPECT_EQ(terminal_text("a" + std::string(control) + "b"), "a?b");
  EXPECT_EQ(terminal_text("\u05e9\u05dc\u05d5\u05dd"), "\u05e9\u05dc\u05d5\u05dd");
}

TEST(TerminalText, BytesThatAreNoCharacter) {
  EXPECT_EQ(terminal_text("a\xff\xfe"), "a??");
  EXPECT_EQ(terminal_text("\x9b"), "?");  // C1 of ISO 8859-1
  EXPECT_EQ(terminal_text("\xc3"), "?");  // cut short
  EXPECT_EQ(terminal_text("\xe2\x80"), "??");
  EXPECT_EQ(terminal_text("\xc0\x9b\xe0\x82\x9b"), "?????");  // overlong
  EXPECT_EQ(terminal_text("\xed\xa0\x80"), "???");            // a surrogate
  EXPECT_EQ(terminal_text("\xf4\x90\x80\x80"), "????");       // behind the last code point
  EXPECT_EQ(terminal_text("\xc3\x28"), "?(");
}

TEST(TerminalText, AName) {
  EXPECT_EQ(terminal_line("f\nerror: g\th"), "f?error: g?h");
  EXPECT_EQ(terminal_line("copy_process"), "copy_process");
}

TEST(TerminalText, ADocumentLosesNothing) {
  const std::string name = "a\u009b\u202e\u2028\x7f\tb\u00e4";
  const std::string document = nlohmann::json{{"name", name}}.dump(2);
  const std::string text = json_text(document);
  EXPECT_EQ(text, "{\n  \"name\": \"a\\u009b\\u202e\\u2028\\u007f\\tb\u00e4\"\n}");
  EXPECT_EQ(nlohmann::json::parse(text)["name"], name);
}

}  // namespace
}  // namespace splicer
