// SPDX-License-Identifier: GPL-2.0-or-later
//
// Running other programs: make, the compiler, patch, tar.
//
//     auto run = run_program({"make", "-j2", "kernel/fork.o"}, {.folder = tree});
//     if (!run) return propagate(run);           // it could not be started
//     if (run->status != 0) return run->output;  // which says why
//
// Invariant: no shell unless one is named, so no argument is ever taken apart; the child gets the
// environment that is given, never this process's own, so that two machines build the same; the
// program too is looked for in the PATH that is given.
//
// Not llvm::sys::ExecuteAndWait(): it takes no working directory for the child, and this library,
// which a fuzz target links, would need LLVM for it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "matcher/base/result.h"

namespace splicer {

struct ProgramOptions {
  std::filesystem::path folder = {};          // working directory; empty: this process's
  std::vector<std::string> environment = {};  // NAME=VALUE; empty: plain_environment()
};

struct ProgramRun {
  int status = 0;      // exit status; 128 + signal when killed
  std::string output;  // standard output and standard error, in the order written
};

// PATH to the system's own programs, LC_ALL=C, HOME and TMPDIR.
std::vector<std::string> plain_environment();

// Errors: "program-missing", with the package that has it.
Result<ProgramRun> run_program(const std::vector<std::string>& arguments,
                               const ProgramOptions& options = {});

// The last `count` lines of a text.
std::string last_lines(const std::string& text, std::size_t count);
// Its first ones: of a compiler's errors, the first is the cause of many.
std::string first_lines(const std::string& text, std::size_t count);

}  // namespace splicer
