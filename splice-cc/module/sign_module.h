// SPDX-License-Identifier: GPL-2.0-or-later
//
// The kernel's own form of a signed module (scripts/sign-file.c, kernel/module/signing.c):
//
//     the module's bytes | a CMS signature, detached, in DER | struct module_signature | "~Module signature appended~\n"
//
// The key comes through OpenSSL's stores, so that it can be a PEM file, or an object in a PKCS#11 token by its URI
// where a provider for these is configured. It is read before any work is done.
//
//     auto key = ModuleKey::load("key.pem", "cert.pem");
//     auto file = key->sign(module);
//
// Invariant: the bytes of the module stand unchanged at the beginning of the result. With an RSA key the same
// module gives the same bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "matcher/base/result.h"

namespace splicer {

class ModuleKey {
 public:
  // `key` and `certificate`: a file in PEM, or a URI. Asks for a passphrase on the terminal, if the key has one.
  // Errors: "signing-key".
  static Result<ModuleKey> load(const std::string& key, const std::string& certificate);

  // Linear in the module. Errors: "signing-failed".
  Result<std::vector<std::uint8_t>> sign(const std::vector<std::uint8_t>& module) const;

 private:
  struct Parts;
  std::shared_ptr<const Parts> parts_;
};

}  // namespace splicer
