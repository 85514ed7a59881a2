// SPDX-License-Identifier: GPL-2.0-or-later
//
// A key pair for one test, and what it signs, made by libcrypto without any code of ours.
//
//     const TestKey key = TestKey::ed25519();
//     folder.write("trusted.d/vendor.pem", key.public_pem());
//     folder.write("x.tar.sig", key.signature_of(tar));
#pragma once

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/package/digest.h"
#include "runtime/trust/signature_file.h"

namespace splicer {

class TestKey {
 public:
  static TestKey ed25519() { return TestKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")); }
  static TestKey rsa(std::size_t bits) { return TestKey(EVP_RSA_gen(bits)); }
  static TestKey curve(const char* name) { return TestKey(EVP_EC_gen(name)); }
  static TestKey of_kind(const char* name) {
    return TestKey(EVP_PKEY_Q_keygen(nullptr, nullptr, name));
  }

  std::string public_pem() const {
    return written([&](BIO* out) { return PEM_write_bio_PUBKEY(out, key_.get()); });
  }
  std::string private_pem() const {
    return written([&](BIO* out) {
      return PEM_write_bio_PrivateKey(out, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }
  std::string id() const {
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(key_.get(), &der);
    const std::vector<std::uint8_t> bytes(der, der + size);
    OPENSSL_free(der);
    return sha256_hex(bytes);
  }
  std::vector<std::uint8_t> sign(const std::string& text) const {
    const EVP_MD* digest =
        EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_ED25519 ? nullptr : EVP_sha512();
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    std::vector<std::uint8_t> signature(4096);
    std::size_t size = signature.size();
    EXPECT_EQ(EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_.get()), 1);
    EXPECT_EQ(EVP_DigestSign(context.get(), signature.data(), &size,
                             reinterpret_cast<const unsigned char*>(text.data()), text.size()),
              1);
    signature.resize(size);
    return signature;
  }
  // The file that goes beside a package.
  SignatureFile file_for(const std::vector<std::uint8_t>& tar,
                         const std::string& expires = kNever) const {
    SignatureFile file{id(), expires, sha512_hex(tar), {}};
    file.signature = sign(file.statement());
    return file;
  }
  std::string signature_of(const std::vector<std::uint8_t>& tar,
                           const std::string& expires = kNever) const {
    return file_for(tar, expires).text();
  }
  EVP_PKEY* get() const { return key_.get(); }

 private:
  explicit TestKey(EVP_PKEY* key) : key_(key, EVP_PKEY_free) { EXPECT_NE(key, nullptr); }
  template <typename Write>
  static std::string written(Write write) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
    EXPECT_EQ(write(out.get()), 1);
    const char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
  }
  std::shared_ptr<EVP_PKEY> key_;
};

}  // namespace splicer
