// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/create.h"

#include <fmt/core.h>

#include <algorithm>
#include <future>
#include <map>
#include <set>

#include "matcher/base/version.h"
#include "runtime/package/digest.h"
#include "splice-cc/build/patched_tree.h"
#include "splice-cc/build/unit_list.h"
#include "splice-cc/headers/header_readers.h"
#include "splice-cc/module/new_module.h"
#include "splice-cc/semantics/check.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

std::vector<std::uint8_t> to_bytes(const std::string& text) { return {text.begin(), text.end()}; }

Failure nothing_changes(const Creation& creation, const std::string& why) {
  return fail(ExitCode::no_change, "patch-changes-nothing", why)
      .at_file(creation.patches.patches().front().name)
      .hint("this kernel does not need the update");
}

// The patches inside a package, or the patch file itself, laid where PatchSet can read them.
Result<std::vector<std::string>> base_patches(Creation& creation) {
  std::vector<std::string> paths;
  for (const std::string& name : creation.options.on) {
    if (!name.ends_with(".tar")) {
      paths.push_back(name);
      continue;
    }
    auto package = read_package(name);
    if (!package) return propagate(package);
    for (const PackagePatch& patch : package->manifest.patches) {
      const auto& bytes = package->members.at(patch.member);
      const fs::path path = creation.scratch->path() / "on" / package->manifest.id /
                            fs::path(patch.member).filename();
      if (auto written = write_file(path, std::string(bytes.begin(), bytes.end())); !written)
        return propagate(written);
      paths.push_back(path.string());
    }
  }
  return paths;
}

// The core module for this kernel, built once for each version of its sources.
Result<std::string> core_module(const Creation& creation) {
  std::vector<fs::path> files;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(creation.options.core_source, code))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::string all;
  for (const fs::path& file : files) {
    auto text = read_text(file);
    if (!text) return propagate(text);
    all += file.filename().string() + "\n" + *text;
  }
  if (files.empty())
    return fail(ExitCode::error, "core-module", "the sources of the core module are not there")
        .at_file(creation.options.core_source.string())
        .hint("reinstall Splice");
  const fs::path module =
      creation.tree.store / fmt::format("core-{}", sha256_hex(all).substr(0, 16)) / "splice.ko";
  if (!fs::exists(module)) {
    auto built = creation.kbuild->build_module(creation.options.core_source, "splice", module, 1);
    if (!built) return propagate(built);
  }
  return read_text(module);
}

std::vector<Unit> units_of(const std::map<std::string, Unit>& named) {
  std::vector<Unit> units;
  units.reserve(named.size());
  for (const auto& [name, unit] : named) units.push_back(unit);
  return units;
}

std::string target_member(const std::string& target) { return fmt::format("new/{}.ko", target); }

}  // namespace

Result<void> find_kernel(Creation& creation) {
  auto host = find_host(creation.options.host);
  if (!host) return propagate(host);
  creation.host = std::move(*host);
  creation.console.detail("kernel {}: {}", creation.host.kernel.release,
                          creation.host.kernel.version);
  creation.console.detail("source {}", creation.host.source.string());
  creation.console.detail("compiler {}", creation.host.kernel.compiler);
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
  creation.base = std::move(*base);
  auto patches = PatchSet::load(creation.options.patches, creation.tree.source);
  if (!patches) return propagate(patches);
  creation.patches = std::move(*patches);
  return {};
}

