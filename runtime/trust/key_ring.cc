// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/trust/key_ring.h"

#include <fmt/core.h>

#include <algorithm>

namespace splicer {

namespace {

constexpr std::string_view kPem = ".pem";
constexpr std::size_t kMaxKeys = 4096;

enum class OtherEndings { allowed, refused };

Result<std::vector<KeyRing::Entry>> read_keys(const OwnedFolder& above, const std::string& name,
                                              OtherEndings other) {
  std::vector<KeyRing::Entry> keys;
  const auto folder = above.folder(name);
  if (!folder) return propagate(folder);
  if (!*folder) return keys;
  const auto files = (*folder)->names();
  if (!files) return propagate(files);
  const auto refuse = [&](const std::string& file, const char* what) {
    return fail(ExitCode::error, "key-malformed", what)
        .at_file((*folder)->path(file))
        .hint("a revoked key is a public key in PEM, in a file NAME.pem");
  };
  for (const std::string& file : *files) {
    if (file.starts_with('.')) continue;
    if (!file.ends_with(kPem)) {
      if (other == OtherEndings::allowed) continue;
      return refuse(file, "it does not end in .pem, so it would revoke nothing");
    }
    if (keys.size() >= kMaxKeys) return refuse(file, "there are more keys than can be read");
    const auto text = (*folder)->read(file, kMaxKeyFile);
    if (!text) return propagate(text);
    if (!*text) continue;  // it went away meanwhile
    auto key = PublicKey::parse(**text, (*folder)->path(file));
    if (!key) return propagate(key);
    keys.push_back({file.substr(0, file.size() - kPem.size()), std::move(*key)});
  }
  return keys;
}

const KeyRing::Entry* find(const std::vector<KeyRing::Entry>& keys, std::string_view id) {
  const auto found = std::ranges::find(keys, id, [](const auto& entry) { return entry.key.id(); });
  return found == keys.end() ? nullptr : &*found;
}

}  // namespace

Result<KeyRing> KeyRing::read(const OwnedFolder& folder) {
  auto revoked = read_keys(folder, "revoked.d", OtherEndings::refused);
  if (!revoked) return propagate(revoked);
  auto trusted = read_keys(folder, "trusted.d", OtherEndings::allowed);
  if (!trusted) return propagate(trusted);
  KeyRing ring;
  ring.revoked_ = std::move(*revoked);
  ring.trusted_ = std::move(*trusted);
  // So that it is found by the id of either of its forms.
  for (const Entry& one : ring.trusted_)
    if (ring.find_revoked(one.key.id()) == nullptr &&
        std::ranges::any_of(ring.revoked_,
                            [&](const Entry& gone) { return gone.key.is_same(one.key); }))
      ring.revoked_.push_back(one);
  return ring;
}

const KeyRing::Entry* KeyRing::find_revoked(std::string_view id) const {
  return find(revoked_, id);
}

const KeyRing::Entry* KeyRing::find_trusted(std::string_view id) const {
  return find_revoked(id) == nullptr ? find(trusted_, id) : nullptr;
}

}  // namespace splicer
