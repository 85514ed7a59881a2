// SPDX-License-Identifier: GPL-2.0-or-later
//
// The digest that names contents: members of a package in its manifest, trees and core modules in
// the cache; and that of a whole package, which is signed.
//
//     sha256_hex("abc")  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace splicer {

// SHA-256 (FIPS 180-4) as 64 lower-case hexadecimal digits, by libcrypto. Linear in the content's
// length; any thread.
std::string sha256_hex(std::span<const std::uint8_t> content);
std::string sha256_hex(std::string_view content);
// SHA-512 as 128 digits.
std::string sha512_hex(std::span<const std::uint8_t> content);

}  // namespace splicer
