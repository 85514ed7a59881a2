// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a program may do that works on text of others: a compiler on a patched source.
//
//     ".incbin \"/root/.ssh/id_rsa\""     cannot be read: it is in none of the folders
//     #include "/dev/zero"                no device can be, nor may the compiler take all memory
//
//     confine({.read = {tree, headers}, .write = {overlay}});   // this process, and its children
//     execvp(...);
//
// By Landlock (Documentation/userspace-api/landlock.rst), which needs no privilege, where the kernel has
// it, and by limits of memory, time and file size everywhere.
//
// Invariant: where may_confine(), no file outside the given folders and the system's programs and
// libraries can be opened afterwards.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "matcher/base/result.h"

namespace splicer {

struct Confinement {
  std::vector<std::filesystem::path> read;   // and execute
  std::vector<std::filesystem::path> write;  // and read, make and remove
};

// Does this kernel have Landlock?
bool may_confine();

// For good, for this process and those that it starts. A folder that does not exist is left out. Errors:
// "confinement".
Result<void> confine(const Confinement& confinement);

// The command that runs another one confined: by the program `driver`, splice-cc.
std::vector<std::string> confined_command(const std::filesystem::path& driver,
                                          const Confinement& confinement,
                                          const std::vector<std::string>& command);

// The other side: `arguments` are those behind the program's name. Returns what is to be run, confined
// already; empty if it is not such a command. Errors: those of confine(), "usage".
Result<std::vector<std::string>> enter_confinement(const std::vector<std::string>& arguments);

}  // namespace splicer
