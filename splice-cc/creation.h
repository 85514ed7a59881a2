// SPDX-License-Identifier: GPL-2.0-or-later
//
// One run of splice-create: what it was asked, and what its passes have found out so far.
//
// Each pass (splice-cc/create.h) reads what earlier ones left here and adds its own. The libraries
// below know nothing of it: they get the units, directories and options that they need.
//
// Invariant: a member is empty until the pass that is named beside it has run.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "matcher/base/console.h"
#include "matcher/base/file.h"
#include "matcher/image/image.h"
#include "runtime/package/package.h"
#include "runtime/prepare/match_update.h"
#include "runtime/trust/signature_file.h"
#include "splice-cc/build/kbuild.h"
#include "splice-cc/build/patched_tree.h"
#include "splice-cc/build/unit_list.h"
#include "splice-cc/diff/changed_unit.h"
#include "splice-cc/findings/findings.h"
#include "splice-cc/headers/include_graph.h"
#include "splice-cc/module/sign_module.h"
#include "splice-cc/module/sign_package.h"
#include "splice-cc/semantics/check.h"
#include "splice-cc/source/host.h"
#include "splice-cc/source/patch_set.h"
#include "splice-cc/source/tree.h"

namespace splicer {

// What is written: an update for splice-apply, or one module for insmod.
enum class Format { package, livepatch };

struct CreateOptions {
  HostOptions host;
  std::vector<std::string> patches;
  std::vector<std::string> on;        // patches, or updates, that the kernel has already
  std::vector<std::string> accepted;  // findings, CODE:NAME
  std::string name;                   // of the update; empty: default_name()
  std::vector<std::string> fixes;     // CVE ids, beside those
  bool fixes_from_patches = true;     // that the patches speak of
  std::filesystem::path output;
  unsigned jobs = 1;
  bool keep_scratch = false;
  bool verify = false;
  bool leave_out = false;         // what cannot go live, instead of refusing it
  std::vector<std::string> must;  // what is never left out
  Format format = Format::package;
  std::string module_key;                // signs modules; empty for no signature
  std::string module_certificate;        // of that key
  std::string package_key;               // signs the package; empty for no signature
  std::string expires = kNever;          // of that signature
  std::filesystem::path deb_folder;      // for a Debian package of it; empty for none
  std::string deb_version;               // of that; empty: default_deb_version()
  std::filesystem::path driver;          // splice-cc
  std::filesystem::path core_source;     // kmod/
  std::filesystem::path include_folder;  // holds splice.h
};

struct Creation {
  Creation(CreateOptions options_, const Console& console_)
      : options(std::move(options_)), console(console_) {}
  Creation(const Creation&) = delete;  // kbuild refers to host and tree
  Creation& operator=(const Creation&) = delete;

  // Both versions of the source, for Clang.
  SourceVersions versions() const {
    return {*kbuild,
            {before ? before->folder() : tree.source, after->folder()},
            options.jobs,
            patched_files};
  }

  CreateOptions options;
  const Console console;  // its own: that of a search ends before what it found

  Host host;                               // find_kernel
  std::optional<ModuleKey> signer;         // find_kernel: of modules, if they are to be signed
  std::optional<PackageKey> package_key;   // find_kernel: of the package, likewise
  std::unique_ptr<ScratchFolder> scratch;  // prepare_source
  Tree tree;                               // prepare_source
  std::unique_ptr<Kbuild> kbuild;          // prepare_source
  PatchSet base;                           // read_patches: what the kernel has already
  PatchSet patches;                        // read_patches: what it is to get; or chosen before
  std::set<std::string> patched_files;     // read_patches: that differ between the two

  std::unique_ptr<UnitList> list;     // find_patched_units
  std::vector<Unit> patched;          // find_patched_units: their own source is patched
  std::set<std::string> headers;      // find_patched_units: patched files that others include
  std::set<std::string> unread;       // those of them that no unit is known to read
  std::optional<PatchedTree> before;  // make_patched_trees: tree + base, if there is a base
  std::optional<PatchedTree> after;   // make_patched_trees: tree + base + patches
  std::vector<ChangedUnit> units;     // build_patched_units, then build_readers; in order of names

  std::optional<IncludeGraph> includes;    // find_patched_units
  std::set<std::string> possible_readers;  // find_possible_readers
  std::vector<Unit> readers;               // find_header_readers: units that are not patched

  std::map<std::string, UsedNames> used;  // check_semantics: by target
  std::vector<Finding> findings;          // any pass
  std::vector<Finding> refused;           // the pass that failed, if it was for findings
  std::vector<std::string> warnings;      // any pass; judge_findings adds the findings
  Package package;                        // make_modules
  struct Verified {
    std::size_t functions = 0;
    std::size_t objects = 0;
  };
  std::optional<Verified> verified;     // verify_update: what matches the shipped kernel
  std::unique_ptr<Image> shipped;       // verify_update: that kernel
  MatchedUpdate matched;                // verify_update: points into `package`
  std::vector<std::uint8_t> livepatch;  // make_livepatch: the module, with Format::livepatch
  std::filesystem::path written;        // write_update
  std::filesystem::path deb;            // write_update: the Debian package, if one is wanted
};

}  // namespace splicer
