// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/verify.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "matcher/base/file.h"
#include "matcher/elf/elf_object.h"
#include "matcher/elf/module_name.h"
#include "matcher/image/disk_image.h"
#include "runtime/prepare/match_update.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

using ModuleFiles = std::map<std::string, fs::path>;

// All modules of the kernel, by name. Links are not followed.
ModuleFiles module_files(const fs::path& folder) {
  ModuleFiles files;
  for (const auto& entry : list_tree(folder).entries)
    if (const std::string name = entry.path().filename();
        name.ends_with(".ko") || name.find(".ko.") != std::string::npos)
      files.emplace(module_name_of(entry.path()), entry.path());
  return files;
}

// "depends=a,b" in .modinfo, which modpost writes (scripts/mod/modpost.c, add_depends()).
std::vector<std::string> needed_by(const ElfObject& module) {
  std::vector<std::string> names;
  const Section* info = module.find_section(".modinfo");
  if (info == nullptr) return names;
  std::string_view text(reinterpret_cast<const char*>(info->bytes.data()), info->bytes.size());
  constexpr std::string_view kDepends = "depends=";
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\0'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.starts_with(kDepends)) continue;
    line.remove_prefix(kDepends.size());
    while (!line.empty()) {
      const std::string_view name = line.substr(0, line.find(','));
      line.remove_prefix(std::min(line.size(), name.size() + 1));
      if (!name.empty()) names.push_back(module_name_of(fs::path(name)));
    }
  }
  return names;
}

// The files of the targets that are modules, and of all modules that these need.
Result<std::vector<fs::path>> files_for(const Creation& creation) {
  const std::string& release = creation.host.kernel.release;
  const fs::path folder =
      resolve_in_root(creation.host.root, fs::path("lib/modules") / release / "kernel");
  std::vector<std::string> open;
  for (const PackageTarget& target : creation.package.manifest.targets)
    if (target.name != "vmlinux") open.push_back(target.name);
  std::vector<fs::path> files;
  if (open.empty()) return files;
  const ModuleFiles all = module_files(folder);
  std::set<std::string> seen(open.begin(), open.end());
  while (!open.empty()) {
    const std::string name = open.back();
    open.pop_back();
    const auto file = all.find(name);
    if (file == all.end())
      return fail(ExitCode::error, "module-file-missing",
                  fmt::format("the kernel's package has no file of the module '{}'", name))
          .at_file(folder.string())
          .hint(fmt::format("apt-get install linux-image-{}, or --root with it unpacked", release));
    auto module = ElfObject::load(file->second);
    if (!module) return propagate(module);
    files.push_back(file->second);
    for (const std::string& needed : needed_by(*module))
      if (seen.insert(needed).second) open.push_back(needed);
  }
  return files;
}

}  // namespace

Result<void> verify_update(Creation& creation) {
  // What a live patch of the kernel's own refers to is looked up in what matches.
  if (!creation.options.verify && creation.options.format == Format::package && !creation.signer)
    return {};
  const std::string& release = creation.host.kernel.release;
  creation.console.stage("matching it against the shipped kernel");
  const fs::path kernel =
      resolve_in_root(creation.host.root, fs::path("boot") / ("vmlinuz-" + release));
  std::error_code code;
  if (!fs::is_regular_file(kernel, code))
    return fail(ExitCode::error, "kernel-image-missing",
                "the kernel's image is missing, so nothing can be verified")
        .at_file(kernel.string())
        .hint(fmt::format("apt-get install linux-image-{}, or --root with it unpacked", release));
  auto modules = files_for(creation);
  if (!modules) return propagate(modules);
  auto image = open_disk_image(kernel.string(), *modules);
  if (!image) return propagate(image);
  const State nothing_applied;
  auto matched = match_update(creation.package, {}, **image, nothing_applied);
  if (!matched) return propagate(matched);
  std::size_t objects = 0;
  for (const PackageTarget& target : creation.package.manifest.targets)
    objects += target.units.size();
  creation.verified = {matched->functions.size() + matched->checked.size(), objects};
  creation.shipped = std::move(*image);
  creation.matched = std::move(*matched);
  return {};
}

}  // namespace splicer
