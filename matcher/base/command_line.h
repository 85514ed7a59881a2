// SPDX-License-Identifier: GPL-2.0-or-later
//
// What all commands share: options that every command has, help and version texts, exit codes.
//
//     Command command("splice-apply", "[OPTION]... UPDATE.tar", "Put an update into ...");
//     command.options().add_options()("dry-run,n", "match, write nothing");
//     command.positional("package", 1);
//     if (auto exit = command.parse(argc, argv)) return *exit;   // --help, --version, usage error
//     Console& console = command.console();                      // see console.h
//
// main() does all of that inside run(), where what is thrown and output that is lost become errors:
//
//     return command.run([&] { ... return 0; });
#pragma once

#include <boost/program_options.hpp>
#include <functional>
#include <optional>
#include <string>

#include "matcher/base/console.h"

namespace splicer {

class Command {
 public:
  Command(std::string name, std::string synopsis, std::string description);

  boost::program_options::options_description& options() { return options_; }
  // Positional arguments go to this option; `most` -1 for any number.
  void positional(const char* option, int most);
  // Parses; returns an exit status when the program should end now.
  std::optional<int> parse(int argc, const char* const* argv);
  // Runs the command, and returns its exit status. What it throws is an error, once all that it
  // held has been given back; so is output that could not be written, unless it failed anyway.
  // Errors: "out-of-memory", "unexpected", "output-failed".
  int run(const std::function<int()>& body);
  const boost::program_options::variables_map& values() const { return values_; }
  bool has(const char* option) const { return values_.count(option) != 0; }
  Console& console() { return console_; }

 private:
  std::string name_, synopsis_, description_;
  boost::program_options::options_description options_;
  boost::program_options::options_description hidden_;
  boost::program_options::positional_options_description positional_;
  boost::program_options::variables_map values_;
  Console console_;
};

}  // namespace splicer
