// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/module/sign_module.h"

#include <fmt/core.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509.h>

#include <array>
#include <string_view>

namespace splicer {

namespace {

template <auto Free>
struct Freeing {
  template <typename T>
  void operator()(T* thing) const {
    Free(thing);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freeing<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freeing<X509_free>>;
using Stream = std::unique_ptr<BIO, Freeing<BIO_free>>;
using Message = std::unique_ptr<CMS_ContentInfo, Freeing<CMS_ContentInfo_free>>;
using Store = std::unique_ptr<OSSL_STORE_CTX, Freeing<OSSL_STORE_close>>;
using StoreInfo = std::unique_ptr<OSSL_STORE_INFO, Freeing<OSSL_STORE_INFO_free>>;

// What libcrypto has to say, the innermost cause first.
std::string reason() {
  std::array<char, 256> text{};
  const unsigned long number = ERR_get_error();
  if (number == 0) return "nothing of that kind is there";
  ERR_error_string_n(number, text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

// Goes through what the store holds until `take` has found what it wants.
template <typename Take>
bool look_in(const std::string& place, int wanted, Take take) {
  const Store store(OSSL_STORE_open(place.c_str(), UI_OpenSSL(), nullptr, nullptr, nullptr));
  if (!store) return false;
  OSSL_STORE_expect(store.get(), wanted);
  while (OSSL_STORE_eof(store.get()) == 0) {
    const StoreInfo info(OSSL_STORE_load(store.get()));
    if (info && OSSL_STORE_INFO_get_type(info.get()) == wanted) return take(info.get());
  }
  return false;
}

Failure unreadable(const char* what, const std::string& place) {
  return fail(ExitCode::error, "signing-key", fmt::format("{} cannot be read: {}", what, reason()))
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
  Key key;
  Certificate certificate;
};

Result<ModuleKey> ModuleKey::load(const std::string& key, const std::string& certificate) {
  ERR_clear_error();
  auto parts = std::make_shared<Parts>();
  if (!look_in(key, OSSL_STORE_INFO_PKEY, [&](OSSL_STORE_INFO* info) {
        parts->key.reset(OSSL_STORE_INFO_get1_PKEY(info));
        return parts->key != nullptr;
      }))
    return unreadable("the key that signs modules", key);
  if (!look_in(certificate, OSSL_STORE_INFO_CERT, [&](OSSL_STORE_INFO* info) {
        parts->certificate.reset(OSSL_STORE_INFO_get1_CERT(info));
        return parts->certificate != nullptr;
      }))
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
                fmt::format("the module cannot be signed: {}", reason()))
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
