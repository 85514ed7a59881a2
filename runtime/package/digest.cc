// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/package/digest.h"

#include <fmt/core.h>
#include <openssl/evp.h>

#include <array>

namespace splicer {

namespace {

std::string hex(std::span<const std::uint8_t> content, const EVP_MD* kind) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(content.data(), content.size(), digest.data(), &size, kind, nullptr);
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

}  // namespace

std::string sha256_hex(std::span<const std::uint8_t> content) { return hex(content, EVP_sha256()); }

std::string sha512_hex(std::span<const std::uint8_t> content) { return hex(content, EVP_sha512()); }

std::string sha256_hex(std::string_view content) {
  return sha256_hex(
      std::span(reinterpret_cast<const std::uint8_t*>(content.data()), content.size()));
}

}  // namespace splicer
