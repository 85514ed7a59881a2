// SPDX-License-Identifier: GPL-2.0-or-later
//
// Installing an update: applied now, and put back at each boot of the kernel that it is for.
//
//     auto installed = install_update({"splice-42ac.tar"}, store, console);     // installed->id
//
// Whether its signature counts is asked first (trust/trust.h), and the signature is kept with it. The
// package is read once, so that what was checked is what is applied and what is kept, whatever is put in
// the file's place meanwhile. It lies in the store before it is applied, where a full disk is found out,
// and is listed after that, with the engine that was asked for: each boot uses it too.
//
// Invariant: after an error the update is not installed, unless it was before; if it is applied all the
// same, the error's hint says so.
#pragma once

#include <string>

#include "matcher/base/console.h"
#include "matcher/base/result.h"
#include "runtime/guarded_apply.h"
#include "runtime/live/attempts.h"
#include "runtime/package/package.h"
#include "runtime/store/store.h"

namespace splicer {

struct InstallOptions {
  std::string path;
  std::string signature = {};  // path of its file; empty: that beside it, if there is one
  bool skip_unloaded = false;
  bool require_types = false;
  EngineChoice engine = EngineChoice::stop;
  Attempts attempts = {};
  std::string trust = kTrustFolder;  // another one in tests only
};

struct Installation {
  std::string id;
  std::string name;
  bool already = false;  // it was installed and applied before
  Applied applied;
};

// What the store lists of a package that was signed by that key.
InstalledUpdate installed_entry(const Package& package, const InstallOptions& options,
                                const std::string& signed_by);
// What of it is the package's own and not asked for: an entry of an older release may lack it.
void note_package(InstalledUpdate& entry, const Package& package);

// `store` is that of the running kernel. Errors: "wrong-kernel", those of read_admitted(),
// parse_package(), guarded_apply() and of Store.
Result<Installation> install_update(const InstallOptions& options, Store& store,
                                    const Console& console);

// Opens the store of a kernel (empty: of the running one), waiting while another command has it, and settles what a
// crash left, which is told. Errors: those of Store::open(), "interrupted".
Result<Store> open_store(const std::string& root, const Attempts& attempts, const Console& console,
                         const std::string& release = {});

}  // namespace splicer
