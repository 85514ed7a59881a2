// SPDX-License-Identifier: GPL-2.0-or-later
//
// Passes: the update itself. The new code of each target as a module, the core module, the archive.
#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <future>
#include <iterator>
#include <map>
#include <set>

#include "matcher/base/version.h"
#include "runtime/package/cve.h"
#include "runtime/package/digest.h"
#include "runtime/package/update_name.h"
#include "runtime/prepare/livepatch_module.h"
#include "runtime/prepare/sealed_keys.h"
#include "splice-cc/create.h"
#include "splice-cc/deb_package.h"
#include "splice-cc/diff/escapes.h"
#include "splice-cc/module/livepatch_frame.h"
#include "splice-cc/module/new_module.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

std::vector<std::uint8_t> to_bytes(const std::string& text) { return {text.begin(), text.end()}; }

// The core module for this kernel, built once for each version of its sources.
Result<std::string> core_module(const Creation& creation) {
  std::vector<fs::path> files;
  for (const auto& entry : list_directory(creation.options.core_source).entries)
    if (std::error_code unknown; entry.is_regular_file(unknown)) files.push_back(entry.path());
  std::string all;
  for (const fs::path& file : files) {
    auto text = read_text(file);
    if (!text) return propagate(text);
    all += file.filename().string() + "\n" + *text;
  }
  if (files.empty())
    return fail(ExitCode::error, "core-module", "the sources of the core module are missing")
        .at_file(creation.options.core_source.string())
        .hint("install Splice again, with its share/splice/kmod");
  const fs::path module =
      creation.tree.store / fmt::format("core-{}", sha256_hex(all).substr(0, 16)) / "splice.ko";
  if (!fs::exists(module)) {
    auto built = creation.kbuild->build_module(creation.options.core_source, "splice", module, 1);
    if (!built) return propagate(built);
  }
  return read_text(module);
}

using TargetUnits = std::map<std::string, std::vector<const ChangedUnit*>>;

// vmlinux first: modules may use what it brings.
std::vector<std::string> in_order(const TargetUnits& targets) {
  std::vector<std::string> order;
  for (const auto& [name, units] : targets) order.push_back(name);
  std::stable_partition(order.begin(), order.end(),
                        [](const std::string& name) { return name == "vmlinux"; });
  return order;
}

// What the kernel's own record of its types is asked on the target. What code reaches through its old
// objects is proved by their code, and the loader compares exported functions (CONFIG_MODVERSIONS).
void add_used_names(UsedNames used, PackageTarget& target) {
  for (auto& [type, layout] : used.layouts) target.types.push_back(std::move(layout));
  for (const auto& [name, value] : used.enumerators) target.enumerators.push_back({name, value});
  std::map<std::string, std::string> reached;
  for (const PackageSymbol& symbol : target.symbols)
    if (const auto known = used.declarations.find(symbol.kernel_name);
        symbol.source == "kernel" && known != used.declarations.end())
      reached.insert(*known);
  for (const auto& [name, type] : reached) target.declarations.push_back({name, type});
}

// A target's new code, its units and their pre objects, into the package.
void add_target(Creation& creation, const std::string& name,
                const std::vector<const ChangedUnit*>& units, NewModule module) {
  PackageTarget target;
  target.name = name;
  target.new_member = fmt::format("new/{}.ko", name);
  target.functions = std::move(module.functions);
  target.symbols = std::move(module.symbols);
  target.hooks = std::move(module.hooks);
  target.values = std::move(module.values);
  add_used_names(std::move(creation.used[name]), target);
  creation.package.members[target.new_member] = std::move(module.bytes);
  for (const ChangedUnit* unit : units) {
    PackageUnit entry{unit->unit.name, unit->unit.source, "pre/" + unit->unit.name};
    const Bytes pre = unit->pair->pre_object.file();
    creation.package.members[entry.pre].assign(pre.begin(), pre.end());
    target.units.push_back(std::move(entry));
  }
  creation.package.manifest.targets.push_back(std::move(target));
}

