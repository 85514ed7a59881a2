// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/trust/trust.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "runtime/package/digest.h"
#include "runtime/trust/signature_file.h"

namespace splicer {

namespace {

constexpr const char* kPolicyFile = "splice.conf";
constexpr const char* kEnding = ".sig";

// As people compare ids: the first digits.
std::string short_id(const std::string& key) { return key.substr(0, 16); }

std::string signer(const Verdict& verdict) {
  return verdict.name.empty() ? fmt::format("key {}", short_id(verdict.key))
                              : fmt::format("{} ({})", verdict.name, short_id(verdict.key));
}

Failure refuse(const char* code, std::string message, const std::string& file) {
  return fail(ExitCode::bad_package, code, std::move(message)).at_file(file);
}

// The text of a signature's file; nothing if there is none and `must` is not set.
Result<std::optional<std::string>> read_signature(const std::string& path, bool must) {
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file && errno == ENOENT && !must) return std::nullopt;
  const auto unreadable = [&](int error) {
    return unreadable_file(path, error).hint("give the file of the signature: --signature FILE");
  };
  struct stat status {};
  if (!file || fstat(file.get(), &status) != 0) return unreadable(errno);
  if (!S_ISREG(status.st_mode)) return unreadable(S_ISDIR(status.st_mode) ? EISDIR : EINVAL);
  const Contents contents = read_contents(file.get(), kMaxSignatureFile);
  // A longer one is none, which its parser says.
  if (contents.error == EFBIG) return std::string(kMaxSignatureFile + 1, ' ');
  if (contents.error != 0) return unreadable(contents.error);
  return contents.text();
}

}  // namespace

const char* signature_word(Signature state) {
  constexpr const char* kWords[] = {"none", "trusted", "unknown-key", "revoked", "expired"};
  return kWords[static_cast<std::size_t>(state)];
}

nlohmann::json verdict_json(const Verdict& verdict) {
  nlohmann::json out{{"state", signature_word(verdict.state)}};
  if (!verdict.key.empty()) out["key"] = verdict.key;
  if (!verdict.name.empty()) out["name"] = verdict.name;
  if (!verdict.expires.empty()) out["expires"] = verdict.expires;
  return out;
}

std::string Verdict::text() const {
  switch (state) {
    case Signature::none:
      return "not signed";
    case Signature::unknown_key:
      return fmt::format("signed by {}, which is not trusted here", signer(*this));
    case Signature::revoked:
      return fmt::format("signed by {}, a key that is REVOKED", signer(*this));
    case Signature::expired:
      return fmt::format("signed by {}, EXPIRED on {}", signer(*this), expires);
    default:
      return fmt::format("signed by {}{}", signer(*this),
                         expires.empty() || expires == kNever ? "" : ", until " + expires);
  }
}

Result<SignedBytes> read_signed(const std::string& path, const std::string& signature) {
  const bool named = !signature.empty();
  SignedBytes given;
  given.path = path;
  if (named || path != "-") {
    auto text = read_signature(named ? signature : path + kEnding, named);
    if (!text) return propagate(text);
    given.signature = std::move(*text);
  }
  auto bytes = read_package_file(path);
  if (!bytes) return propagate(bytes);
  given.bytes = std::move(*bytes);
  return given;
}

Result<Trust> Trust::read(const std::string& folder) {
  Trust trust;
  trust.folder_ = folder;
  const auto found = OwnedFolder::find(folder);
  if (!found) return propagate(found);
  if (!*found) return trust;
  const auto text = (*found)->read(kPolicyFile, kMaxPolicyFile);
  if (!text) return propagate(text);
  if (*text) {
    auto policy = parse_policy(**text, (*found)->path(kPolicyFile));
    if (!policy) return propagate(policy);
    trust.policy_ = *policy;
  }
  auto keys = KeyRing::read(**found);
  if (!keys) return propagate(keys);
  trust.keys_ = std::move(*keys);
  return trust;
}

Verdict Trust::standing_of(const std::string& key) const {
  if (key.empty()) return {};
  if (const auto* gone = keys_.find_revoked(key); gone != nullptr)
    return {Signature::revoked, key, gone->name, {}};
  if (const auto* known = keys_.find_trusted(key); known != nullptr)
    return {Signature::trusted, key, known->name, {}};
  return {Signature::unknown_key, key, {}, {}};
}

