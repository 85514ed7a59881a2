// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/await.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <vector>

#include "matcher/base/file.h"
#include "matcher/base/ownership.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

// The program that applies late parts lies beside the one that runs, or is installed.
Result<std::string> late_helper() {
  std::error_code failed;
  const fs::path self = fs::read_symlink("/proc/self/exe", failed);
  return trusted_program({(self.parent_path() / "splice-apply").string(), "/usr/sbin/splice-apply",
                          "/usr/local/sbin/splice-apply"});
}

// Why somebody else than root might have made the file, or could change it; nullptr: nobody can.
const char* why_not_roots(const fs::path& path, unsigned type) {
  const UniqueFd found(open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  return found ? why_not_ours(found.get(), type) : "is not there";
}

bool refuses_unpatched() {
  const auto trust = Trust::read();
  return !trust || trust->policy().refuse_unpatched;
}

Result<void> await_each(const Apply& apply, const std::vector<std::size_t>& indexes, bool hold) {
  if (indexes.empty()) return {};
  const Manifest& manifest = apply.package.manifest;
  const auto helper = late_helper();
  if (!helper) return propagate(helper);
  const bool refuse = refuses_unpatched();
  for (const std::size_t index : indexes) {
    auto awaited = apply.device->await({.module = manifest.targets[index].name,
                                        .code = update_module_name(manifest.id, index),
                                        .helper = *helper,
                                        .refuse = refuse,
                                        .hold = hold});
    if (!awaited) return awaited;
  }
  return {};
}

std::string_view text_of(const std::vector<std::uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Result<void> await_targets(Apply& apply) {
  const auto& targets = apply.package.manifest.targets;
  std::vector<std::size_t> modules;
  for (std::size_t i = 0; i < targets.size(); ++i)
    if (targets[i].name != "vmlinux") modules.push_back(i);
  return await_each(apply, modules, true);
}

std::set<std::string> referred_targets(const Apply& apply, std::size_t index) {
  const auto& targets = apply.package.manifest.targets;
  std::vector<RunAddress> addresses;
  for (const auto& [name, address] : apply.matched.addresses[index]) addresses.push_back(address);
  std::set<std::string> referred = owners(addresses, apply.image->symbols());
  for (const PackageSymbol& symbol : targets[index].symbols)
    if (symbol.source == "update") referred.insert(symbol.target);
  std::erase_if(referred, [&](const std::string& name) {
    return name == "vmlinux" || name == targets[index].name ||
           std::ranges::find(targets, name, &PackageTarget::name) == targets.end();
  });
  return referred;
}

Result<void> settle_targets(Apply& apply) {
  const Manifest& manifest = apply.package.manifest;
  std::set<std::string> held;
  for (std::size_t i = 0; i < manifest.targets.size(); ++i)
    if (!apply.left_out.contains(manifest.targets[i].name)) held.merge(referred_targets(apply, i));
  if (!apply.options.late.empty()) {
    for (const std::string& name : held)
      if (auto pinned = apply.device->pin(name); !pinned) return pinned;
    return {};
  }
  std::vector<std::size_t> free;
  for (std::size_t i = 0; i < manifest.targets.size(); ++i) {
    const PackageTarget& target = manifest.targets[i];
    if (target.name != "vmlinux" && !held.contains(target.name) && target.hooks.empty() &&
        manifest.keeps.empty())
      free.push_back(i);
  }
  return await_each(apply, free, false);
}

std::string kept_package(const std::string& id, const std::string& folder) {
  return folder + "/" + id + ".tar";
}

Result<void> keep_package(const std::string& id, const AdmittedPackage& package,
                          const std::string& folder) {
  const std::string path = kept_package(id, folder);
  auto kept = write_file(path, text_of(package.bytes()));
  if (kept && package.signature()) kept = write_file(path + ".sig", *package.signature());
  if (kept) return {};
  return fail(ExitCode::error, "record-unwritable",
              fmt::format("the package cannot be kept for modules that are loaded later: {}",
                          kept.error().message))
      .at_file(path)
      .hint("mount a tmpfs at /run, then apply the update");
}

Result<SignedBytes> read_kept(const std::string& id, const std::string& folder) {
  const std::string path = kept_package(id, folder);
  const char* why = why_not_roots(folder, S_IFDIR);
  if (why == nullptr) why = why_not_roots(path, S_IFREG);
  if (why == nullptr) return read_signed(path, {});
  return fail(ExitCode::error, "record-unsafe",
              fmt::format("the package that was kept for modules that are loaded later {}", why))
      .at_file(path)
      .hint("undo the update, and apply it again");
}

Result<std::string> trusted_program(const std::vector<std::string>& paths) {
  std::string whys;
  for (const fs::path path : paths) {
    const char* why = why_not_roots(path, S_IFREG);
    fs::path at = path;
    while (why == nullptr && at != at.parent_path()) {
      at = at.parent_path();
      why = why_not_roots(at, S_IFDIR);
    }
    if (why == nullptr) return path.string();
    whys += fmt::format("{}: {} {}\n", path.string(), at.string(), why);
  }
  return fail(ExitCode::error, "helper-unsafe",
              "the kernel would run splice-apply as root whenever a module comes that the update "
              "patches, and others than root could replace it")
      .detail(std::move(whys))
      .hint("install Splice (cmake --install), or copy its programs into a folder of root's");
}

void forget_package(const std::string& id, const std::string& folder) {
  std::error_code ignored;
  fs::remove(kept_package(id, folder), ignored);
  fs::remove(kept_package(id, folder) + ".sig", ignored);
}

std::set<std::string> missing_targets(const Manifest& manifest, const AppliedUpdate& update,
                                      std::set<std::string>& waiting) {
  std::set<std::string> missing;
  for (std::size_t i = 0; i < manifest.targets.size(); ++i) {
    if (std::ranges::find(update.modules, update_module_name(manifest.id, i)) !=
        update.modules.end())
      continue;
    const std::string& name = manifest.targets[i].name;
    (update.waits_for(name) ? waiting : missing).insert(name);
  }
  return missing;
}

Result<void> check_missing(const std::string& id, const std::set<std::string>& missing,
                           const std::set<std::string, std::less<>>& loaded, bool skip_unloaded) {
  for (const std::string& target : missing)
    if (loaded.contains(target))
      return fail(ExitCode::partly, "partly-applied",
                  fmt::format("the update is applied without module {0}, which was loaded later: "
                              "{0} is not patched",
                              target))
          .hint(fmt::format("rmmod {} and load it again, or splice-undo {}, then apply the update "
                            "again",
                            target, id));
  if (missing.empty() || skip_unloaded) return {};
  return fail(ExitCode::partly, "module-not-loaded",
              fmt::format("the update is applied, but for module {}, which is not loaded",
                          *missing.begin()))
      .hint(
          "accept that with --skip-unloaded; once the module is loaded, undo the update and "
          "apply it again");
}

}  // namespace splicer
