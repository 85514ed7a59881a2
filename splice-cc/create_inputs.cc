// SPDX-License-Identifier: GPL-2.0-or-later
//
// Passes: what the update is made from. The kernel's parts, its source made ready, the patches.
#include "splice-cc/create.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

// The patches of an update, as files that PatchSet can read.
Result<void> unpack_patches(const Creation& creation, const std::string& update,
                            std::vector<std::string>& paths) {
  auto package = read_package(update);
  if (!package) return propagate(package);
  for (const PackagePatch& patch : package->manifest.patches) {
    const auto& bytes = package->members.at(patch.member);
    const fs::path path =
        creation.scratch->path() / "on" / package->manifest.id / fs::path(patch.member).filename();
    if (auto written = write_file(path, std::string(bytes.begin(), bytes.end())); !written)
      return written;
    paths.push_back(path.string());
  }
  return {};
}

Result<std::vector<std::string>> base_patches(const Creation& creation) {
  std::vector<std::string> paths;
  for (const std::string& name : creation.options.on) {
    if (!name.ends_with(".tar")) {
      paths.push_back(name);
    } else if (auto unpacked = unpack_patches(creation, name, paths); !unpacked) {
      return propagate(unpacked);
    }
  }
  return paths;
}

}  // namespace

Result<void> find_kernel(Creation& creation) {
  auto host = find_host(creation.options.host);
  if (!host) return propagate(host);
  creation.host = std::move(*host);
  creation.console.detail("kernel {}: {}", creation.host.kernel.release,
                          creation.host.kernel.version);
  creation.console.detail("source {}", creation.host.source.string());
  creation.console.detail("compiler {}", creation.host.kernel.compiler);
  const CreateOptions& options = creation.options;
  if (!options.package_key.empty()) {
    auto key = PackageKey::load(options.package_key);
    if (!key) return propagate(key);
    creation.package_key = std::move(*key);
  }
  if (options.module_key.empty()) return {};
  auto signer = ModuleKey::load(options.module_key, options.module_certificate);
  if (!signer) return propagate(signer);
  creation.signer = std::move(*signer);
  return {};
}

Result<void> prepare_source(Creation& creation) {
  auto scratch = ScratchFolder::make();
  if (!scratch) return propagate(scratch);
  creation.scratch = std::make_unique<ScratchFolder>(std::move(*scratch));
  if (creation.options.keep_scratch) {
    creation.scratch->keep();
    creation.console.stage("keeping {}", creation.scratch->path().string());
  }
  auto tree = prepare_tree(creation.host, creation.console, creation.options.jobs);
  if (!tree) return propagate(tree);
  creation.tree = std::move(*tree);
  auto kbuild = Kbuild::open(creation.tree, creation.host, creation.options.driver,
                             creation.options.include_folder);
  if (!kbuild) return propagate(kbuild);
  creation.kbuild = std::make_unique<Kbuild>(std::move(*kbuild));
  return {};
}

Result<void> read_patches(Creation& creation) {
  auto paths = base_patches(creation);
  if (!paths) return propagate(paths);
  auto base = PatchSet::load(*paths, creation.tree.source);
  if (!base) return propagate(base);
  if (auto right = base->check_files(); !right) return right;
  creation.base = std::move(*base);
  if (creation.patches.patches().empty()) {
    auto patches = PatchSet::load(creation.options.patches, creation.tree.source);
    if (!patches) return propagate(patches);
    creation.patches = std::move(*patches);
  }
  if (auto right = creation.patches.check_files(); !right) return right;
  creation.patched_files = creation.patches.files();
  const std::set<std::string> configuration = creation.patches.configuration();
  if (creation.patched_files.empty() && !configuration.empty())
    return fail(ExitCode::unsafe, "build-rules-changed",
                "the patch changes how the kernel is configured, which a running kernel has behind "
                "it")
        .at_file(*configuration.begin())
        .hint("build and boot a kernel with it");
  for (const std::string& file : configuration) {
    Finding finding;
    finding.code = "not-in-force";
    finding.refuse = false;
    finding.name = file;
    finding.place.file = file;
    finding.message =
        fmt::format("{} is left out: the configuration of a running kernel stays as it is", file);
    creation.findings.push_back(std::move(finding));
  }
  return {};
}

}  // namespace splicer
