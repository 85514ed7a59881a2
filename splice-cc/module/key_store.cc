// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/module/key_store.h"

#include <openssl/err.h>
#include <openssl/store.h>
#include <openssl/ui.h>

#include <array>

namespace splicer {

namespace {

using Store = std::unique_ptr<OSSL_STORE_CTX, Freeing<OSSL_STORE_close>>;
using StoreInfo = std::unique_ptr<OSSL_STORE_INFO, Freeing<OSSL_STORE_INFO_free>>;

// The first object of that kind that the store holds; empty if there is none.
StoreInfo first_of(const std::string& place, int wanted) {
  ERR_clear_error();
  const Store store(OSSL_STORE_open(place.c_str(), UI_OpenSSL(), nullptr, nullptr, nullptr));
  if (!store) return nullptr;
  OSSL_STORE_expect(store.get(), wanted);
  while (OSSL_STORE_eof(store.get()) == 0) {
    StoreInfo info(OSSL_STORE_load(store.get()));
    if (info && OSSL_STORE_INFO_get_type(info.get()) == wanted) return info;
  }
  return nullptr;
}

}  // namespace

PrivateKey load_private_key(const std::string& place) {
  const StoreInfo info = first_of(place, OSSL_STORE_INFO_PKEY);
  return PrivateKey(info ? OSSL_STORE_INFO_get1_PKEY(info.get()) : nullptr);
}

Certificate load_certificate(const std::string& place) {
  const StoreInfo info = first_of(place, OSSL_STORE_INFO_CERT);
  return Certificate(info ? OSSL_STORE_INFO_get1_CERT(info.get()) : nullptr);
}

std::string openssl_reason() {
  std::array<char, 256> text{};
  const unsigned long number = ERR_get_error();
  if (number == 0) return "nothing of that kind is there";
  ERR_error_string_n(number, text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

}  // namespace splicer
