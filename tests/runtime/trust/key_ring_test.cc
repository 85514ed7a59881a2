// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/trust/key_ring.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"
#include "tests/support/test_key.h"

namespace splicer {
namespace {

class KeyRingTest : public testing::Test {
 protected:
  Result<KeyRing> read() const {
    const auto folder = OwnedFolder::find(etc_.path());
    return KeyRing::read(**folder);
  }
  std::string code() const {
    const auto ring = read();
    return ring ? "good" : ring.error().code;
  }
  TemporaryFolder etc_;
};

TEST_F(KeyRingTest, ByTheirIds) {
  EXPECT_EQ(code(), "good");  // no folder at all
  const TestKey one = TestKey::ed25519(), two = TestKey::ed25519();
  etc_.write("trusted.d/vendor.pem", one.public_pem());
  etc_.write("trusted.d/us.pem", two.public_pem());
  etc_.write("trusted.d/us.pem.dpkg-old", "rubbish");
  etc_.write("trusted.d/README", "rubbish");
  etc_.write("trusted.d/.hidden.pem", "rubbish");
  const auto ring = read();
  ASSERT_TRUE(ring) << ring.error().message;
  EXPECT_EQ(ring->find_trusted(one.id())->name, "vendor");
  EXPECT_EQ(ring->find_trusted(two.id())->name, "us");
  EXPECT_EQ(ring->find_trusted(""), nullptr);
  EXPECT_EQ(ring->find_trusted(one.id().substr(0, 16)), nullptr);
  EXPECT_EQ(ring->find_revoked(one.id()), nullptr);
}

TEST_F(KeyRingTest, RevokedWins) {
  const TestKey key = TestKey::ed25519();
  etc_.write("trusted.d/vendor.pem", key.public_pem());
  etc_.write("trusted.d/vendor-again.pem", key.public_pem());
  etc_.write("revoked.d/leaked.pem", key.public_pem());
  const auto ring = read();
  EXPECT_EQ(ring->find_trusted(key.id()), nullptr);
  EXPECT_EQ(ring->find_revoked(key.id())->name, "leaked");
}

// Written in another form, and so of another id, it is revoked all the same.
TEST_F(KeyRingTest, RevokedInAnotherForm) {
  const TestKey key = TestKey::curve("P-256");
  const std::string id = key.id();
  etc_.write("trusted.d/vendor.pem", key.public_pem());
  ASSERT_EQ(EVP_PKEY_set_utf8_string_param(key.get(), "point-format", "compressed"), 1);
  etc_.write("revoked.d/vendor.pem", key.public_pem());
  ASSERT_NE(key.id(), id);
  const auto ring = read();
  EXPECT_EQ(ring->find_trusted(id), nullptr);
  EXPECT_NE(ring->find_revoked(id), nullptr);
}

// What looks like a revocation and would be none, or what cannot be read: nobody is trusted by mistake.
TEST_F(KeyRingTest, WhatIsNoKey) {
  const std::string pem = TestKey::ed25519().public_pem();
  for (const char* folder : {"trusted.d", "revoked.d"}) {
    for (const std::string& text : {std::string(), std::string("x"), pem + pem}) {
      const std::string file = std::string(folder) + "/x.pem";
      etc_.write(file, text);
      EXPECT_EQ(code(), "key-malformed");
      EXPECT_EQ(read().error().file, etc_ / file);
      std::filesystem::remove(etc_ / file);
    }
    etc_.write(std::string(folder) + "/x.pem", TestKey::rsa(1024).public_pem());
    EXPECT_EQ(code(), "key-weak");
    std::filesystem::remove(etc_.path() / folder / "x.pem");
  }
  etc_.write("revoked.d/leaked.pub", pem);
  EXPECT_EQ(code(), "key-malformed");
  std::filesystem::remove(etc_ / "revoked.d/leaked.pub");
  etc_.write("real.pem", pem);
  etc_.link("trusted.d/x.pem", etc_ / "real.pem");
  EXPECT_EQ(code(), "trust-unsafe");
  std::filesystem::remove_all(etc_ / "trusted.d");
  etc_.write("trusted.d", pem);
  EXPECT_EQ(code(), "trust-unsafe");
}

}  // namespace
}  // namespace splicer
