// SPDX-License-Identifier: GPL-2.0-or-later
//
// Whose signatures count on this machine.
//
//     /etc/splice/trusted.d/NAME.pem    a public key each; NAME is what its holder is called
//     /etc/splice/revoked.d/NAME.pem    keys that count no more, whoever trusts them
//
//     auto ring = KeyRing::read(*folder);
//     const KeyRing::Entry* key = ring->find_trusted(id);    // nullptr, if nobody trusts it
//
// Revoked wins over trusted, so that a revocation can be rolled out by itself. In trusted.d a file of
// another ending is none of ours, such as what dpkg or an editor leaves; in revoked.d it is an error, as it
// would look like a revocation and be none. A file that is no key is an error in both.
//
// Invariant: find_trusted() returns no key that is revoked, in whatever form it is written there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/result.h"
#include "runtime/trust/owned_folder.h"
#include "runtime/trust/public_key.h"

namespace splicer {

class KeyRing {
 public:
  struct Entry {
    std::string name;
    PublicKey key;
  };

  // Errors: "key-malformed", "key-weak", "trust-unsafe", "trust-unreadable".
  static Result<KeyRing> read(const OwnedFolder& folder);

  // Linear in the keys.
  const Entry* find_trusted(std::string_view id) const;
  const Entry* find_revoked(std::string_view id) const;

 private:
  std::vector<Entry> trusted_;
  std::vector<Entry> revoked_;
};

}  // namespace splicer
