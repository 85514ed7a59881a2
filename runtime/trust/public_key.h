// SPDX-License-Identifier: GPL-2.0-or-later
//
// A key by which packages are signed, its public half.
//
//     auto key = PublicKey::parse(pem, "/etc/splice/trusted.d/vendor.pem");
//     if (key->id() == wanted) return key->verifies(statement, signature);  // its id is SHA-256 of it in DER
//
// Ed25519; ECDSA on P-256, P-384 or P-521 with SHA-512; RSA of 2048 to 16384 bits (PKCS #1 v1.5) with
// SHA-512. All of it is libcrypto's. The key alone decides how it is used, so that no file that is to be
// checked does.
//
// Invariant: a PublicKey is of one of these kinds, and no file holds a second one that would be
// overlooked.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/result.h"

// Of <openssl/evp.h>.
struct evp_pkey_st;
struct evp_md_st;

namespace splicer {

inline constexpr std::size_t kMaxKeyFile = 64u << 10;

class PublicKey {
 public:
  // One key in PEM ("BEGIN PUBLIC KEY"). Errors: "key-malformed", "key-weak".
  static Result<PublicKey> parse(std::string_view pem, const std::string& file);
  // The public half of a key; what is passed is not kept. Errors: "key-weak".
  static Result<PublicKey> of(const evp_pkey_st& key, const std::string& file);

  const std::string& id() const { return id_; }
  // "Ed25519", "ECDSA P-256", "RSA 3072"
  const std::string& kind() const { return kind_; }
  // By which texts are signed; nullptr for a kind that has its own.
  const evp_md_st* digest() const;
  // Is it the same key, however it is written? An elliptic curve's point has two forms, and so two ids.
  bool is_same(const PublicKey& other) const;
  // Linear in the text. Of any bytes as the signature.
  bool verifies(std::string_view text, std::span<const std::uint8_t> signature) const;

 private:
  PublicKey() = default;
  std::shared_ptr<evp_pkey_st> key_;
  std::string id_;
  std::string kind_;
};

}  // namespace splicer
