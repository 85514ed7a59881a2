// SPDX-License-Identifier: GPL-2.0-or-later
//
// The updates that are installed for one kernel, on the disk.
//
//     /var/lib/splice/lock               held while a command changes anything
//     /var/lib/splice/RELEASE/ID.tar     a package, as it was given
//     /var/lib/splice/RELEASE/ID.tar.sig its signature, if it has one (trust/signature_file.h)
//     /var/lib/splice/RELEASE/state.json which of them are installed, in which order (installed.h)
//     /var/lib/splice/RELEASE/applying.json  the one that is being applied
//
//     auto store = Store::open("/var/lib/splice", release);
//     store->stage(id, tar, sig);      // before anything is applied: a full disk is found out here
//     store->mark(update);             // from here a crash is this update's
//     ...                              // it is applied
//     store->unmark();
//     store->keep(update);             // installed
//
// Only state.json says what is installed. A power cut before keep() leaves a package that nothing names,
// which goes when the store is opened next; one before unmark() leaves the marker, and settle() takes
// the update it names out of what is put back: the machine went down while that was being applied. A
// marker of the boot that runs is of a command that was killed, and means nothing.
//
// Invariant: each package that state.json lists as to be put back was on the disk before it was listed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/result.h"
#include "runtime/store/durable_folder.h"
#include "runtime/store/installed.h"

namespace splicer {

inline constexpr const char* kStore = "/var/lib/splice";

// What is installed, for who only looks: without a lock, so it may be out of date at once.
struct StoreView {
  Installed installed;
  std::optional<ApplyMarker> marker;  // also of the boot that runs
};

// The update that was being applied when the machine went down, as it is left out from then on; nothing
// if there is no marker, or one of the boot `boot`, which is the one that runs.
std::optional<InstalledUpdate> left_by_crash(const std::optional<ApplyMarker>& marker,
                                             const std::string& boot);

class Store {
 public:
  // Makes folders that are not there, takes the lock, and removes what interrupted commands left.
  // `root` is made if its parent is there. Errors: "store-busy" (ExitCode::busy: try again),
  // "store-unwritable", "store-unreadable", "store-untrusted", "store-malformed".
  static Result<Store> open(const std::string& root, const std::string& release);
  // Nothing if nothing was ever installed for that release. Errors: "store-unreadable",
  // "store-untrusted", "store-malformed".
  static Result<std::optional<StoreView>> look(const std::string& root, const std::string& release);
  // The releases for which something is installed, sorted. What cannot be read counts as nothing.
  static std::vector<std::string> releases(const std::string& root);

  const Installed& installed() const { return installed_; }

  // Leaves out from now on what left_by_crash() says, and returns it; then there is no marker any more.
  // Errors: "store-unwritable".
  Result<std::optional<InstalledUpdate>> settle(const std::string& boot);

  // Errors of all of these: "store-unwritable".
  // `signature`: the text of its file, if there is one.
  Result<void> stage(const std::string& id, std::span<const std::uint8_t> tar,
                     const std::optional<std::string>& signature = {}) const;
  Result<void> unstage(const std::string& id) const;  // unless it is installed
  Result<void> mark(const InstalledUpdate& update, const std::string& boot) const;
  Result<void> unmark() const;
  // Behind all others; it takes the place of an entry of its id, and of its signature.
  Result<void> keep(const InstalledUpdate& update);
  // Where it is, with another result of the last boot.
  Result<void> note(const InstalledUpdate& update);
  // The list first, then the package and its signature.
  Result<void> forget(const std::string& id);

  // The package of an update. Errors: "store-unreadable", "store-untrusted".
  Result<std::vector<std::uint8_t>> package(const std::string& id) const;
  // The text of its signature's file; nothing if there is none. Errors: as of package().
  Result<std::optional<std::string>> signature(const std::string& id) const;
  // Where it lies, for messages.
  std::string package_path(const std::string& id) const;

 private:
  Store(FolderLock lock, DurableFolder folder)
      : lock_(std::move(lock)), folder_(std::move(folder)) {}
  Result<void> read();
  Installed with(const InstalledUpdate& update) const;  // what keep() would list
  Result<void> remove_unlisted() const;
  Result<void> remove_files(const std::string& id) const;
  Result<void> write(Installed next);

  FolderLock lock_;
  DurableFolder folder_;
  Installed installed_;
  std::optional<ApplyMarker> marker_;
};

}  // namespace splicer
