// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any bytes as a signature file, a public key and a policy: refused by code; or, a signature file, the same
// again when written. And as the signature of a package by a key that is trusted: never one that counts.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "runtime/trust/policy.h"
#include "runtime/trust/public_key.h"
#include "runtime/trust/signature_file.h"

namespace {

// Nobody has its private half any more.
constexpr std::string_view kKey =
    "-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAPnEtLwSGl0n4LG4M8dqdMSHP5/b2bvHpQQ7pLMrPWzM=\n"
    "-----END PUBLIC KEY-----\n";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto known = splicer::PublicKey::parse(kKey, "known.pem");
  if (!known) std::abort();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto file = splicer::parse_signature(text, "x.tar.sig")) {
    if (file->text() != text) std::abort();
    if (known->verifies(file->statement(), file->signature)) std::abort();
  } else if (file.error().code != "signature-malformed" &&
             file.error().code != "signature-stripped") {
    std::abort();
  }
  if (known->verifies("splice-signature 1\n", {data, size})) std::abort();
  if (const auto key = splicer::PublicKey::parse(text, "x.pem")) {
    if (!key->is_same(*key) || key->kind().empty() || key->verifies(text, {data, size}))
      std::abort();
  } else if (key.error().code != "key-malformed" && key.error().code != "key-weak") {
    std::abort();
  }
  if (const auto policy = splicer::parse_policy(text, "splice.conf")) {
    if (!policy->is_set) std::abort();
  } else if (policy.error().code != "config-malformed") {
    std::abort();
  }
  return 0;
}
