// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/install.h"

#include <fmt/core.h>

#include "runtime/apply.h"
#include "runtime/prepare/livepatch_module.h"

namespace splicer {

void note_package(InstalledUpdate& entry, const Package& package) {
  entry.livepatch = package.manifest.frame.empty() ? std::string() : livepatch_module_name(package);
  entry.parts_left_out = package.manifest.parts_left_out;
}

InstalledUpdate installed_entry(const Package& package, const InstallOptions& options,
                                const std::string& signed_by) {
  const Manifest& manifest = package.manifest;
  InstalledUpdate entry;
  entry.id = manifest.id;
  entry.name = manifest.name;
  entry.fixes = manifest.fixes;
  entry.kernel_version = manifest.kernel.version;
  entry.skip_unloaded = options.skip_unloaded;
  entry.require_types = options.require_types;
  entry.engine = options.engine;
  entry.signed_by = signed_by;
  note_package(entry, package);
  return entry;
}

Result<Installation> install_update(const InstallOptions& options, Store& store,
                                    const Console& console) {
  const auto read = read_admitted(options.path, options.signature, options.trust);
  if (!read) return propagate(read);
  const auto& admitted = *read;
  const auto package = admitted->parse();
  if (!package) return propagate(package);
  // Before it is kept: it would lie in the folder of a kernel that it is not for.
  if (auto same = check_identity(package->manifest.kernel, running_kernel()); !same)
    return propagate(same).at_file(options.path);

  const InstalledUpdate entry = installed_entry(*package, options, admitted->verdict().key);
  if (auto staged = store.stage(entry.id, admitted->bytes(), admitted->signature()); !staged)
    return propagate(staged);
  const auto applied =
      guarded_apply({entry, admitted, options.path, options.attempts}, store, console);
  if (!applied) {
    if (auto gone = store.unstage(entry.id); !gone) console.warning(gone.error().message);
    return propagate(applied);
  }
  const InstalledUpdate* before = store.installed().find(entry.id);
  Installation done{entry.id, entry.name, applied->already && before != nullptr && *before == entry,
                    *applied};
  if (done.already) return done;
  if (auto kept = store.keep(entry); !kept)
    return propagate(kept).hint(
        fmt::format("update {} is applied, but would not be put back after a reboot: see to the "
                    "disk and run the command again",
                    entry.id));
  return done;
}

Result<Store> open_store(const std::string& root, const Attempts& attempts, const Console& console,
                         const std::string& release) {
  HeldSignals signals;
  auto store = try_while_busy(
      attempts, signals,
      [&] { return Store::open(root, release.empty() ? running_kernel().release : release); },
      [&](const Error& error, const std::string& left) { show_busy(console, error, left); });
  if (!store) return store;
  const auto guilty = store->settle(boot_id());
  if (!guilty) return propagate(guilty);
  if (*guilty)
    console.warning(fmt::format(
        "update {} ({}) is left out from now on: {}; splice-install it again to lift that",
        (*guilty)->id, (*guilty)->name, (*guilty)->left_out));
  return store;
}

}  // namespace splicer
