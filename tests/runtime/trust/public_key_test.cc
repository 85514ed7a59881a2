// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/trust/public_key.h"

#include <gtest/gtest.h>

#include "tests/support/test_key.h"

namespace splicer {
namespace {

std::string code(const std::string& pem) {
  const auto key = PublicKey::parse(pem, "vendor.pem");
  if (key) return "good";
  EXPECT_EQ(key.error().file, "vendor.pem");
  EXPECT_FALSE(key.error().advice.empty());
  return key.error().code;
}

TEST(PublicKey, Essay) {
  const TestKey pair = TestKey::ed25519();
  const std::string pem = pair.public_pem();
  const std::string wanted = pair.id();
  const std::string statement = "a statement";
  const auto signature = pair.sign(statement);
  const auto verified = [&] {
    // [example runtime/trust/public_key.h]
    auto key = PublicKey::parse(pem, "/etc/splice/trusted.d/vendor.pem");
    if (key->id() == wanted) return key->verifies(statement, signature);
    // [end]
    return false;
  };
  EXPECT_TRUE(verified());
}

TEST(PublicKey, OfEachKind) {
  const std::pair<TestKey, const char*> kinds[] = {{TestKey::ed25519(), "Ed25519"},
                                                   {TestKey::curve("P-256"), "ECDSA P-256"},
                                                   {TestKey::curve("P-384"), "ECDSA P-384"},
                                                   {TestKey::curve("P-521"), "ECDSA P-521"},
                                                   {TestKey::rsa(2048), "RSA 2048"}};
  const std::string text = "a statement\n";
  for (const auto& [pair, kind] : kinds) {
    const auto key = PublicKey::parse(pair.public_pem(), "x");
    ASSERT_TRUE(key) << kind << key.error().message;
    EXPECT_EQ(key->kind(), kind);
    EXPECT_EQ(key->id(), pair.id());
    std::vector<std::uint8_t> signature = pair.sign(text);
    EXPECT_TRUE(key->verifies(text, signature)) << kind;
    EXPECT_FALSE(key->verifies(text + " ", signature));
    EXPECT_FALSE(key->verifies("", signature));
    EXPECT_FALSE(key->verifies(text, {}));
    for (const auto& [other, name] : kinds)
      EXPECT_EQ(key->verifies(text, other.sign(text)), name == kind) << name;
    std::vector<std::uint8_t> longer = signature;
    longer.push_back(0);
    EXPECT_FALSE(key->verifies(text, longer));
    signature[signature.size() / 2] ^= 1;
    EXPECT_FALSE(key->verifies(text, signature));
  }
}

TEST(PublicKey, NoOtherKinds) {
  EXPECT_EQ(code(TestKey::rsa(1024).public_pem()), "key-weak");
  EXPECT_EQ(code(TestKey::curve("secp256k1").public_pem()), "key-weak");
  EXPECT_EQ(code(TestKey::curve("secp224r1").public_pem()), "key-weak");
  EXPECT_EQ(code(TestKey::of_kind("X25519").public_pem()), "key-weak");
  EXPECT_EQ(code(TestKey::of_kind("ED448").public_pem()), "key-weak");
}

TEST(PublicKey, WhatIsNone) {
  const TestKey pair = TestKey::ed25519();
  const std::string pem = pair.public_pem();
  std::string certificate = pem;
  for (std::size_t at; (at = certificate.find("PUBLIC KEY")) != std::string::npos;)
    certificate.replace(at, 10, "CERTIFICATE");
  for (const std::string& text :
       {std::string(), std::string("x"), std::string(kMaxKeyFile + 1, ' '), pair.private_pem(),
        pem + pair.private_pem(), pem + pem, certificate, pem + certificate, certificate + pem,
        pem.substr(0, pem.size() / 2), pem + std::string(1, '\0'),
        std::string("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n"),
        // Nobody is asked for what would open it.
        std::string("-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: "
                    "AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAA\n-----END PUBLIC "
                    "KEY-----\n")})
    EXPECT_EQ(code(text), "key-malformed") << text.substr(0, 80);
  EXPECT_EQ(code("# a comment is no harm\n" + pem), "good");
}

// The two forms of a curve's point are two texts of one key.
TEST(PublicKey, TheSameInAnotherForm) {
  const TestKey pair = TestKey::curve("P-256");
  const auto one = PublicKey::parse(pair.public_pem(), "x");
  ASSERT_EQ(EVP_PKEY_set_utf8_string_param(pair.get(), "point-format", "compressed"), 1);
  const auto other = PublicKey::parse(pair.public_pem(), "x");
  ASSERT_TRUE(one && other);
  EXPECT_NE(one->id(), other->id());
  EXPECT_TRUE(one->is_same(*other));
  EXPECT_FALSE(one->is_same(*PublicKey::parse(TestKey::curve("P-256").public_pem(), "x")));
  EXPECT_FALSE(one->is_same(*PublicKey::parse(TestKey::ed25519().public_pem(), "x")));
}

}  // namespace
}  // namespace splicer
