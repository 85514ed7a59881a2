// SPDX-License-Identifier: GPL-2.0-or-later
//
// May these bytes be taken for an update? What is asked before anything of a package is parsed.
//
//     const auto trust = Trust::read(folder);                 // /etc/splice
//     auto given = read_signed(path, "");                     // all of it, once, and PATH.sig beside it
//     auto admitted = trust->admit(std::move(*given), Moment::taken_in);
//     auto package = admitted->parse();                       // of the very bytes that were checked
//
// A signature that is there must be good, whatever the policy: one that is of another file, of a revoked
// key, expired or damaged is refused also where none is required. The policy decides about packages
// that nobody has signed, or somebody whom nobody here has heard of: refused, or told.
//
// An expired signature keeps an update from being taken in. One that was taken in while it was valid stays
// what it was, and is put back at boot: clocks are wrong then, and a fix that goes away on a date would be
// a hole that opens on it. A key that is revoked counts at each boot.
//
// Invariant: only admit() makes an AdmittedPackage, and an update is parsed and applied from nothing else.
// Cost: SHA-512 over the package, about 2 ms a megabyte.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "matcher/base/result.h"
#include "runtime/package/package.h"
#include "runtime/trust/key_ring.h"
#include "runtime/trust/policy.h"

namespace splicer {

inline constexpr const char* kTrustFolder = "/etc/splice";

enum class Signature { none, trusted, unknown_key, revoked, expired };

// What is known of a signature; of a bad one there is an Error instead.
struct Verdict {
  Signature state = Signature::none;
  std::string key;      // its id
  std::string name;     // of the file that has the key, if there is one
  std::string expires;  // as in SignatureFile; empty if it is not known

  // "signed by vendor (52f0c1a2b3c4d5e6)", "not signed", ...
  std::string text() const;
};
// "none", "trusted", "unknown-key", "revoked", "expired": as documents have it.
const char* signature_word(Signature state);
// {"state": "trusted", "key": "52f0...", "name": "vendor", "expires": "never"}: what is known of it.
nlohmann::json verdict_json(const Verdict& verdict);

// The bytes of a package, as they came, and the text of its signature.
struct SignedBytes {
  std::string path;  // for messages
  std::vector<std::uint8_t> bytes;
  std::optional<std::string> signature;
};

// `signature` is the path of its file; if that is empty, it is PATH.sig, if there is one, and a package
// from standard input ("-") has none. Errors: those of read_package_file(), "file-unreadable".
Result<SignedBytes> read_signed(const std::string& path, const std::string& signature);

class AdmittedPackage {
 public:
  const std::vector<std::uint8_t>& bytes() const { return given_.bytes; }
  const std::optional<std::string>& signature() const { return given_.signature; }
  const Verdict& verdict() const { return verdict_; }
  // What the administrator must be told; empty if nothing is.
  const std::string& warning() const { return warning_; }
  // Errors: those of parse_package().
  Result<Package> parse() const { return parse_package(given_.bytes, given_.path); }

 private:
  friend class Trust;
  AdmittedPackage(SignedBytes given, Verdict verdict, std::string warning)
      : given_(std::move(given)), verdict_(std::move(verdict)), warning_(std::move(warning)) {}
  SignedBytes given_;
  Verdict verdict_;
  std::string warning_;
};

// When the question is asked: by who brings an update, or at a boot about one that is installed.
enum class Moment { taken_in, put_back };

class Trust {
 public:
  // No policy, and nobody is trusted.
  Trust() = default;
  // Policy and keys. Errors: "config-malformed", those of KeyRing::read().
  static Result<Trust> read(const std::string& folder = kTrustFolder);

  // Linear in the bytes. Errors (ExitCode::bad_package): those of parse_signature(), "signature-mismatch",
  // "signature-bad".
  Result<Verdict> judge(const SignedBytes& given, const std::string& date) const;
  // Errors (ExitCode::bad_package): those of judge(), "not-signed", "key-unknown", "key-revoked",
  // "signature-expired".
  Result<AdmittedPackage> admit(SignedBytes given, Moment moment) const;
  // What is known today of a key by which something was signed, by its id; of an empty one, that nothing was.
  Verdict standing_of(const std::string& key) const;
  const Policy& policy() const { return policy_; }

 private:
  Result<std::string> apply_policy(const Verdict& verdict, const std::string& path) const;

  std::string folder_ = kTrustFolder;
  Policy policy_;
  KeyRing keys_;
};

// An update that somebody brings: policy and keys of this machine, all its bytes, the answer. Errors: those of
// Trust::read(), read_signed() and Trust::admit().
Result<std::shared_ptr<const AdmittedPackage>> read_admitted(
    const std::string& path, const std::string& signature,
    const std::string& folder = kTrustFolder);
// The same, unless `admitted` is there already: both engines get the same bytes, and standard input can be read once.
Result<void> admit_once(std::shared_ptr<const AdmittedPackage>& admitted, const std::string& path,
                        const std::string& signature);

}  // namespace splicer