Result<void> find_units(Creation& creation) {
  std::set<std::string> files = creation.patches.files();
  if (files.empty())
    return nothing_changes(creation,
                           "it changes no file that a kernel for this machine is built from");
  UnitList list(*creation.kbuild);
  std::map<std::string, Unit> direct;
  std::set<std::string> others;
  for (const std::string& file : files) {
    auto unit = list.find(file);
    if (!unit) return propagate(unit);
    if (*unit) {
      direct.emplace((*unit)->name, **unit);
    } else {
      others.insert(file);
    }
  }

  std::set<std::string> unused = others;
  std::vector<Unit> wanted = units_of(direct);
  if (!others.empty()) {
    auto affected = units_of_headers(creation, list, wanted, others);
    if (!affected) return propagate(affected);
    for (const std::string& file : affected->read) unused.erase(file);
    wanted.insert(wanted.end(), affected->units.begin(), affected->units.end());
    if (wanted.empty() && !affected->read.empty())
      return nothing_changes(creation, "no code of this kernel uses what it changes");
  }
  for (const Unit& unit : wanted)
    if (unit.shared)
      return fail(ExitCode::unsafe, "unit-in-two-modules",
                  "several modules contain this object, and Splice can update only one")
          .at_file(unit.name)
          .hint("no way yet; this is rare, please report it");
  creation.console.stage(
      "compiling {} file{} as {} {}", wanted.size(), wanted.size() == 1 ? "" : "s",
      wanted.size() == 1 ? "it is in" : "they are in", creation.host.kernel.release);
  if (auto built = creation.kbuild->build_pre(wanted, creation.options.jobs); !built) return built;

  // The compiler knows what a file really read.
  for (const Unit& unit : wanted) {
    auto read = creation.kbuild->dependencies(unit);
    if (!read) return propagate(read);
    bool reads = false;
    for (const std::string& file : *read) {
      if (!others.contains(file)) continue;
      reads = true;
      unused.erase(file);
    }
    if (reads || direct.contains(unit.name)) creation.units.push_back(unit);
  }
  std::sort(creation.units.begin(), creation.units.end(),
            [](const Unit& a, const Unit& b) { return a.name < b.name; });
  for (const std::string& file : unused) {
    if (creation.units.empty())
      return fail(ExitCode::no_change, "file-not-built",
                  fmt::format("the configuration of {} does not build it",
                              creation.host.kernel.release))
          .at_file(file)
          .hint("this kernel does not need the update");
    creation.warnings.push_back(fmt::format("{}: not built in this configuration", file));
  }
  return {};
}

Result<void> build_units(Creation& creation) {
  creation.console.stage("compiling {} file{} with the patch", creation.units.size(),
                         creation.units.size() == 1 ? "" : "s");
  std::vector<PatchSet> before = {creation.base};
  std::vector<PatchSet> after = {creation.base, creation.patches};
  const fs::path& scratch = creation.scratch->path();
  std::map<std::string, fs::path> pre;
  if (creation.base.patches().empty()) {
    for (const Unit& unit : creation.units) pre[unit.name] = creation.kbuild->pre_object(unit);
  } else {
    auto built = build_patched(*creation.kbuild, creation.units, before, scratch / "pre",
                               creation.options.jobs, &creation.warnings);
    if (!built) return propagate(built);
    pre = std::move(*built);
  }
  std::vector<Unit> rest;
  for (const Unit& unit : creation.units)
    if (!creation.post.contains(unit.name)) rest.push_back(unit);
  // Where nothing is left to compile, the view is what check_meaning() reads.
  std::vector<std::string> warnings;
  auto post = build_patched(*creation.kbuild, rest, after, scratch / "post", creation.options.jobs,
                            &warnings);
  if (!post) return propagate(post);
  creation.post.merge(*post);
  for (std::string& warning : warnings)
    if (std::ranges::find(creation.warnings, warning) == creation.warnings.end())
      creation.warnings.push_back(std::move(warning));
  for (const Unit& unit : creation.units)
    creation.built.push_back({unit, pre.at(unit.name), creation.post.at(unit.name)});
  return {};
}

