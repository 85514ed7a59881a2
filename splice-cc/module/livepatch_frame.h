// SPDX-License-Identifier: GPL-2.0-or-later
//
// The part of a live patch (kernel/livepatch/) that depends on the kernel's structures, as C text for the kernel's
// own compiler: struct module, the tables of struct klp_patch, the callbacks, the versions of what is imported.
//
//     static struct klp_func functions_0[] = {
//             { .old_name = "cmdline_proc_show", .new_func = splice_new_0,
//               .old_sympos = (unsigned long)splice_position_0 },
//             {}
//     };
//
// splice_new_N, splice_position_N and splice_hook_N count the replaced functions and the hooks in the order of the
// manifest; they become places and numbers when frame and new code are put together
// (runtime/prepare/livepatch_module.h).
//
// A hook before the update applies is pre_patch, one behind it post_patch, one behind the undo post_unpatch; the
// hooks of a module run when that module gets its part. An update whose memory must stay holds itself.
//
// Invariant: the text has no name that the manifest or the kernel's list of exports does not have.
#pragma once

#include <set>
#include <string>

#include "runtime/package/package.h"
#include "splice-cc/module/module_frame.h"

namespace splicer {

// What the new modules want of the loader: undefined in them, and not listed for apply. Errors: "elf-malformed".
Result<std::set<std::string>> imports_of(const Package& package);

// The C text. `imports` as above, `exports` as the kernel's Module.symvers has them.
std::string livepatch_frame(const Manifest& manifest, const std::set<std::string>& imports,
                            const Exports& exports);

}  // namespace splicer
