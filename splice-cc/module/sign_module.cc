// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/module/sign_module.h"

#include <fmt/core.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>

#include <array>
#include <string_view>

#include "splice-cc/module/key_store.h"

namespace splicer {

namespace {

using Stream = std::unique_ptr<BIO, Freeing<BIO_free>>;
using Message = std::unique_ptr<CMS_ContentInfo, Freeing<CMS_ContentInfo_free>>;

Failure unreadable(const char* what, const std::string& place) {
  return fail(ExitCode::error, "signing-key",
              fmt::format("{} cannot be read: {}", what, openssl_reason()))
      .at_file(place)
      .hint(
          "give a private key and its certificate, as PEM files: openssl req -new -x509 -newkey "
          "rsa:2048 -nodes "
          "-keyout key.pem -out cert.pem -subj /CN=updates");
}

constexpr std::string_view kMagic = "~Module signature appended~\n";
constexpr std::uint8_t kPkcs7 = 2;  // enum pkey_id_type, include/linux/module_signature.h

}  // namespace

struct ModuleKey::Parts {
  PrivateKey key;
  Certificate certificate;
};

Result<ModuleKey> ModuleKey::load(const std::string& key, const std::string& certificate) {
  auto parts = std::make_shared<Parts>();
  parts->key = load_private_key(key);
  if (!parts->key) return unreadable("the key that signs modules", key);
  parts->certificate = load_certificate(certificate);
  if (!parts->certificate)
    return unreadable("the certificate of the key that signs modules", certificate);
  if (X509_check_private_key(parts->certificate.get(), parts->key.get()) != 1)
    return fail(ExitCode::error, "signing-key", "the certificate is not that of the key")
        .at_file(certificate)
        .hint("give the key and the certificate that belong together");
  ModuleKey loaded;
  loaded.parts_ = std::move(parts);
  return loaded;
}

Result<std::vector<std::uint8_t>> ModuleKey::sign(const std::vector<std::uint8_t>& module) const {
  const auto failed = [] {
    return fail(ExitCode::error, "signing-failed",
                fmt::format("the module cannot be signed: {}", openssl_reason()))
        .hint("try the key with openssl cms -sign");
  };
  ERR_clear_error();
  const Stream content(BIO_new_mem_buf(module.data(), static_cast<int>(module.size())));
  // As scripts/sign-file.c has it: the kernel knows its certificates, and wants no attributes.
  constexpr unsigned kForm = CMS_NOCERTS | CMS_BINARY | CMS_NOSMIMECAP | CMS_NOATTR;
  const Message message(
      CMS_sign(nullptr, nullptr, nullptr, nullptr,
               CMS_NOCERTS | CMS_PARTIAL | CMS_BINARY | CMS_DETACHED | CMS_STREAM));
  if (!content || !message ||
      CMS_add1_signer(message.get(), parts_->certificate.get(), parts_->key.get(), EVP_sha256(),
                      kForm) == nullptr ||
      CMS_final(message.get(), content.get(), nullptr, CMS_NOCERTS | CMS_BINARY) != 1)
    return failed();
  unsigned char* der = nullptr;
  const int size = i2d_CMS_ContentInfo(message.get(), &der);
  if (size <= 0) return failed();
  std::vector<std::uint8_t> file = module;
  file.insert(file.end(), der, der + size);
  OPENSSL_free(der);
  // struct module_signature: the kind in the third byte, the length, big-endian, in the last four.
  std::array<std::uint8_t, 12> trailer{0, 0, kPkcs7};
  for (unsigned i = 0; i < 4; ++i)
    trailer[8 + i] = static_cast<std::uint8_t>(static_cast<unsigned>(size) >> (8 * (3 - i)));
  file.insert(file.end(), trailer.begin(), trailer.end());
  file.insert(file.end(), kMagic.begin(), kMagic.end());
  return file;
}

}  // namespace splicer
