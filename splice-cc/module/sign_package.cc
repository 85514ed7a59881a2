// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/module/sign_package.h"

#include <fmt/core.h>

#include "runtime/package/digest.h"
#include "runtime/trust/public_key.h"
#include "runtime/trust/signature_file.h"
#include "splice-cc/module/key_store.h"

namespace splicer {

namespace {

using Context = std::unique_ptr<EVP_MD_CTX, Freeing<EVP_MD_CTX_free>>;

std::vector<std::uint8_t> signature_of(const std::string& text, EVP_PKEY* key,
                                       const EVP_MD* digest) {
  const Context context(EVP_MD_CTX_new());
  const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = 0;
  if (!context || EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) != 1)
    return {};
  std::vector<std::uint8_t> signature(size);
  if (EVP_DigestSign(context.get(), signature.data(), &size, bytes, text.size()) != 1) return {};
  signature.resize(size);
  return signature;
}

}  // namespace

struct PackageKey::Parts {
  PrivateKey key;
  PublicKey half;
};

Result<PackageKey> PackageKey::load(const std::string& place) {
  PrivateKey key = load_private_key(place);
  if (!key)
    return fail(ExitCode::error, "signing-key",
                fmt::format("the key that signs the update cannot be read: {}", openssl_reason()))
        .at_file(place)
        .hint("give a private key, as a PEM file: openssl genpkey -algorithm ed25519 -out key.pem");
  auto half = PublicKey::of(*key, place);
  if (!half) return propagate(half);
  PackageKey loaded;
  loaded.parts_ = std::make_shared<const Parts>(Parts{std::move(key), std::move(*half)});
  return loaded;
}

Result<std::string> PackageKey::sign(std::span<const std::uint8_t> tar,
                                     const std::string& expires) const {
  SignatureFile file;
  file.key = parts_->half.id();
  file.expires = expires;
  file.sha512 = sha512_hex(tar);
  file.signature = signature_of(file.statement(), parts_->key.get(), parts_->half.digest());
  if (parts_->half.verifies(file.statement(), file.signature)) return file.text();
  return fail(ExitCode::error, "signing-failed",
              fmt::format("the update cannot be signed: {}", openssl_reason()))
      .hint("try the key with openssl pkeyutl -sign");
}

}  // namespace splicer
