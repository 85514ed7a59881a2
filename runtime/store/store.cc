// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/store/store.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "matcher/base/safe_path.h"
#include "runtime/package/manifest.h"
#include "runtime/package/tarball.h"
#include "runtime/trust/signature_file.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

constexpr const char* kState = "state.json";
constexpr const char* kMarker = "applying.json";
constexpr std::string_view kTar = ".tar";
constexpr const char* kTooMuch =
    "more is installed than can be listed: too many updates, or too much that they say of "
    "themselves";
constexpr const char* kRemoveSome = "remove some: splice-remove NAME";
constexpr std::string_view kSignature = ".tar.sig";

std::string tar_name(const std::string& id) { return id + std::string(kTar); }
std::string signature_name(const std::string& id) { return id + std::string(kSignature); }

std::span<const std::uint8_t> bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string_view text(const std::vector<std::uint8_t>& content) {
  return {reinterpret_cast<const char*>(content.data()), content.size()};
}

// As the kernel prints it, without the end of the line.
std::string one_line(std::string text) {
  text.erase(std::min(text.find('\n'), text.size()));
  return text;
}

// A release becomes a folder's name; the kernel's own is fine, but it is not ours to believe.
Result<void> check_release(const std::string& release, const std::string& root) {
  if (is_safe_path(release) && release.find('/') == std::string::npos) return {};
  return fail(ExitCode::error, "store-untrusted",
              fmt::format("'{}' cannot be the name of a kernel's folder", release))
      .at_file(root)
      .hint("look at uname -r");
}

// "/var/lib/splice" -> "/var/lib" and "splice"
std::pair<std::string, std::string> divided(const std::string& root) {
  fs::path path = fs::path(root).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  const std::string parent = path.parent_path().string();
  return {parent.empty() ? "." : parent, path.filename().string()};
}

Result<StoreView> read_view(const DurableFolder& folder) {
  StoreView view;
  const auto state = folder.read(kState, kMaxStateFile);
  if (!state) return propagate(state);
  if (*state) {
    auto installed = parse_installed(text(**state), folder.path() + "/" + kState);
    if (!installed) return propagate(installed);
    view.installed = std::move(*installed);
  }
  const auto marker = folder.read(kMarker, kMaxStateFile);
  if (!marker) return propagate(marker);
  if (*marker) {
    auto parsed = parse_marker(text(**marker), folder.path() + "/" + kMarker);
    if (!parsed) return propagate(parsed);
    view.marker = std::move(*parsed);
  }
  return view;
}

}  // namespace

std::optional<InstalledUpdate> left_by_crash(const std::optional<ApplyMarker>& marker,
                                             const std::string& boot) {
  if (!marker || marker->boot_id == one_line(boot)) return std::nullopt;
  InstalledUpdate guilty = marker->update;
  guilty.left_out = "the machine went down while it was being applied, or the command was killed";
  return guilty;
}

Result<std::optional<StoreView>> Store::look(const std::string& root, const std::string& release) {
  if (auto good = check_release(release, root); !good) return propagate(good);
  auto folder = DurableFolder::find(root, release);
  if (!folder) return propagate(folder);
  if (!*folder) return std::nullopt;
  auto view = read_view(**folder);
  if (!view) return propagate(view);
  return std::move(*view);
}

std::vector<std::string> Store::releases(const std::string& root) {
  std::vector<std::string> found;
  for (const auto& entry : list_directory(root).entries) {
    const std::string release = entry.path().filename().string();
    const auto view = look(root, release);
    if (view && *view && !(*view)->installed.updates.empty()) found.push_back(release);
  }
  return found;
}

Result<Store> Store::open(const std::string& root, const std::string& release) {
  if (auto good = check_release(release, root); !good) return propagate(good);
  const auto [parent, name] = divided(root);
  const auto top = DurableFolder::open(parent, name);
  if (!top) return propagate(top);
  auto lock = FolderLock::take(*top);
  if (!lock) return propagate(lock);
  auto folder = DurableFolder::open(top->path(), release);
  if (!folder) return propagate(folder);
  Store store(std::move(*lock), std::move(*folder));
  if (auto read = store.read(); !read) return propagate(read);
  if (auto clean = store.folder_.remove_leftovers(); !clean) return propagate(clean);
  if (auto clean = store.remove_unlisted(); !clean) return propagate(clean);
  return store;
}

Result<void> Store::read() {
  auto view = read_view(folder_);
  if (!view) return propagate(view);
  installed_ = std::move(view->installed);
  marker_ = std::move(view->marker);
  return {};
}