Result<Verdict> Trust::judge(const SignedBytes& given, const std::string& date) const {
  if (!given.signature) return Verdict{};
  auto file = parse_signature(*given.signature, given.path);
  if (!file) return propagate(file);
  if (file->sha512 != sha512_hex(given.bytes))
    return refuse("signature-mismatch",
                  "the signature is not that of this package: the package was changed after it was "
                  "signed, or the signature is another one's",
                  given.path)
        .hint("get the package and its signature again, both from their maker");
  Verdict verdict = standing_of(file->key);
  verdict.expires = file->expires;
  if (verdict.state != Signature::trusted) return verdict;
  if (!keys_.find_trusted(file->key)->key.verifies(file->statement(), file->signature))
    return refuse("signature-bad",
                  fmt::format("the signature was not made by {}, whose it says it is",
                              signer(verdict)),
                  given.path)
        .hint(
            "somebody has altered or forged it: get both from their maker by a way that you trust");
  if (file->expires != kNever && file->expires < date) verdict.state = Signature::expired;
  return verdict;
}

Result<std::string> Trust::apply_policy(const Verdict& verdict, const std::string& path) const {
  const bool is_signed = verdict.state == Signature::unknown_key;
  if (policy_.require_signature) {
    if (!is_signed)
      return refuse("not-signed",
                    fmt::format("the package has no signature, and {}/{} requires one", folder_,
                                kPolicyFile),
                    path)
          .hint(fmt::format(
              "put the signature of its maker beside it, as {}.sig, or name it with --signature",
              path == "-" ? "UPDATE.tar" : path));
    return refuse("key-unknown",
                  fmt::format("the package is signed by key {}, which is not trusted here",
                              verdict.key),
                  path)
        .hint(fmt::format(
            "if that is a key of who makes your updates, put it into {}/trusted.d/NAME.pem",
            folder_));
  }
  return fmt::format("the package is {}{}", verdict.text(),
                     policy_.is_set
                         ? ""
                         : fmt::format("; {}/{}, which could require a signature, is not there",
                                       folder_, kPolicyFile));
}

Result<AdmittedPackage> Trust::admit(SignedBytes given, Moment moment) const {
  auto verdict = judge(given, today());
  if (!verdict) return propagate(verdict);
  std::string warning;
  switch (verdict->state) {
    case Signature::trusted:
      break;
    case Signature::revoked:
      return refuse("key-revoked",
                    fmt::format("the package is signed by {}, a key that is revoked",
                                signer(*verdict)),
                    given.path)
          .hint("get a package that is signed by another key of its maker's");
    case Signature::expired:
      if (moment == Moment::put_back) break;
      return refuse("signature-expired",
                    fmt::format("the signature of {} was good until {}", signer(*verdict),
                                verdict->expires),
                    given.path)
          .hint(
              "get a newer update, or a new signature, from its maker; if the date is wrong, set "
              "the "
              "clock");
    default: {
      auto told = apply_policy(*verdict, given.path);
      if (!told) return propagate(told);
      warning = std::move(*told);
    }
  }
  return AdmittedPackage(std::move(given), std::move(*verdict), std::move(warning));
}

Result<std::shared_ptr<const AdmittedPackage>> read_admitted(const std::string& path,
                                                             const std::string& signature,
                                                             const std::string& folder) {
  const auto trust = Trust::read(folder);
  if (!trust) return propagate(trust);
  auto given = read_signed(path, signature);
  if (!given) return propagate(given);
  auto admitted = trust->admit(std::move(*given), Moment::taken_in);
  if (!admitted) return propagate(admitted);
  return std::make_shared<const AdmittedPackage>(std::move(*admitted));
}

Result<void> admit_once(std::shared_ptr<const AdmittedPackage>& admitted, const std::string& path,
                        const std::string& signature) {
  if (admitted) return {};
  auto read = read_admitted(path, signature);
  if (!read) return propagate(read);
  admitted = std::move(*read);
  return {};
}

}  // namespace splicer
