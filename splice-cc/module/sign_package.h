// SPDX-License-Identifier: GPL-2.0-or-later
//
// Signs a package: the text that goes beside it as UPDATE.tar.sig (runtime/trust/signature_file.h).
//
//     auto key = PackageKey::load("release.pem");                    // before any work is done
//     auto file = key->sign(tar, "2027-06-30");                      // or kNever
//
// The key is a PEM file, or an object in a token by its URI. Where it is kept away from this machine, the
// same file can be made with openssl(1) alone (splice-package(5)).
//
// Invariant: what sign() returns has been verified with the key's public half, so a fault of a token or of
// memory does not go out.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "matcher/base/result.h"

namespace splicer {

class PackageKey {
 public:
  // Asks for a passphrase on the terminal, if the key has one. Errors: "signing-key", "key-weak".
  static Result<PackageKey> load(const std::string& place);

  // Linear in the package. Errors: "signing-failed".
  Result<std::string> sign(std::span<const std::uint8_t> tar, const std::string& expires) const;

 private:
  struct Parts;
  std::shared_ptr<const Parts> parts_;
};

}  // namespace splicer