// Packages and signatures that were staged by a command that did not come to its end.
Result<void> Store::remove_unlisted() const {
  const auto names = folder_.names();
  if (!names) return propagate(names);
  for (const std::string& name : *names) {
    if (!name.ends_with(kTar) && !name.ends_with(kSignature)) continue;
    const std::string id = name.substr(0, name.find('.'));
    if (!is_update_id(id) || installed_.find(id) != nullptr) continue;
    if (auto gone = folder_.remove(name); !gone) return gone;
  }
  return {};
}

Result<std::optional<InstalledUpdate>> Store::settle(const std::string& boot) {
  if (!marker_) return std::nullopt;
  const std::optional<InstalledUpdate> guilty = left_by_crash(marker_, boot);
  if (guilty) {
    const bool listed = installed_.find(guilty->id) != nullptr;
    if (auto kept = listed ? note(*guilty) : keep(*guilty); !kept) return propagate(kept);
  }
  if (auto gone = unmark(); !gone) return propagate(gone);
  marker_.reset();
  return guilty;
}

Result<void> Store::stage(const std::string& id, std::span<const std::uint8_t> tar,
                          const std::optional<std::string>& signature) const {
  if (auto staged = folder_.write(tar_name(id), tar, Readers::owner); !staged) return staged;
  if (!signature) return {};
  return folder_.write(signature_name(id), bytes(*signature));
}

Result<void> Store::unstage(const std::string& id) const {
  if (installed_.find(id) != nullptr) return {};
  return remove_files(id);
}

// What is written can be read, or the store could not be opened any more; so it is found out before anything is
// applied.
Result<void> Store::mark(const InstalledUpdate& update, const std::string& boot) const {
  const std::string marker = marker_text({one_line(boot), update});
  if (!parse_marker(marker, kMarker) || !parse_installed(installed_text(with(update)), kState))
    return fail(ExitCode::error, "store-unwritable", kTooMuch)
        .at_file(folder_.path())
        .hint(kRemoveSome);
  return folder_.write(kMarker, bytes(marker));
}

Result<void> Store::unmark() const { return folder_.remove(kMarker); }

// The reader's limits hold for the writer too.
Result<void> Store::write(Installed next) {
  if (!parse_installed(installed_text(next), kState))
    return fail(ExitCode::error, "store-unwritable", kTooMuch)
        .at_file(folder_.path())
        .hint(kRemoveSome);
  if (auto written = folder_.write(kState, bytes(installed_text(next))); !written) return written;
  installed_ = std::move(next);
  return {};
}

Installed Store::with(const InstalledUpdate& update) const {
  Installed next = installed_;
  std::erase_if(next.updates, [&](const InstalledUpdate& one) { return one.id == update.id; });
  next.updates.push_back(update);
  return next;
}

Result<void> Store::keep(const InstalledUpdate& update) {
  if (auto written = write(with(update)); !written) return written;
  // That of a package of this id which was installed before goes when nothing counts on it any more.
  return update.signed_by.empty() ? folder_.remove(signature_name(update.id)) : Result<void>();
}

Result<void> Store::note(const InstalledUpdate& update) {
  Installed next = installed_;
  const auto at = std::ranges::find(next.updates, update.id, &InstalledUpdate::id);
  if (at == next.updates.end() || *at == update) return {};
  *at = update;
  return write(std::move(next));
}

Result<void> Store::forget(const std::string& id) {
  Installed next = installed_;
  std::erase_if(next.updates, [&](const InstalledUpdate& one) { return one.id == id; });
  if (auto written = write(std::move(next)); !written) return written;
  return remove_files(id);
}

Result<void> Store::remove_files(const std::string& id) const {
  if (auto gone = folder_.remove(tar_name(id)); !gone) return gone;
  return folder_.remove(signature_name(id));
}

Result<std::vector<std::uint8_t>> Store::package(const std::string& id) const {
  auto tar = folder_.read(tar_name(id), kMaxPackageBytes);
  if (!tar) return propagate(tar);
  if (!*tar)
    return fail(ExitCode::error, "store-unreadable", "the package of an installed update is gone")
        .at_file(package_path(id))
        .hint("install the update again");
  return std::move(**tar);
}

Result<std::optional<std::string>> Store::signature(const std::string& id) const {
  const auto file = folder_.read(signature_name(id), kMaxSignatureFile);
  if (!file) return propagate(file);
  if (!*file) return std::nullopt;
  return std::string(text(**file));
}

std::string Store::package_path(const std::string& id) const {
  return folder_.path() + "/" + tar_name(id);
}

}  // namespace splicer
