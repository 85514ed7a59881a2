// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/module/sign_package.h"

#include <gtest/gtest.h>

#include "runtime/trust/public_key.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_key.h"

namespace splicer {
namespace {

class SignPackage : public testing::Test {
 protected:
  TemporaryFolder folder_;
  std::vector<std::uint8_t> tar_ = {1, 2, 3};
};

TEST_F(SignPackage, ByEachKind) {
  for (const TestKey& pair : {TestKey::ed25519(), TestKey::curve("P-256"), TestKey::rsa(2048)}) {
    const auto key = PackageKey::load(folder_.write("key.pem", pair.private_pem()));
    ASSERT_TRUE(key) << key.error().message;
    const auto text = key->sign(tar_, "2027-06-30");
    ASSERT_TRUE(text) << text.error().message;
    const auto file = parse_signature(*text, "x.tar.sig");
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->key, pair.id());
    EXPECT_EQ(file->expires, "2027-06-30");
    EXPECT_EQ(file->sha512, sha512_hex(tar_));
    EXPECT_TRUE(
        PublicKey::parse(pair.public_pem(), "x")->verifies(file->statement(), file->signature));
  }
}

TEST_F(SignPackage, TheSameAgain) {
  const auto key = PackageKey::load(folder_.write("key.pem", TestKey::ed25519().private_pem()));
  EXPECT_EQ(*key->sign(tar_, kNever), *key->sign(tar_, kNever));
}

TEST_F(SignPackage, WhatIsNoKeyForIt) {
  const auto code = [&](const std::string& text) {
    const auto key = PackageKey::load(folder_.write("key.pem", text));
    return key ? "good" : key.error().code;
  };
  const TestKey pair = TestKey::ed25519();
  EXPECT_EQ(code(""), "signing-key");
  EXPECT_EQ(code("rubbish"), "signing-key");
  EXPECT_EQ(code(pair.public_pem()), "signing-key");
  EXPECT_EQ(code(TestKey::rsa(1024).private_pem()), "key-weak");
  EXPECT_EQ(code(TestKey::of_kind("X25519").private_pem()), "key-weak");
  EXPECT_EQ(PackageKey::load(folder_ / "none.pem").error().code, "signing-key");
}

}  // namespace
}  // namespace splicer
