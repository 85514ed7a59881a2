// SPDX-License-Identifier: GPL-2.0-or-later
//
// The passes of splice-create, in the order in which main() calls them; why in this order is said
// there.
//
// Each takes what the ones before have found out and adds to it (splice-cc/creation.h). A pass that
// has nothing to do returns at once: those about headers, where the patch changes none. Nothing
// outside the cache and a temporary directory is written until write_update().
#pragma once

#include "matcher/base/result.h"
#include "splice-cc/creation.h"

namespace splicer {

// create_inputs.cc

// Release, headers, source, compiler, and the keys that are to sign modules and the package. Errors: those of
// find_host(), ModuleKey::load() and PackageKey::load().
Result<void> find_kernel(Creation& creation);
// The tree, and kbuild to compile in it. Errors: those of prepare_tree() and Kbuild::open().
Result<void> prepare_source(Creation& creation);
// What the kernel has already, and what it is to get. Errors: those of PatchSet::load() and, for
// updates, of read_package().
Result<void> read_patches(Creation& creation);

// create_units.cc

// The objects whose own source is patched. Findings: "generated-source". Errors:
// "patch-changes-nothing", "unit-in-two-modules", those of UnitList::find() and IncludeGraph::of().
Result<void> find_patched_units(Creation& creation);
// The source as the kernel has it and as it is to be. Errors: those of PatchedTree::make().
Result<void> make_patched_trees(Creation& creation);
// Both objects of the patched units. Errors: those of Kbuild::build_pre() and PatchedTree::compile().
Result<void> build_patched_units(Creation& creation);
// The sources that may include patched headers.
Result<void> find_possible_readers(Creation& creation);
// If they are many: refuses what judge_findings() would refuse in the units that are built. What it
// reads and compares is kept. Errors: those of compare_unit(), the first finding's.
Result<void> refuse_early(Creation& creation);
// Those of them whose code may change. Errors: "patch-changes-nothing", "needs-reboot",
// "unit-in-two-modules", those of find_readers().
Result<void> find_header_readers(Creation& creation);
// Both objects of these, which become changed units like the patched ones. Errors: as of
// build_patched_units().
Result<void> build_readers(Creation& creation);
// Warns of patched files that no unit reads. Errors: "file-not-built", if there is no unit at all.
Result<void> note_unread_files(Creation& creation);

// create_changes.cc

// Which functions change. Errors: those of open_pair(), "special-section-changed",
// "needs-reboot", "patch-changes-nothing".
Result<void> compare_units(Creation& creation);
// What is in one version of the objects only. Findings: those of account_for_variables(),
// "new-function-unused".
Result<void> account(Creation& creation);
// What no object shows. Findings: those of check_units().
Result<void> check_semantics(Creation& creation);
// Decides about all findings at once. Errors: the first one's that is not accepted, with all others;
// those of take_accepted().
Result<void> judge_findings(Creation& creation);

// create_package.cc

// The new code of each target, and the core module. Errors: those of make_module() and
// Kbuild::build_module(), "core-module".
Result<void> make_modules(Creation& creation);
// Its name, and the CVEs that it fixes.
Result<void> name_update(Creation& creation);
// Between these and the next: verify_update(), splice-cc/verify.h.
// The update as a live patch of the kernel's own, and signatures, if they are asked for. Errors: those of
// make_livepatch_module(), decide_sealed_branches() and ModuleKey::sign().
Result<void> make_livepatch(Creation& creation);
// The file, and its signature beside it. Errors: those of write_package(), write_file() and PackageKey::sign().
Result<void> write_update(Creation& creation);

// What several passes share.

// Does the kernel's build make other sources from a patched file? Then more changes than objects show.
bool is_made_into_source(const Creation& creation);
// "patch-changes-nothing"; of what is made into sources, the findings that refuse, or "needs-reboot".
Failure nothing_changes(Creation& creation, const std::string& why);
// "needs-reboot": no code that runs changes, and something else does.
Failure needs_reboot(const Creation& creation, const std::string& why);
// compare_unit(); the unit is shown before, for --debug.
Result<void> compare_and_show(const Creation& creation, ChangedUnit& unit,
                              const std::set<std::string>& wanted);
// Refuses those of the findings that refuse and are not accepted, if there are any; they are kept.
Result<void> refuse_unaccepted(Creation& creation, std::vector<Finding> findings);

}  // namespace splicer
