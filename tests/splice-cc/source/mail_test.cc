// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/source/mail.h"

#include <gtest/gtest.h>

namespace splicer {
namespace {

const std::string kDiff =
    "--- a/f.c\n+++ b/f.c\n@@ -1 +1 @@\n-int a = 1;\n+int a = 2; /* \xc3\xa4 */\n";
const std::string kText = "A fix.\n\n" + kDiff;

std::string mail(const std::string& encoding, const std::string& body) {
  return "Subject: [PATCH] f\nContent-Transfer-Encoding: " + encoding + "\n\n" + body;
}
std::string body(const std::string& text) {
  const auto plain = text_of_mail(text, "x.patch");
  EXPECT_TRUE(plain) << plain.error().message;
  return plain ? plain->substr(plain->find("\n\n") + 2) : "";
}

TEST(Mail, WhatIsNoMailStays) {
  for (const std::string& text : {kDiff, kText, std::string(), std::string("\n\n")})
    EXPECT_EQ(*text_of_mail(text, "x.patch"), text);
  EXPECT_EQ(body(mail("8bit", kText)), kText);
  const std::string said = "Content-Transfer-Encoding: base64 is what the mail had\n" + kDiff;
  EXPECT_EQ(*text_of_mail(said, "x.patch"), said) << "not in headers";
}

TEST(Mail, Base64) {
  const std::string encoded =
      "QSBmaXguCgotLS0gYS9mLmMKKysrIGIvZi5jCkBAIC0xICsxIEBACi1pbnQgYSA9IDE7CitpbnQg\n"
      "YSA9IDI7IC8qIMOkICovCg==\n";
  EXPECT_EQ(body(mail("base64", encoded)), kText);
  EXPECT_EQ(body(mail("BASE64", encoded)), kText);
  EXPECT_EQ(body(mail("base64", encoded + "-- \nthe list\n")), kText) << "a list's footer";
  EXPECT_EQ(text_of_mail(mail("base64", "QSB\x01"), "x.patch").error().code, "patch-malformed");
}

TEST(Mail, QuotedPrintable) {
  EXPECT_EQ(
      body(mail("quoted-printable",
                "A fix.\n\n--- a/f.c\n+++ b/f.c\n@@ -1 +1 @@\n-int a =3D 1;\n+int a=\n =3D 2; "
                "/* =C3=a4 */\n")),
      kText);
  EXPECT_EQ(text_of_mail(mail("quoted-printable", "a =X1"), "x.patch").error().code,
            "patch-malformed");
  EXPECT_EQ(text_of_mail(mail("quoted-printable", "a =3"), "x.patch").error().code,
            "patch-malformed");
  EXPECT_EQ(body(mail("quoted-printable", "a =")), "a ");
}

TEST(Mail, CarriageReturns) {
  std::string wire;
  for (const char c : kText) wire += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_EQ(*text_of_mail(wire, "x.patch"), kText);
  const std::string one = "+a\r\n+b\n";  // a line of a file that has them
  EXPECT_EQ(*text_of_mail(one, "x.patch"), one);
}

}  // namespace
}  // namespace splicer