// The livepatch form's frame, where the kernel has such a thing and it has a callback for each hook.
Result<void> add_frame(Creation& creation, const ModuleGlue& glue) {
  Package& package = creation.package;
  if (!glue.exports().contains("klp_enable_patch") ||
      !livepatch_obstacles(package.manifest).empty())
    return {};
  const auto imports = imports_of(package);
  if (!imports) return propagate(imports);
  const std::string text = livepatch_frame(package.manifest, *imports, glue.exports());
  const fs::path object = creation.scratch->path() / "frame.o";
  if (auto built = creation.kbuild->build_module_object(text, object); !built) return built;
  auto bytes = read_text(object);
  if (!bytes) return propagate(bytes);
  package.manifest.frame = "livepatch/frame.o";
  package.members[package.manifest.frame] = to_bytes(*bytes);
  return {};
}

// Whose package it is and how old it claims to be are told by the variables that Debian's tools have for it; without
// them it is the same wherever and whenever it is made.
Result<void> write_deb(Creation& creation, std::span<const std::uint8_t> tar,
                       const std::string& signature) {
  const auto variable = [](const char* name, const char* otherwise) {
    const char* const value = std::getenv(name);
    return std::string(value != nullptr && *value != 0 ? value : otherwise);
  };
  constexpr std::int64_t kFirstOf1980 = 315532800;
  const std::string epoch = variable("SOURCE_DATE_EPOCH", "");
  std::int64_t time = kFirstOf1980;
  const auto read = std::from_chars(epoch.data(), epoch.data() + epoch.size(), time);
  if (!epoch.empty() &&
      (read.ec != std::errc() || read.ptr != epoch.data() + epoch.size() || time < 0))
    return fail(ExitCode::usage, "usage", "SOURCE_DATE_EPOCH is not a number of seconds")
        .hint("unset it, or set it to what date +%s prints");
  const Manifest& manifest = creation.package.manifest;
  const std::string version = creation.options.deb_version.empty() ? default_deb_version(manifest)
                                                                   : creation.options.deb_version;
  const std::string maintainer = fmt::format("{} <{}>", variable("DEBFULLNAME", "root"),
                                             variable("DEBEMAIL", "root@localhost"));
  const auto deb = make_deb({manifest, tar, signature, version, maintainer, time});
  if (!deb) return propagate(deb);
  creation.deb = creation.options.deb_folder / deb_file_name(manifest, version);
  return write_file(creation.deb, {reinterpret_cast<const char*>(deb->data()), deb->size()});
}

}  // namespace

Result<void> make_modules(Creation& creation) {
  // The core module is another make; it runs beside the rest.
  auto core = std::async(std::launch::async, [&creation] { return core_module(creation); });
  auto glue = ModuleGlue::make(*creation.kbuild);
  if (!glue) return propagate(glue);

  TargetUnits targets;
  for (const ChangedUnit& unit : creation.units)
    if (!unit.diff->included.empty() || !unit.diff->replaced.empty() || !unit.diff->values.empty())
      targets[unit.unit.target].push_back(&unit);
  Manifest& manifest = creation.package.manifest;
  manifest.kernel = creation.host.kernel;
  manifest.tool_version = version();
  std::map<std::string, std::string> defined;
  for (const std::string& name : in_order(targets)) {
    const std::vector<const ChangedUnit*>& units = targets[name];
    auto module = make_module(units, *glue, manifest.targets.size(), defined);
    if (!module) return propagate(module);
    add_target(creation, name, units, std::move(*module));
    for (const ChangedUnit* unit : units)
      std::ranges::move(find_escapes(*unit->pair, *unit->diff), std::back_inserter(manifest.keeps));
    for (const ChangedUnit* unit : units)
      for (const std::string& symbol : new_names_defined(*unit->pair)) defined[symbol] = name;
  }
  for (const std::string& place : manifest.keeps)
    creation.console.stage("{}: after an undo, the update's memory stays", place);
  if (auto framed = add_frame(creation, *glue); !framed) return framed;
  auto built = core.get();
  if (!built) return propagate(built);
  manifest.core = "core/splice.ko";
  creation.package.members[manifest.core] = to_bytes(*built);
  return {};
}

