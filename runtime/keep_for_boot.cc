// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/keep_for_boot.h"

namespace splicer {

Result<Kept> keep_for_boot(const InstallOptions& options, const std::string& root,
                           const Console& console) {
  const auto read = read_admitted(options.path, options.signature, options.trust);
  if (!read) return propagate(read);
  const auto& admitted = *read;
  if (!admitted->warning().empty()) console.warning(admitted->warning());
  const auto package = admitted->parse();
  if (!package) return propagate(package);
  const Manifest& manifest = package->manifest;
  auto store = open_store(root, options.attempts, console, manifest.kernel.release);
  if (!store) return propagate(store);

  Kept kept{manifest.id, manifest.name, manifest.kernel.release, false, {}};
  if (auto staged = store->stage(manifest.id, admitted->bytes(), admitted->signature()); !staged)
    return propagate(staged);
  const InstalledUpdate* const before = store->installed().find(manifest.id);
  if (before == nullptr) {
    auto listed = store->keep(installed_entry(*package, options, admitted->verdict().key));
    if (!listed) return propagate(listed);
    return kept;
  }
  InstalledUpdate entry = *before;
  entry.signed_by = admitted->verdict().key;
  if (auto noted = store->note(entry); !noted) return propagate(noted);
  kept.already = true;
  kept.left_out = entry.left_out;
  return kept;
}

}  // namespace splicer
