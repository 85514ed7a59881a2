// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/trust/signature_file.h"

#include <gtest/gtest.h>

namespace splicer {
namespace {

SignatureFile sample(std::size_t size = 64) {
  return {std::string(64, 'a'), "2027-06-30", std::string(128, 'b'),
          std::vector<std::uint8_t>(size, 0xfe)};
}

std::string code(const std::string& text) {
  const auto file = parse_signature(text, "x.tar.sig");
  if (file) return "good";
  EXPECT_EQ(file.error().file, "x.tar.sig");
  EXPECT_EQ(file.error().exit, ExitCode::bad_package);
  EXPECT_FALSE(file.error().advice.empty());
  return file.error().code;
}

std::string replaced(std::string text, const std::string& old, const std::string& fresh) {
  const std::size_t at = text.find(old);
  EXPECT_NE(at, std::string::npos) << old;
  return text.replace(at, old.size(), fresh);
}

TEST(SignatureFile, ComesBackAsItWas) {
  // Each length of base64's padding; 2048 is that of an RSA key of 16384 bits.
  for (const std::size_t size : {64u, 70u, 71u, 72u, 256u, 2048u}) {
    const SignatureFile file = sample(size);
    const auto again = parse_signature(file.text(), "x.tar.sig");
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->text(), file.text());
    EXPECT_EQ(again->signature, file.signature);
    EXPECT_LT(file.text().size(), kMaxSignatureFile);
  }
  SignatureFile never = sample();
  never.expires = kNever;
  EXPECT_EQ(code(never.text()), "good");
}

// What openssl is given to sign, in splice-package(5).
TEST(SignatureFile, TheStatement) {
  EXPECT_EQ(sample().statement(), "splice-signature 1\nkey " + std::string(64, 'a') +
                                      "\nexpires 2027-06-30\nsha512 " + std::string(128, 'b') +
                                      "\n");
  EXPECT_TRUE(sample().text().starts_with(sample().statement() + "signature /v7+"));
}

TEST(SignatureFile, WithoutItsSignature) {
  EXPECT_EQ(code(""), "signature-stripped");
  EXPECT_EQ(code(sample().statement()), "signature-stripped");
}

// Whatever differs from what text() writes is refused, however harmless it looks.
TEST(SignatureFile, NoSecondWayToWriteIt) {
  const std::string good = sample().text();
  for (const std::string& text :
       {good + "\n",
        good + good,
        good + "x",
        good + std::string(1, '\0'),
        " " + good,
        "\n" + good,
        "\xef\xbb\xbf" + good,
        good.substr(0, good.size() - 1),
        replaced(good, "\n", "\r\n"),
        replaced(good, "key a", "key  a"),
        replaced(good, "key a", "key\ta"),
        replaced(good, "key a", "Key a"),
        replaced(good, "key a", "key A"),
        replaced(good, "key a", "key " + std::string(1, '\0')),
        replaced(good, "key aa", "key a"),
        replaced(good, "key a", "key aa"),
        replaced(good, "sha512 bb", "sha512 b"),
        replaced(good, "sha512", "sha256"),
        replaced(good, "expires 2027-06-30\n", ""),
        replaced(good, "2027-06-30", ""),
        replaced(good, "2027-06-30", "2027-02-29"),
        replaced(good, "2027-06-30", "2027-6-30"),
        replaced(good, "2027-06-30", "Never"),
        replaced(good, "2027-06-30", "1999-01-01"),
        replaced(good, "2027-06-30", "+027-06-30"),
        replaced(good, "2027-06-30", "2027-06- 3"),
        replaced(good, "expires 2027-06-30\n", "expires 2027-06-30\nexpires never\n"),
        replaced(good, "signature 1", "signature 2"),
        replaced(good, "signature 1", "signature 01"),
        replaced(good, "splice-signature 1\n", "splice-signature\n"),
        replaced(good, "splice-signature 1\n", "")})
    EXPECT_EQ(code(text), "signature-malformed") << text;
}

TEST(SignatureFile, Base64HasOneForm) {
  const std::string statement = sample().statement() + "signature ";
  for (const char* text : {"", " ", "=", "====", "AA", "AAA", "AA==A",
                           "AB==", "AAB=", "A===", "AA== ", " AAAA", "AA AA", "AA-_", "AAAA\n"})
    EXPECT_EQ(code(statement + text + "\n"), "signature-malformed") << text;
  for (const char* text : {"AA==", "AAA=", "AAAA"})
    EXPECT_EQ(code(statement + text + "\n"), "good");
}

TEST(SignatureFile, OfAnyLength) {
  EXPECT_EQ(code(sample(4096).text()), "signature-malformed");
  EXPECT_EQ(code(std::string(1u << 20, '\n')), "signature-malformed");
  EXPECT_EQ(code(std::string(kMaxSignatureFile, '\0')), "signature-malformed");
  const std::string good = sample().text();
  for (std::size_t size = 1; size < good.size(); ++size)
    EXPECT_EQ(code(good.substr(0, size)),
              size == sample().statement().size() ? "signature-stripped" : "signature-malformed");
}

TEST(SignatureFile, OfAnotherRelease) {
  const auto file = parse_signature("splice-signature 2\nanything\n", "x.tar.sig");
  EXPECT_EQ(file.error().message, "the signature cannot be read: its format is of another release");
}

TEST(SignatureFile, Dates) {
  for (const char* date : {"2024-02-29", "2000-01-01", "9999-12-31"}) EXPECT_TRUE(is_date(date));
  for (const char* date : {"", "2023-02-29", "2027-13-01", "2027-00-01", "2027-01-00", "2027-01-32",
                           "2027/01/01", "27-01-01", "2027-01-011", "-001-01-01", "2027-01-1x"})
    EXPECT_FALSE(is_date(date)) << date;
  EXPECT_TRUE(is_date(today()));
  EXPECT_GT(today(), "2026-01-01");
}

}  // namespace
}  // namespace splicer
