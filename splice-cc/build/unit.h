// SPDX-License-Identifier: GPL-2.0-or-later
//
// A unit: one object file of the kernel's build, and its two builds, pre and post.
#pragma once

#include <filesystem>
#include <string>

namespace splicer {

struct Unit {
  std::string name;     // the object, relative to the source tree: "kernel/fork.o"
  std::string goal;     // what kbuild calls it; differs where a Makefile says ../: "a/b/../c.o"
  std::string source;   // "kernel/fork.c" or "arch/x86/lib/copy_user_64.S"
  std::string entry;    // the folder right below the top through which kbuild gets to it: "kernel"
  std::string target;   // "vmlinux", or the module's name as in /proc/modules ("virtio_net")
  bool shared = false;  // several modules contain it; `target` is one of them
};

// Both objects come from the same command line, run at the same relative paths, after objtool.
struct BuiltUnit {
  Unit unit;
  std::filesystem::path pre;
  std::filesystem::path post;
};

}  // namespace splicer
