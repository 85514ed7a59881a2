// SPDX-License-Identifier: GPL-2.0-or-later
//
// An update as one module in the form of the kernel's own live patches.
//
// A package has livepatch/frame.o, the part of such a module that depends on the kernel's structures: the struct
// klp_patch with its tables, the callbacks, struct module (splice-cc/module/livepatch_frame.h). It lacks what
// only the target or the shipped image knows. Here the frame and the new code of all targets become one file:
//
//     frame.o    undefined splice_new_0         where the first replacing function is
//                undefined splice_position_0    which of the functions of that name it replaces
//     new/*.ko   undefined tun_flow_create      .klp.sym.tun.tun_flow_create,0 in .klp.rela.tun..text
//
// Nothing in the file is an address, so it is the same in every boot, can be signed, and the kernel looks up
// every name itself. What it will find is what the matcher has proved: each name and position is computed from
// a proved address (livepatch_reference.h). A module that was made and signed beforehand is made again here and
// compared byte for byte before it is loaded.
//
// References into vmlinux are resolved while the module is loaded, before static keys and calls are looked at;
// those into a module when both are there (klp_apply_section_relocs() in kernel/livepatch/core.c), which is too
// late for the tables that the loader reads.
//
// Invariant: the same package, kernel build and name give the same bytes in every boot, if it is `portable`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "matcher/base/result.h"
#include "matcher/image/image.h"
#include "runtime/package/package.h"
#include "runtime/prepare/match_update.h"

namespace splicer {

struct LivepatchModule {
  const Package& package;
  const MatchedUpdate& matched;  // no target left out
  // By target, with branches on sealed keys decided (sealed_keys.h).
  const std::vector<std::vector<std::uint8_t>>& new_modules;
  const SymbolTable& kernel;
  std::string name;       // that the module is to have
  bool portable = false;  // with nothing in it that only this boot decides
};

// Why the kernel's livepatch cannot carry the update, whatever the kernel; empty if nothing is in the way.
std::vector<std::string> livepatch_obstacles(const Manifest& manifest);

// The file. Takes time in proportion to the new code. Errors: "livepatch-form" (ExitCode::unsafe) with all
// reasons, "elf-malformed", "link-symbol", "elf-write".
Result<std::vector<std::uint8_t>> make_livepatch_module(const LivepatchModule& wanted);

// The name of the module of a package that was not given one: of what its code is, so that it can stand in a
// file that is part of the package. "livepatch_5d1f0c2e77aa9b31".
std::string livepatch_module_name(const Package& package);

}  // namespace splicer
