// SPDX-License-Identifier: GPL-2.0-or-later
//
// What kbuild leaves beside an object: the command that made it, and the files that this read.
//
//     kernel/.fork.o.cmd    savedcmd_kernel/fork.o := gcc ... -c -o kernel/fork.o kernel/fork.c
//                           deps_kernel/fork.o := include/linux/mm.h \ ...
//     kernel/.fork.o.d      kernel/fork.o: kernel/fork.c include/linux/mm.h ...
//
// Only text is read here; where the files are kept is build/kbuild's business. Cost: one pass over
// a text of some hundred lines.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace splicer {

// "kernel/.fork.o.cmd" for "kernel/fork.o" and ".cmd".
std::filesystem::path beside(const std::filesystem::path& object, const std::string& ending);

// The command for `object` in a .cmd file, as the shell is to read it; empty if there is none.
// Written by cmd_and_savecmd in scripts/Kbuild.include.
std::string saved_command(const std::string& cmd_file, const std::string& object);

// The dependencies of `object` in a .cmd file, as scripts/basic/fixdep wrote them: one line of
// words.
std::string saved_dependencies(const std::string& cmd_file, const std::string& object);

// The files among those words, relative to the tree. Left out is $(wildcard include/config/NAME),
// which fixdep writes for each option that the file looks at.
std::vector<std::string> dependency_paths(const std::string& dependencies);

// The files in the text of a .d file, as the compiler wrote them (gcc -MMD).
std::vector<std::string> paths_in_dependency_file(const std::string& d_file);

void replace_all(std::string& text, std::string_view from, std::string_view to);

}  // namespace splicer