Result<void> compare_units(Creation& creation) {
  for (const BuiltUnit& built : creation.built) {
    auto pair = UnitPair::open(built);
    if (!pair) return propagate(pair);
    creation.pairs.push_back(std::move(*pair));
  }
  // A unit may need a new function that another one defines, and so on.
  std::set<std::string> wanted;
  for (std::size_t before = 1; before != wanted.size() || creation.diffs.empty();) {
    before = wanted.size();
    creation.diffs.clear();
    for (const auto& pair : creation.pairs) {
      auto diff = diff_unit(*pair, wanted);
      if (!diff)
        return with_declarations(creation, *pair, std::move(diff.error()), build_folders(creation));
      creation.diffs.push_back(std::move(*diff));
      for (const std::string& name : new_names_needed({pair.get(), &creation.diffs.back()}))
        wanted.insert(name);
    }
  }
  std::size_t replaced = 0;
  std::size_t hooks = 0;
  std::vector<std::string> init;
  for (std::size_t i = 0; i < creation.pairs.size(); ++i) {
    const UnitDiff& diff = creation.diffs[i];
    const Unit& unit = creation.pairs[i]->unit;
    replaced += diff.replaced.size();
    hooks += diff.hooks.size();
    for (const std::string& name : diff.init_changes)
      init.push_back(fmt::format("{}: {}", unit.source, name));
    if (!diff.init_changes.empty() && !diff.exit_changes.empty())
      return fail(ExitCode::unsafe, "init-code-changed",
                  fmt::format("the patch changes start-up code ({}), which has run, together with "
                              "the code that undoes it",
                              diff.init_changes.front()))
          .at_file(unit.source)
          .in_function(*diff.exit_changes.begin())
          .hint("reload the module with the fix instead, or reboot");
    for (const ReplacedFunction& function : diff.replaced)
      creation.console.detail("{}: {} is replaced: {}", unit.name, function.name, function.why);
    for (const std::string& name : diff.added)
      creation.console.detail("{}: {} is new", unit.name, name);
  }
  const auto exports = std::find_if(creation.diffs.begin(), creation.diffs.end(),
                                    [](const UnitDiff& diff) { return !diff.exported.empty(); });
  if (replaced + hooks == 0 && exports != creation.diffs.end())
    return fail(ExitCode::unsafe, "special-section-changed",
                "the patch exports it, which the kernel looks at only when a module is loaded, and "
                "changes no code")
        .at_file(
            creation.pairs[static_cast<std::size_t>(exports - creation.diffs.begin())]->unit.source)
        .in_function(exports->exported.front())
        .hint("put the change that needs the export into the same update, or reboot");
  if (replaced + hooks == 0)
    return nothing_changes(creation, init.empty()
                                         ? "the compiled code is the same with and without it"
                                         : fmt::format("it changes only code that ran at start-up "
                                                       "and is gone ({})",
                                                       init.front()));
  for (const UnitDiff& diff : creation.diffs)
    for (const std::string& name : diff.exported)
      creation.warnings.push_back(fmt::format(
          "{} is newly exported: only the code of this update can use it before a reboot", name));
  for (const std::string& name : init)
    creation.warnings.push_back(
        fmt::format("{} is start-up code: its change takes effect after a reboot", name));
  creation.console.stage(
      "{} function{} to replace{}", replaced, replaced == 1 ? "" : "s",
      hooks == 0 ? "" : fmt::format(", {} hook{}", hooks, hooks == 1 ? "" : "s"));
  return {};
}

Result<void> make_modules(Creation& creation) {
  // The core module is another make; it runs beside the rest.
  auto core = std::async(std::launch::async, [&creation] { return core_module(creation); });
  auto glue = ModuleGlue::make(*creation.kbuild);
  if (!glue) return propagate(glue);

  std::map<std::string, std::vector<DiffedUnit>> targets;
  for (std::size_t i = 0; i < creation.pairs.size(); ++i)
    if (!creation.diffs[i].included.empty() || !creation.diffs[i].replaced.empty())
      targets[creation.pairs[i]->unit.target].push_back(
          {creation.pairs[i].get(), &creation.diffs[i]});
  // vmlinux first: modules may use what it brings.
  std::vector<std::string> order;
  if (targets.contains("vmlinux")) order.emplace_back("vmlinux");
  for (const auto& [target, units] : targets)
    if (target != "vmlinux") order.push_back(target);

  Manifest& manifest = creation.package.manifest;
  manifest.kernel = creation.host.kernel;
  manifest.tool_version = version();
  std::map<std::string, std::string> defined;
  for (std::size_t number = 0; number < order.size(); ++number) {
    const std::vector<DiffedUnit>& units = targets[order[number]];
    auto module = make_module(units, *glue, number, defined);
    if (!module) return propagate(module);
    PackageTarget target;
    target.name = order[number];
    target.new_member = target_member(target.name);
    target.functions = std::move(module->functions);
    target.symbols = std::move(module->symbols);
    target.hooks = std::move(module->hooks);
    for (auto& [name, layout] : creation.types[target.name])
      target.types.push_back(std::move(layout));
    creation.package.members[target.new_member] = std::move(module->bytes);
    for (const DiffedUnit& unit : units) {
      const Unit& name = unit.pair->unit;
      PackageUnit entry{name.name, name.source, "pre/" + name.name};
      const Bytes pre = unit.pair->pre_object.file();
      creation.package.members[entry.pre].assign(pre.begin(), pre.end());
      target.units.push_back(std::move(entry));
      for (const std::string& symbol : new_names_defined(*unit.pair)) defined[symbol] = target.name;
    }
    manifest.targets.push_back(std::move(target));
  }
  auto built = core.get();
  if (!built) return propagate(built);
  manifest.core = "core/splice.ko";
  creation.package.members[manifest.core] = to_bytes(*built);
  return {};
}

Result<void> write_update(Creation& creation) {
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
  manifest.warnings = creation.warnings;
  auto tar = write_package(creation.package);
  if (!tar) return propagate(tar);
  creation.written = creation.options.output.empty()
                         ? fs::path(fmt::format("splice-{}.tar", manifest.id))
                         : creation.options.output;
  return write_file(creation.written, {reinterpret_cast<const char*>(tar->data()), tar->size()});
}

}  // namespace splicer
