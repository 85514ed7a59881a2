// SPDX-License-Identifier: GPL-2.0-or-later
//
// splice-cc: the compiler driver that kbuild calls instead of the compiler (CC="splice-cc gcc-12").
//
// It makes each function and each variable a section of its own, so that pre and post can be
// compared and taken piece by piece, and leaves debug information out, which costs time and changes
// no code. All else is the compiler's own business: splice-cc becomes it, by exec.
//
// splice-create also has it run a command under limits (matcher/base/confinement.h).
//
//     splice-cc gcc-12 -O2 -c -o kernel/fork.o kernel/fork.c
//     -> gcc-12 -O2 -c -o kernel/fork.o kernel/fork.c -ffunction-sections -fdata-sections -g0
//
// Invariant: nothing is added to a call that does not compile kernel C to an object.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/command_line.h"
#include "matcher/base/confinement.h"

namespace {

bool compiles_kernel_code(const std::vector<char*>& arguments) {
  const auto has = [&](std::string_view wanted) {
    return std::any_of(arguments.begin(), arguments.end(),
                       [&](const char* argument) { return argument == wanted; });
  };
  return has("-c") && has("-D__KERNEL__");
}

// What is confined starts the compiler by way of this program again.
int run_confined(const std::vector<std::string>& command) {
  std::vector<char*> words;
  words.reserve(command.size() + 1);
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  execvp(words[0], words.data());
  std::cerr << "error: splice-cc cannot run " << words[0] << ": " << std::strerror(errno) << "\n";
  return 127;
}

}  // namespace

int main(int argc, char** argv) {
  if (const auto confined = splicer::enter_confinement({argv + 1, argv + argc}); !confined) {
    std::cerr << "error: " << confined.error().message << "\n";
    return 127;
  } else if (!confined->empty()) {
    return run_confined(*confined);
  }
  if (argc < 2 || argv[1][0] == '-') {
    splicer::Command command("splice-cc", "COMPILER [ARGUMENT]...",
                             "Run the kernel's compiler so that its objects can be compared.");
    if (auto status = command.parse(argc, argv)) return *status;
    return command.console().finish(
        splicer::fail(splicer::ExitCode::usage, "no-compiler", "no compiler is given")
            .hint("splice-cc gcc-12 -c file.c")
            .take());
  }
  std::vector<char*> arguments(argv + 1, argv + argc);
  if (compiles_kernel_code(arguments)) {
    for (const char* flag : {"-ffunction-sections", "-fdata-sections", "-g0"})
      arguments.push_back(const_cast<char*>(flag));  // execvp writes to none of them
  }
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  std::cerr << "error: splice-cc cannot run " << arguments[0] << ": " << std::strerror(errno)
            << "\n";
  return 127;
}
