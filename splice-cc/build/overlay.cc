// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/build/overlay.h"

#include <fmt/core.h>

#include "matcher/base/file.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

// Objects and what kbuild keeps about them: written anew here, so never linked (a link would be
// written through).
bool is_output(const std::string& name) {
  return name.ends_with(".o") || name.ends_with(".cmd") || name.ends_with(".d") ||
         name.ends_with(".a") || name.ends_with(".mod");
}

Failure cannot(const fs::path& path, const std::error_code& code) {
  return fail(ExitCode::error, "scratch-unwritable",
              fmt::format("a temporary file cannot be made: {}", code.message()))
      .at_file(path.string())
      .hint("make room in $TMPDIR, or let it name another directory");
}

Result<void> link_entries(const fs::path& from, const fs::path& to) {
  const Listing listing = list_directory(from);
  if (listing.error != 0)
    return cannot(to, std::error_code(listing.error, std::generic_category()));
  for (const auto& entry : listing.entries) {
    const std::string name = entry.path().filename().string();
    if (is_output(name)) continue;
    std::error_code code;
    fs::create_symlink(entry.path(), to / name, code);
    if (code) return cannot(to / name, code);
  }
  return {};
}

}  // namespace

Result<Overlay> Overlay::make(const Tree& tree, const fs::path& folder,
                              const std::set<std::string>& files) {
  Overlay overlay(tree.source, folder, files);
  std::error_code code;
  fs::create_directories(folder, code);
  if (code) return cannot(folder, code);
  if (auto linked = link_entries(tree.source, folder); !linked) return propagate(linked);
  for (const std::string& file : files) {
    if (auto opened = overlay.open_folder(fs::path(file).parent_path().string()); !opened)
      return propagate(opened);
    const fs::path original = tree.source / file;
    if (!fs::exists(original)) continue;  // a file that the patch adds
    fs::remove(folder / file, code);
    fs::copy_file(original, folder / file, code);
    if (code) return cannot(folder / file, code);
    fs::permissions(folder / file, fs::perms::owner_write, fs::perm_options::add, code);
  }
  return overlay;
}

Result<void> Overlay::open_folder(const std::string& path) {
  fs::path done;
  for (const fs::path& part : fs::path(path)) {
    done /= part;
    const fs::path here = folder_ / done;
    std::error_code code;
    if (!fs::is_symlink(here, code)) {
      fs::create_directory(here, code);  // of a new file; "." and ".." are there
      continue;
    }
    fs::remove(here, code);
    fs::create_directory(here, code);
    if (code) return cannot(here, code);
    if (auto linked = link_entries(source_ / done, here); !linked) return linked;
  }
  return {};
}

Result<bool> Overlay::check(const std::vector<std::string>& read) {
  std::error_code code;
  const fs::path tree = fs::weakly_canonical(source_, code);
  // Does the name lead to a patched file as it was, through some linked directory on its way?
  const auto is_as_it_was = [&](const std::string& name) {
    const fs::path real = fs::weakly_canonical(folder_ / name, code);
    return !code && files_.contains(real.lexically_relative(tree).string());
  };
  bool right = true;
  for (const std::string& name : read) {
    if (!is_as_it_was(name)) continue;
    right = false;
    if (auto opened = open_folder(fs::path(name).parent_path().string()); !opened)
      return propagate(opened);
    if (is_as_it_was(name))
      return fail(ExitCode::error, "patched-file-linked",
                  "the file is a link to one that the patch changes, so both would change")
          .at_file(name)
          .hint("give a source without such links, with --source");
  }
  return right;
}

}  // namespace splicer
