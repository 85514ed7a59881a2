// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/release/source_package.h"

#include <fmt/core.h>

#include <optional>

#include "matcher/base/decompress.h"
#include "matcher/base/file.h"
#include "splice-cc/source/debian.h"
#include "splice-cc/source/host.h"
#include "splice-cc/source/process.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

// Part of a path and of apt's command line, so no more than policy 5.6.12 allows.
bool is_version(const std::string& text) {
  constexpr std::size_t kMost = 100;
  if (text.empty() || text.size() > kMost || text[0] < '0' || text[0] > '9') return false;
  return text.find_first_not_of(
             "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.+-~") ==
         std::string::npos;
}

// Nothing if this folder has not the package in that version.
Result<std::optional<SourcePackage>> read_package(const fs::path& root, const std::string& package,
                                                  const std::string& series,
                                                  const std::string& version) {
  constexpr std::size_t kMostChangelog = 256U << 20U;
  std::error_code code;
  const fs::path changelog = resolve_in_root(root, changelog_path(package));
  const fs::path tarball = resolve_in_root(root, source_tarball(series));
  if (!fs::is_regular_file(tarball, code) || changelog_version(changelog) != version)
    return std::optional<SourcePackage>();
  const Contents compressed = read_contents(changelog);
  if (compressed.error != 0) return unreadable_file(changelog, compressed.error);
  auto text = decompress(compressed.bytes, "the changelog", kMostChangelog);
  if (!text) return propagate(text);
  return std::optional<SourcePackage>({version, tarball, std::string(text->begin(), text->end())});
}

Failure not_fetched(const std::string& package, const std::string& output) {
  return fail(ExitCode::error, "release-fetch", fmt::format("apt cannot bring {}", package))
      .detail(last_lines(output, 10))
      .hint("apt-get update; apt-cache policy says which versions the archive has");
}

// Into `folder`, which is not there yet.
Result<void> fetch(const std::string& package, const fs::path& folder, const Console& console) {
  auto lock = FileLock::take(folder.string() + ".lock");
  if (!lock) return propagate(lock);
  std::error_code code;
  if (fs::exists(folder, code)) return {};
  const fs::path part = folder.string() + ".part";
  fs::remove_all(part, code);
  fs::create_directories(part / "root", code);
  if (code)
    return fail(ExitCode::error, "cache-unwritable",
                fmt::format("the cache cannot be written: {}", code.message()))
        .at_file(part.string())
        .hint("set XDG_CACHE_HOME to a directory that you may write");
  console.stage("fetching {}", package);
  auto run = run_program(fetch_command(package), {.folder = part});
  if (!run) return propagate(run);
  if (run->status != 0) return not_fetched(package, run->output);
  for (const fs::directory_entry& entry : list_directory(part).entries) {
    if (entry.path().extension() != ".deb") continue;
    run = run_program(unpack_command(entry.path(), part / "root"));
    if (!run) return propagate(run);
    if (run->status != 0) return not_fetched(package, run->output);
  }
  fs::rename(part / "root", folder, code);
  if (code)
    return fail(ExitCode::error, "cache-unwritable",
                fmt::format("the cache cannot be written: {}", code.message()))
        .at_file(folder.string());
  fs::remove_all(part, code);
  return {};
}

}  // namespace

Result<SourcePackage> find_source_package(const std::string& version,
                                          const SourcePackageOptions& options,
                                          const Console& console) {
  const auto series = kernel_series(version, "");
  if (!is_version(version) || !series)
    return fail(ExitCode::usage, "usage",
                fmt::format("'{}' is not the version of a kernel's source package", version))
        .hint("write it as Debian does: --from 6.1.176-1 --to 6.1.187-1");
  const std::string package = source_package(*series);
  const std::string exact = exact_package(package, version);
  const fs::path kept = options.cache / "packages" / fmt::format("{}_{}", package, version);
  for (const fs::path& root : {kept, options.root}) {
    auto found = read_package(root, package, *series, version);
    if (!found) return propagate(found);
    if (*found) return std::move(**found);
  }
  if (!options.fetch)
    return fail(ExitCode::error, "release-source-missing",
                fmt::format("the package {} of version {} is not here", package, version))
        .at_file(kept.string())
        .hint(
            fmt::format("--fetch brings it into the cache, or: apt-get download {} && dpkg-deb -x "
                        "{}_*.deb {}",
                        exact, package, kept.string()));
  if (auto fetched = fetch(exact, kept, console); !fetched) return propagate(fetched);
  auto found = read_package(kept, package, *series, version);
  if (!found) return propagate(found);
  if (!*found) return not_fetched(exact, "what came is of another version");
  return std::move(**found);
}

}  // namespace splicer
