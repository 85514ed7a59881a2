// SPDX-License-Identifier: GPL-2.0-or-later
//
// The signature of a package, a file of text beside it: splice-ID.tar.sig.
//
//     splice-signature 1
//     key 52f0c1...                   SHA-256 of the public key (SubjectPublicKeyInfo in DER)
//     expires 2027-06-30              the last day on which it may be taken in, in UTC; or "never"
//     sha512 9b71d2...                of the package, all of its bytes
//     signature TUlJQ...              of the four lines above, as they stand; base64
//
// So what is signed is a statement of 250 bytes, which people can read, and which is made where the
// package is, signed where the key is, and carried by hand in between; printf, sha512sum and openssl are
// enough for all of it (splice-package(5)). Its first line is what keeps a signature that was made for
// something else from counting here. Nothing in it chooses an algorithm: that is the key's.
//
//     auto file = parse_signature(text, "x.tar.sig");
//     key.verifies(file->statement(), file->signature)
//
// Invariant: a text that is parsed is exactly what text() makes of it again, so no two readers see two
// things in it: no other order, no blank, no CR, no second line of a kind, nothing behind the end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/result.h"

namespace splicer {

// An RSA key of 16384 bits needs 2994.
inline constexpr std::size_t kMaxSignatureFile = 4096;
inline constexpr const char* kNever = "never";

struct SignatureFile {
  std::string key;                      // 64 hexadecimal digits
  std::string expires = kNever;         // or a date, as is_date() has it
  std::string sha512;                   // 128 hexadecimal digits
  std::vector<std::uint8_t> signature;  // of statement()

  // The lines that are signed.
  std::string statement() const;
  std::string text() const;
};

// Lower-case digits, and as many as a SHA-256 has.
bool is_key_id(std::string_view text);
// "2027-06-30": a day that there is, from 2000 to 9999. Two of them compare as their texts do.
bool is_date(std::string_view text);
// Today, in UTC.
std::string today();

// Linear in the text. `file` is used in errors. Errors (ExitCode::bad_package): "signature-malformed"; and
// "signature-stripped", if it is empty or the statement alone.
Result<SignatureFile> parse_signature(std::string_view text, const std::string& file);

}  // namespace splicer
