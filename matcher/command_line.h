// SPDX-License-Identifier: GPL-2.0-or-later
//
// What all commands share: options that every command has, help and version texts, stage lines,
// errors for people and for machines, exit codes.
//
//     Command command("splice-apply", "[OPTION]... UPDATE.tar", "Put an update into ...");
//     command.options().add_options()("dry-run,n", "match, write nothing");
//     command.positional("package", 1);
//     if (auto exit = command.parse(argc, argv)) return *exit;      // --help, --version, usage
//     error Console& console = command.console(); console.stage("matching {} functions", n); //
//     stderr, not with -q return console.finish(error);                                 //
//     error:/hint: lines, or JSON
//
// Invariant: standard output carries only what was asked for (help, listings, the one JSON
// document); everything else goes to standard error.
#pragma once

#include <fmt/core.h>
#include <boost/program_options.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "matcher/result.h"

namespace splicer {

inline constexpr const char* kVersion = SPLICE_VERSION;

class Console {
 public:
  bool json = false;     // --json
  bool quiet = false;    // -q
  bool verbose = false;  // -v
  bool color = false;    // --color, NO_COLOR, terminal

  template <typename... Args>
  void stage(fmt::format_string<Args...> format, Args&&... args) const {
    print_stage(fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  void detail(fmt::format_string<Args...> format, Args&&... args) const {
    if (verbose) print_stage(fmt::format(format, std::forward<Args>(args)...));
  }
  void warning(const std::string& text) const;
  // Prints the error (text on stderr, or with --json one document on stdout) and gives its exit
  // code.
  int finish(const Error& error) const;
  // Prints the document on stdout when --json was given, with "schema": 1 and "command" added.
  void document(nlohmann::json body) const;

  std::string command;

 private:
  void print_stage(const std::string& text) const;
};

// "error: what, where, expected and found" and "hint: ..." lines, newline-terminated.
std::string format_error(const Error& error, bool color);
// {"code":..., "exit":..., "message":..., "file":..., ...}: only the fields that are set.
nlohmann::json error_json(const Error& error);

class Command {
 public:
  Command(std::string name, std::string synopsis, std::string description);

  boost::program_options::options_description& options() { return options_; }
  // Positional arguments go to this option; `most` -1 for any number.
  void positional(const char* option, int most);
  // Parses; returns an exit status when the program should end now.
  std::optional<int> parse(int argc, const char* const* argv);
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
