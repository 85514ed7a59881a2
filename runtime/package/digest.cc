// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/package/digest.h"

#include <fmt/core.h>
#include <openssl/evp.h>

#include <array>

namespace splicer {

std::string sha256_hex(std::span<const std::uint8_t> content) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(content.data(), content.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

std::string sha256_hex(std::string_view content) {
  return sha256_hex(
      std::span(reinterpret_cast<const std::uint8_t*>(content.data()), content.size()));
}

}  // namespace splicer
