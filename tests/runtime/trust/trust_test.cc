// SPDX-License-Identifier: GPL-2.0-or-later
//
// Everything that somebody could hand over in place of a package and its signature.
#include "runtime/trust/trust.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "tests/support/sample_package.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_key.h"

namespace splicer {
namespace {

using Bytes = std::vector<std::uint8_t>;

class TrustTest : public testing::Test {
 protected:
  TrustTest() {
    folder_.write("etc/splice.conf", "require-signature = yes\n");
    folder_.write("etc/trusted.d/vendor.pem", key_.public_pem());
    package_ = sample_package();
    tar_ = write_package(package_).value();
    write_tar(tar_);
    sign(key_.signature_of(tar_));
  }
  void write_tar(const Bytes& bytes) const {
    folder_.write("x.tar", std::string(bytes.begin(), bytes.end()));
  }
  void sign(const std::string& text) const { folder_.write("x.tar.sig", text); }
  void require(const char* what) const {
    folder_.write("etc/splice.conf", std::string("require-signature = ") + what + "\n");
  }
  Result<AdmittedPackage> admit(Moment moment = Moment::taken_in) const {
    const auto trust = Trust::read(folder_ / "etc");
    if (!trust) return propagate(trust);
    auto given = read_signed(folder_ / "x.tar", "");
    if (!given) return propagate(given);
    return trust->admit(std::move(*given), moment);
  }
  std::string code(Moment moment = Moment::taken_in) const {
    const auto admitted = admit(moment);
    if (admitted) return admitted->warning().empty() ? "good" : "warned";
    EXPECT_FALSE(admitted.error().advice.empty());
    EXPECT_FALSE(admitted.error().file.empty());
    return admitted.error().code;
  }
  TemporaryFolder folder_;
  TestKey key_ = TestKey::ed25519();
  Package package_;
  Bytes tar_;
};

TEST_F(TrustTest, Essay) {
  const std::string folder = folder_ / "etc", path = folder_ / "x.tar";
  // [example runtime/trust/trust.h]
  const auto trust = Trust::read(folder);  // /etc/splice
  auto given = read_signed(path, "");      // all of it, once, and PATH.sig beside it
  auto admitted = trust->admit(std::move(*given), Moment::taken_in);
  auto package = admitted->parse();  // of the very bytes that were checked
  // [end]
  ASSERT_TRUE(package) << package.error().message;
  EXPECT_EQ(package->manifest.id, package_.manifest.id);
  EXPECT_EQ(admitted->bytes(), tar_);
  EXPECT_EQ(admitted->verdict().text(), "signed by vendor (" + key_.id().substr(0, 16) + ")");
  EXPECT_EQ(
      verdict_json(admitted->verdict()),
      (nlohmann::json{
          {"state", "trusted"}, {"key", key_.id()}, {"name", "vendor"}, {"expires", "never"}}));
  EXPECT_EQ(admitted->warning(), "");
}

TEST_F(TrustTest, WithoutASignature) {
  std::filesystem::remove(folder_ / "x.tar.sig");
  EXPECT_EQ(code(), "not-signed");
  EXPECT_EQ(admit().error().exit, ExitCode::bad_package);
  require("no");
  EXPECT_EQ(admit()->warning(), "the package is not signed");
  std::filesystem::remove(folder_ / "etc/splice.conf");
  EXPECT_EQ(admit()->warning(), "the package is not signed; " + (folder_ / "etc").string() +
                                    "/splice.conf, which could require a signature, is not there");
  std::filesystem::remove_all(folder_ / "etc");
  EXPECT_EQ(code(), "warned");
}

TEST_F(TrustTest, OfAnUnknownKey) {
  sign(TestKey::ed25519().signature_of(tar_));
  EXPECT_EQ(code(), "key-unknown");
  require("no");
  EXPECT_EQ(code(), "warned");
  // It is known by its id; whoever only says that he has the key is found out.
  SignatureFile file = TestKey::ed25519().file_for(tar_);
  file.key = key_.id();
  sign(file.text());
  EXPECT_EQ(code(), "signature-bad");
}

// Whatever the policy is.
TEST_F(TrustTest, ABadSignatureIsRefused) {
  Package other = sample_package();
  other.manifest.tool_version = "0.1.1";
  const Bytes other_tar = write_package(other).value();
  SignatureFile damaged = key_.file_for(tar_);
  damaged.signature[7] ^= 1;
  SignatureFile prolonged = key_.file_for(tar_, "2020-01-01");
  prolonged.expires = kNever;
  for (const char* policy : {"yes", "no"}) {
    require(policy);
    sign(key_.signature_of(other_tar));
    EXPECT_EQ(code(), "signature-mismatch");
    // The digest of this package, in the statement that was made for another.
    SignatureFile swapped = key_.file_for(other_tar);
    swapped.sha512 = sha512_hex(tar_);
    sign(swapped.text());
    EXPECT_EQ(code(), "signature-bad");
    sign(damaged.text());
    EXPECT_EQ(code(), "signature-bad");
    sign(prolonged.text());
    EXPECT_EQ(code(), "signature-bad");
    sign("");
    EXPECT_EQ(code(), "signature-stripped");
    sign(key_.file_for(tar_).statement());
    EXPECT_EQ(code(), "signature-stripped");
    sign("rubbish\n");
    EXPECT_EQ(code(), "signature-malformed");
    sign(std::string(1u << 20, 'x'));
    EXPECT_EQ(code(), "signature-malformed");
  }
}

// One byte more, less, or another: before anything of the archive is parsed.
TEST_F(TrustTest, APackageThatWasChanged) {
  Bytes changed = tar_;
  changed.push_back(0);
  write_tar(changed);
  EXPECT_EQ(code(), "signature-mismatch");
  write_tar(Bytes(tar_.begin(), tar_.end() - 512));
  EXPECT_EQ(code(), "signature-mismatch");
  changed = tar_;
  changed[100] ^= 1;
  write_tar(changed);
  EXPECT_EQ(code(), "signature-mismatch");
  write_tar({});
  EXPECT_EQ(code(), "signature-mismatch");
}

TEST_F(TrustTest, OfARevokedKey) {
  folder_.write("etc/revoked.d/2026-leak.pem", key_.public_pem());
  for (const char* policy : {"yes", "no"}) {
    require(policy);
    EXPECT_EQ(code(), "key-revoked");
    EXPECT_EQ(code(Moment::put_back), "key-revoked");
  }
  std::filesystem::remove(folder_ / "etc/trusted.d/vendor.pem");
  EXPECT_EQ(code(), "key-revoked");
}

TEST_F(TrustTest, ThatHasExpired) {
  sign(key_.signature_of(tar_, "2020-02-29"));
  EXPECT_EQ(code(), "signature-expired");
  require("no");
  EXPECT_EQ(code(), "signature-expired");
  EXPECT_EQ(code(Moment::put_back), "good");
  sign(key_.signature_of(tar_, today()));
  EXPECT_EQ(code(), "good");
  EXPECT_EQ(admit()->verdict().text(),
            "signed by vendor (" + key_.id().substr(0, 16) + "), until " + today());
  sign(key_.signature_of(tar_, "9999-12-31"));
  EXPECT_EQ(code(), "good");
}

// A key goes, another comes; both count meanwhile.
TEST_F(TrustTest, ANewKeyForAnOldOne) {
  const TestKey fresh = TestKey::curve("P-384");
  folder_.write("etc/trusted.d/vendor-2027.pem", fresh.public_pem());
  EXPECT_EQ(code(), "good");
  sign(fresh.signature_of(tar_));
  EXPECT_EQ(code(), "good");
  std::filesystem::rename(folder_ / "etc/trusted.d/vendor.pem", folder_ / "etc/revoked.pem");
  EXPECT_EQ(code(), "good");
  sign(key_.signature_of(tar_));
  EXPECT_EQ(code(), "key-unknown");
}

TEST_F(TrustTest, WhatDecidesIsNotToBeBelieved) {
  chmod((folder_ / "etc/splice.conf").c_str(), 0666);
  EXPECT_EQ(code(), "trust-unsafe");
  chmod((folder_ / "etc/splice.conf").c_str(), 0644);
  folder_.write("etc/splice.conf", "require-signature = yse\n");
  EXPECT_EQ(code(), "config-malformed");
  require("no");
  folder_.write("etc/revoked.d/x.pem", "rubbish");
  EXPECT_EQ(code(), "key-malformed");
}

// What is in the file's place after it was read is not looked at.
TEST_F(TrustTest, ReadOnce) {
  const auto trust = Trust::read(folder_ / "etc");
  auto given = read_signed(folder_ / "x.tar", "");
  write_tar(bytes_of("another"));
  sign("another");
  const auto admitted = trust->admit(std::move(*given), Moment::taken_in);
  ASSERT_TRUE(admitted);
  EXPECT_EQ(admitted->parse()->manifest.id, package_.manifest.id);
}

TEST_F(TrustTest, WhereTheSignatureIs) {
  std::filesystem::rename(folder_ / "x.tar.sig", folder_ / "elsewhere");
  EXPECT_FALSE(read_signed(folder_ / "x.tar", "")->signature);
  EXPECT_TRUE(read_signed(folder_ / "x.tar", folder_ / "elsewhere")->signature);
  EXPECT_EQ(read_signed(folder_ / "x.tar", folder_ / "none").error().code, "file-unreadable");
  EXPECT_EQ(read_signed(folder_ / "none", "").error().code, "file-unreadable");
  // A link to it is as good: what counts is what is signed.
  folder_.link("x.tar.sig", folder_ / "elsewhere");
  EXPECT_EQ(code(), "good");
  std::filesystem::remove(folder_ / "x.tar.sig");
  std::filesystem::create_directory(folder_ / "x.tar.sig");
  EXPECT_EQ(code(), "file-unreadable");
  std::filesystem::remove(folder_ / "x.tar.sig");
  folder_.link("x.tar.sig", "/dev/zero");
  EXPECT_EQ(code(), "file-unreadable");
  std::filesystem::remove(folder_ / "x.tar.sig");
  ASSERT_EQ(mkfifo((folder_ / "x.tar.sig").c_str(), 0600), 0);
  EXPECT_EQ(code(), "file-unreadable");
}

TEST_F(TrustTest, WhatIsKnownOfAKey) {
  folder_.write("etc/revoked.d/old.pem", TestKey::rsa(2048).public_pem());
  const auto trust = Trust::read(folder_ / "etc");
  EXPECT_EQ(trust->standing_of("").text(), "not signed");
  EXPECT_EQ(trust->standing_of(key_.id()).state, Signature::trusted);
  EXPECT_EQ(trust->standing_of(std::string(64, 'a')).text(),
            "signed by key aaaaaaaaaaaaaaaa, which is not trusted here");
  folder_.write("etc/revoked.d/leaked.pem", key_.public_pem());
  EXPECT_EQ(Trust::read(folder_ / "etc")->standing_of(key_.id()).text(),
            "signed by leaked (" + key_.id().substr(0, 16) + "), a key that is REVOKED");
}

}  // namespace
}  // namespace splicer
