// SPDX-License-Identifier: GPL-2.0-or-later
//
// Keys and certificates by which something is signed, through OpenSSL's stores: a file in PEM, or an
// object in a PKCS#11 token by its URI where a provider for these is configured.
//
//     const PrivateKey key = load_private_key("pkcs11:token=releases");    // empty: openssl_reason() says why
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace splicer {

template <auto Free>
struct Freeing {
  template <typename T>
  void operator()(T* thing) const {
    Free(thing);
  }
};
using PrivateKey = std::unique_ptr<EVP_PKEY, Freeing<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freeing<X509_free>>;

// Ask for a passphrase on the terminal, if there is one. Empty if it cannot be read.
PrivateKey load_private_key(const std::string& place);
Certificate load_certificate(const std::string& place);

// What libcrypto has to say about the last failure, the innermost cause first.
std::string openssl_reason();

}  // namespace splicer
