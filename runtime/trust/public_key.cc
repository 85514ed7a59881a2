// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/trust/public_key.h"

#include <fmt/core.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>

#include "runtime/package/digest.h"

namespace splicer {

namespace {

constexpr int kMinRsaBits = 2048;
constexpr int kMaxRsaBits = 16384;
constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kBeginPublic = "-----BEGIN PUBLIC KEY-----";

struct Freeing {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

Failure malformed(const std::string& message, const std::string& file) {
  return fail(ExitCode::error, "key-malformed", message)
      .at_file(file)
      .hint("put the public key there: openssl pkey -in key.pem -pubout -out NAME.pem");
}

// PEM allows for encrypted public keys; nobody is asked on a terminal for what opens one.
int no_passphrase(char*, int, int, void*) { return -1; }

// "ECDSA P-256", or nothing for a curve that nobody should use, or that the key brings itself.
std::string curve_of(const EVP_PKEY& key) {
  constexpr std::pair<std::string_view, const char*> kCurves[] = {
      {"prime256v1", "ECDSA P-256"}, {"secp384r1", "ECDSA P-384"}, {"secp521r1", "ECDSA P-521"}};
  std::array<char, 80> name{};
  if (EVP_PKEY_get_group_name(&key, name.data(), name.size(), nullptr) != 1) return {};
  for (const auto& [curve, kind] : kCurves)
    if (curve == name.data()) return kind;
  return {};
}

// Nothing for a key that is not used here.
std::string kind_of(const EVP_PKEY& key) {
  switch (EVP_PKEY_get_base_id(&key)) {
    case EVP_PKEY_ED25519:
      return "Ed25519";
    case EVP_PKEY_EC:
      return curve_of(key);
    case EVP_PKEY_RSA: {
      const int bits = EVP_PKEY_get_bits(&key);
      return bits >= kMinRsaBits && bits <= kMaxRsaBits ? fmt::format("RSA {}", bits)
                                                        : std::string();
    }
    default:
      return {};
  }
}

std::vector<std::uint8_t> encoded(const EVP_PKEY& key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(&key, &der);
  std::vector<std::uint8_t> bytes;
  if (size > 0) bytes.assign(der, der + size);
  OPENSSL_free(der);
  ERR_clear_error();
  return bytes;
}

}  // namespace

Result<PublicKey> PublicKey::of(const EVP_PKEY& key, const std::string& file) {
  PublicKey found;
  found.kind_ = kind_of(key);
  const std::vector<std::uint8_t> der = encoded(key);
  const unsigned char* in = der.data();
  if (!found.kind_.empty() && !der.empty())
    found.key_ = {d2i_PUBKEY(nullptr, &in, static_cast<long>(der.size())), EVP_PKEY_free};
  ERR_clear_error();
  if (!found.key_)
    return fail(ExitCode::error, "key-weak", "the key is of a kind that packages are not signed by")
        .at_file(file)
        .hint(
            "use Ed25519, ECDSA on P-256, P-384 or P-521, or RSA of 2048 to 16384 bits: openssl "
            "genpkey "
            "-algorithm ed25519 -out key.pem");
  found.id_ = sha256_hex(der);
  return found;
}

Result<PublicKey> PublicKey::parse(std::string_view pem, const std::string& file) {
  if (pem.size() > kMaxKeyFile || pem.find('\0') != std::string_view::npos)
    return malformed("it is no key in PEM", file);
  const std::size_t first = pem.find(kBegin);
  if (first == std::string_view::npos) return malformed("it is no key in PEM", file);
  if (pem.find("PRIVATE KEY") != std::string_view::npos)
    return malformed("it holds a private key, which nobody but who signs may have", file)
        .hint("remove it, make a new key, and put the public one there: openssl pkey -pubout");
  if (!pem.substr(first).starts_with(kBeginPublic) ||
      pem.find(kBegin, first + 1) != std::string_view::npos)
    return malformed("it holds something else than one public key", file);
  ERR_clear_error();
  const std::unique_ptr<BIO, Freeing> in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      in ? PEM_read_bio_PUBKEY(in.get(), nullptr, no_passphrase, nullptr) : nullptr, EVP_PKEY_free);
  ERR_clear_error();
  if (!key) return malformed("its public key is damaged", file);
  return of(*key, file);
}

const EVP_MD* PublicKey::digest() const {
  return EVP_PKEY_get_base_id(key_.get()) == EVP_PKEY_ED25519 ? nullptr : EVP_sha512();
}

bool PublicKey::is_same(const PublicKey& other) const {
  const bool same = EVP_PKEY_eq(key_.get(), other.key_.get()) == 1;
  ERR_clear_error();
  return same;
}

bool PublicKey::verifies(std::string_view text, std::span<const std::uint8_t> signature) const {
  const std::unique_ptr<EVP_MD_CTX, Freeing> context(EVP_MD_CTX_new());
  const bool good =
      context && EVP_DigestVerifyInit(context.get(), nullptr, digest(), nullptr, key_.get()) == 1 &&
      EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                       reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace splicer