Result<void> make_livepatch(Creation& creation) {
  const CreateOptions& options = creation.options;
  if (options.format == Format::package && !creation.signer) return {};
  Package& package = creation.package;
  std::vector<std::vector<std::uint8_t>> modules;
  for (std::size_t i = 0; i < package.manifest.targets.size(); ++i) {
    const PackageTarget& target = package.manifest.targets[i];
    auto decided = decide_sealed_branches(package.members.at(target.new_member), target.new_member,
                                          creation.matched.addresses[i], *creation.shipped);
    if (!decided) return propagate(decided);
    modules.push_back(std::move(*decided));
  }
  const bool alone = options.format == Format::livepatch;
  const std::string name = alone ? options.output.stem().string() : livepatch_module_name(package);
  auto module = make_livepatch_module(
      {package, creation.matched, modules, creation.shipped->symbols(), name, /*portable=*/true});
  if (module && creation.signer) module = creation.signer->sign(*module);
  if (!module) return propagate(module);
  if (alone) {
    creation.livepatch = std::move(*module);
    return {};
  }
  package.manifest.livepatch = fmt::format("livepatch/{}.ko", name);
  package.members[package.manifest.livepatch] = std::move(*module);
  auto core = creation.signer->sign(package.members.at(package.manifest.core));
  if (!core) return propagate(core);
  package.members[package.manifest.core] = std::move(*core);
  return {};
}

Result<void> name_update(Creation& creation) {
  Manifest& manifest = creation.package.manifest;
  manifest.fixes = creation.options.fixes;
  std::vector<std::string> titles;
  // Of a patch that is not whole, only its maker knows what it still fixes.
  const bool whole = manifest.parts_left_out.empty() || !creation.options.must.empty();
  for (const Patch& patch : creation.patches.patches()) {
    titles.push_back(patch.title);
    if (creation.options.fixes_from_patches && whole)
      std::ranges::move(cve_ids_in(patch.prose), std::back_inserter(manifest.fixes));
  }
  sort_cve_ids(manifest.fixes);
  if (manifest.fixes.size() > kMaxFixes)
    return fail(ExitCode::error, "too-many-fixes",
                fmt::format("the patches speak of {} CVEs, and an update can fix {}",
                            manifest.fixes.size(), kMaxFixes))
        .hint("name those that it fixes: --fixes none --fixes CVE-...");
  manifest.name =
      creation.options.name.empty() ? default_name(titles, manifest.fixes) : creation.options.name;
  if (!manifest.fixes.empty()) creation.console.stage("fixes {}", fmt::join(manifest.fixes, ", "));
  return {};
}

Result<void> write_update(Creation& creation) {
  if (creation.options.format == Format::livepatch) {
    creation.written = creation.options.output;
    return write_file(creation.written, {reinterpret_cast<const char*>(creation.livepatch.data()),
                                         creation.livepatch.size()});
  }
  Manifest& manifest = creation.package.manifest;
  std::size_t number = 0;
  for (const Patch& patch : creation.patches.patches()) {
    std::string name = patch.name;
    for (char& c : name)
      if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && c != '-' && c != '_')
        c = '_';
    const std::string member = fmt::format("patch/{:04}-{}", ++number, name);
    manifest.patches.push_back({member, patch.title});
    creation.package.members[member] = to_bytes(patch.text);
  }
  for (const Patch& patch : creation.base.patches())
    manifest.base.push_back({patch.title, sha256_hex(patch.text)});
  manifest.warnings = creation.warnings;
  auto tar = write_package(creation.package);
  if (!tar) return propagate(tar);
  creation.written = creation.options.output.empty()
                         ? fs::path(fmt::format("splice-{}.tar", manifest.id))
                         : creation.options.output;
  Result<std::string> signature;
  if (creation.package_key) signature = creation.package_key->sign(*tar, creation.options.expires);
  if (!signature) return propagate(signature);
  auto written =
      write_file(creation.written, {reinterpret_cast<const char*>(tar->data()), tar->size()});
  if (written && !signature->empty())
    written = write_file(creation.written.string() + ".sig", *signature);
  if (!written || creation.options.deb_folder.empty()) return written;
  return write_deb(creation, *tar, *signature);
}

}  // namespace splicer
