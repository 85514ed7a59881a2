// SPDX-License-Identifier: GPL-2.0-or-later
//
// Passes: from patched files to the units that they reach, both objects of each built.
//
//     net/ipv6/route.c           is a unit's own source             find_patched_units
//     include/net/ip6_route.h    is read by others:                 find_possible_readers,
//         net/ipv6/ip6_output.c  whose code uses what changes       find_header_readers
//
// Preprocessing the readers of a header that nearly everything includes takes minutes. So the units
// that are patched themselves come first, and what they show to be impossible is refused before.
//
// Invariant: a unit that is in none of these lists has the same code with and without the patch.
#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "matcher/base/wording.h"
#include "splice-cc/create.h"
#include "splice-cc/headers/header_readers.h"
#include "splice-cc/source/generated_source.h"
#include "splice-cc/source/tree_layout.h"

namespace splicer {

namespace {

// To parse a patched file in both versions takes as long as to read about so many others.
constexpr std::size_t kFilesInAParse = 100;

Result<void> refuse_shared(const Unit& unit) {
  if (!unit.shared) return {};
  return fail(ExitCode::unsafe, "unit-in-two-modules",
              "several modules contain this object, and Splice can update only one")
      .at_file(unit.name)
      .hint("report it, with the patch: it is not supported yet");
}

Result<void> build_pre(Creation& creation, const std::vector<Unit>& units) {
  creation.console.stage("compiling {} as {} in {}", counted(units.size(), "file"),
                         units.size() == 1 ? "it is" : "they are", creation.host.kernel.release);
  return creation.kbuild->build_pre(units, creation.options.jobs);
}

// Does the unit read a patched header? The compiler knows what it really read.
Result<bool> reads_header(Creation& creation, const Unit& unit) {
  auto files = creation.kbuild->dependencies(unit);
  if (!files) return propagate(files);
  bool reads = false;
  for (const std::string& file : *files) {
    if (!creation.headers.contains(file)) continue;
    reads = true;
    creation.unread.erase(file);
  }
  return reads;
}

// The Makefile that makes other sources of this kernel from the file, if one does.
Result<std::optional<std::string>> made_into_source(Creation& creation, const std::string& file) {
  if (is_separate_image(file)) return std::optional<std::string>();
  auto makefile = reader_in_build(creation.tree.source, file);
  if (!makefile || !file.ends_with(".asn1")) return makefile;
  auto made = creation.list->find(file + ".c");
  if (!made) return propagate(made);
  if (!*made) makefile.reset();
  return makefile;
}

void add_generated_source(Creation& creation, const std::string& path,
                          const std::string& makefile) {
  for (const Patch& patch : creation.patches.patches())
    for (const PatchFile& file : patch.files)
      if (file.path == path) creation.findings.push_back(generated_source(file, makefile));
}

// Compiles the units, whose pre objects are built, in both versions.
Result<std::vector<ChangedUnit>> build_versions(Creation& creation,
                                                const std::vector<Unit>& units) {
  const unsigned jobs = creation.options.jobs;
  if (creation.before)
    if (auto built = creation.before->compile(units, jobs, &creation.warnings); !built)
      return propagate(built);
  creation.console.stage("compiling {} with the patch", counted(units.size(), "file"));
  if (auto built = creation.after->compile(units, jobs, &creation.warnings); !built)
    return propagate(built);
  std::vector<ChangedUnit> changed;
  for (const Unit& unit : units) {
    ChangedUnit& one = changed.emplace_back();
    one.unit = unit;
    one.pre = creation.before ? creation.before->object(unit) : creation.kbuild->pre_object(unit);
    one.post = creation.after->object(unit);
  }
  return changed;
}

}  // namespace

Result<void> find_patched_units(Creation& creation) {
  const std::set<std::string> files = creation.patches.files();
  if (files.empty())
    return nothing_changes(
        creation, "the patch changes no file that a kernel for this machine is built from");
  creation.list = std::make_unique<UnitList>(*creation.kbuild);
  std::map<std::string, Unit> units;
  for (const std::string& file : files) {
    auto unit = creation.list->find(file);
    if (!unit) return propagate(unit);
    if (*unit) {
      units.emplace((*unit)->name, **unit);
    } else if (auto makefile = made_into_source(creation, file); !makefile) {
      return propagate(makefile);
    } else if (*makefile) {
      add_generated_source(creation, file, **makefile);
    } else {
      creation.headers.insert(file);
    }
  }
  creation.unread = creation.headers;
  // fs/binfmt_elf.c is a unit of its own, and fs/compat_binfmt_elf.c includes it.
  auto includes = IncludeGraph::of(creation.tree);
  if (!includes) return propagate(includes);
  creation.headers.merge(includes->included(files));
  creation.includes = std::move(*includes);
  for (const auto& [name, unit] : units) {
    if (auto single = refuse_shared(unit); !single) return single;
    creation.patched.push_back(unit);
  }
  return {};
}

Result<void> make_patched_trees(Creation& creation) {
  const auto& scratch = creation.scratch->path();
  if (!creation.base.patches().empty()) {
    std::vector<Finding> unheard;  // the other tree has these patches too, and reports them
    auto before =
        PatchedTree::make(*creation.kbuild, {&creation.base}, scratch / "before", &unheard);
    if (!before) return propagate(before);
    creation.before = std::move(*before);
  }
  auto after = PatchedTree::make(*creation.kbuild, {&creation.base, &creation.patches},
                                 scratch / "after", &creation.findings);
  if (!after) return propagate(after);
  creation.after = std::move(*after);
  return {};
}

Result<void> build_patched_units(Creation& creation) {
  if (creation.patched.empty()) return {};
  if (auto built = build_pre(creation, creation.patched); !built) return built;
  for (const Unit& unit : creation.patched)
    if (auto read = reads_header(creation, unit); !read) return propagate(read);
  auto units = build_versions(creation, creation.patched);
  if (!units) return propagate(units);
  creation.units = std::move(*units);
  return {};
}

namespace {

// "HEADER: SOURCE" for sources that the build makes from patched lines of headers.
std::vector<std::string> made_from_headers(const Creation& creation) {
  std::vector<std::string> made;
  for (const Patch& patch : creation.patches.patches())
    for (const PatchFile& file : patch.files)
      if (const auto source = made_from_header(file))
        made.push_back(fmt::format("{}: {}", file.path, *source));
  return made;
}

HeaderVersions header_versions(Creation& creation) {
  return {*creation.kbuild, creation.before ? &*creation.before : nullptr, *creation.after,
          creation.headers, creation.scratch->path() / "preprocessed",     creation.options.jobs};
}

}  // namespace

Result<void> find_possible_readers(Creation& creation) {
  if (creation.headers.empty()) return {};
  creation.console.stage("looking for files that include {}",
                         creation.headers.size() == 1
                             ? *creation.headers.begin()
                             : counted(creation.headers.size(), "patched header"));
  auto possible = possible_readers(header_versions(creation), *creation.includes, *creation.list);
  if (!possible) return propagate(possible);
  creation.possible_readers = std::move(*possible);
  return {};
}

Result<void> refuse_early(Creation& creation) {
  if (creation.units.empty() ||
      creation.possible_readers.size() <= kFilesInAParse * creation.units.size())
    return {};
  // By the patched files alone: a type of a file whose code does not change is nobody's concern.
  std::set<std::string> files = creation.headers;
  std::vector<Finding> findings;
  for (ChangedUnit& unit : creation.units) {
    if (auto compared = compare_and_show(creation, unit, {}); !compared) return compared;
    if (!unit.diff->replaced.empty()) files.insert(unit.unit.source);
    explain_variables(unit, unit.diff->findings, creation.versions());
    std::ranges::move(findings_that_stay(unit, creation.versions()), std::back_inserter(findings));
  }
  std::ranges::move(check_layouts(creation.units, files, creation.versions()),
                    std::back_inserter(findings));
  return refuse_unaccepted(creation, std::move(findings));
}

Result<void> find_header_readers(Creation& creation) {
  if (creation.headers.empty()) return {};
  std::set<std::string> known;
  for (const ChangedUnit& unit : creation.units) known.insert(unit.unit.name);
  auto affected =
      find_readers(header_versions(creation), *creation.includes, creation.possible_readers,
                   *creation.list, std::move(known), creation.console);
  if (!affected) return propagate(affected);
  const std::size_t readers = affected->readers.size();
  creation.console.stage("{} include{} them, {} use{} what changed", counted(readers, "file"),
                         readers == 1 ? "s" : "", affected->units.size(),
                         affected->units.size() == 1 ? "s" : "");
  for (const std::string& file : affected->read) creation.unread.erase(file);
  if (creation.units.empty() && affected->units.empty() && !affected->read.empty()) {
    if (const auto made = made_from_headers(creation); !made.empty())
      return needs_reboot(creation, fmt::format("the patch changes no code, but what the kernel's "
                                                "build makes from it ({})",
                                                made.front()));
    return nothing_changes(creation, "no code of this kernel uses what the patch changes");
  }
  for (const Unit& unit : affected->units)
    if (auto single = refuse_shared(unit); !single) return single;
  creation.readers = std::move(affected->units);
  return {};
}

Result<void> build_readers(Creation& creation) {
  if (creation.readers.empty()) return {};
  if (auto built = build_pre(creation, creation.readers); !built) return built;
  // What could not be preprocessed is among them and may read none.
  std::vector<Unit> readers;
  for (const Unit& unit : creation.readers) {
    auto reads = reads_header(creation, unit);
    if (!reads) return propagate(reads);
    if (*reads) readers.push_back(unit);
  }
  if (readers.empty()) return {};
  auto units = build_versions(creation, readers);
  if (!units) return propagate(units);
  std::ranges::move(*units, std::back_inserter(creation.units));
  std::ranges::sort(creation.units, {}, [](const ChangedUnit& unit) { return unit.unit.name; });
  return {};
}

Result<void> note_unread_files(Creation& creation) {
  for (const std::string& made : made_from_headers(creation))
    creation.warnings.push_back(
        fmt::format("{}, which the kernel's build makes from it, stays as it is", made));
  std::vector<std::string> not_built;
  for (const std::string& file : creation.unread) {
    if (!is_separate_image(file)) {
      not_built.push_back(file);
      continue;
    }
    const std::string what =
        "the code is in an image of its own (vDSO, boot, real mode, purgatory or EFI stub), and "
        "not in the kernel that runs";
    if (creation.units.empty())
      return fail(ExitCode::unsafe, "separate-image", what)
          .at_file(file)
          .hint("reboot into a kernel that has the fix: this one needs it");
    creation.warnings.push_back(fmt::format("{}: {}; its change needs a reboot", file, what));
  }
  if (not_built.empty()) return {};
  if (creation.units.empty() && !is_made_into_source(creation))
    return fail(ExitCode::no_change, "file-not-built",
                fmt::format("the configuration of {} does not build the file",
                            creation.host.kernel.release))
        .at_file(not_built.front())
        .hint("this kernel does not need the update");
  for (const std::string& file : not_built)
    creation.warnings.push_back(fmt::format("{}: not built in this configuration", file));
  return {};
}

}  // namespace splicer
