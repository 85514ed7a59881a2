// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a command says: stages, warnings, errors, and with --json one document.
//
//     console.stage("matching {} functions", n);     // on standard error; not with -q
//     console.debug("readers", "{} uses it", file);  // only with --debug=readers
//     console.print("{} matched\n", name);           // on standard output; not with --json
//     return console.finish(error);                  // error: and hint: lines; a document as JSON
//
// Invariants: standard output carries only what was asked for (help, listings, the one JSON
// document); everything else goes to standard error. Whatever names the text holds, no control
// character reaches the terminal (terminal_text.h).
#pragma once

#include <fmt/core.h>

#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/result.h"

namespace splicer {

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
  // One line about `topic`, on standard error: only if --debug named it, and then with -q too.
  template <typename... Args>
  void debug(std::string_view topic, fmt::format_string<Args...> format, Args&&... args) const {
    if (debugs(topic)) print_debug(topic, fmt::format(format, std::forward<Args>(args)...));
  }
  // Was the topic asked for? To be asked before work that is done for a debug line alone.
  bool debugs(std::string_view topic) const { return topics_.contains(topic); }
  // Takes the value of --debug=TOPIC,TOPIC. Errors: "usage", whose hint lists the known topics.
  Result<void> set_debug_topics(std::string_view list, const std::vector<std::string_view>& known);
  void warning(const std::string& text) const;
  // What was asked for, as text, on stdout. Not with --json: document() carries it then.
  template <typename... Args>
  void print(fmt::format_string<Args...> format, Args&&... args) const {
    print_text(fmt::format(format, std::forward<Args>(args)...));
  }
  // The error on stderr, for a command that goes on after it.
  void print_error(const Error& error) const;
  // Prints the error, with --json as one document on stdout too, and returns its exit code.
  int finish(const Error& error) const;
  // The same for a command that has done a part: `done`, a list, is the document's `member` unless it is
  // empty.
  int finish(const Error& error, const char* member, const nlohmann::json& done) const;
  // Prints the document on stdout when --json was given, with "schema": 1 and "command" added.
  void document(const nlohmann::json& body) const;

  std::string command;

 private:
  void print_stage(const std::string& text) const;
  void print_debug(std::string_view topic, const std::string& text) const;
  void print_text(const std::string& text) const;

  std::set<std::string, std::less<>> topics_;
};

// "error: what, where, expected and found" and "hint: ..." lines, newline-terminated.
std::string format_error(const Error& error, bool color);
// {"code":..., "exit":..., "message":..., "file":..., ...}: only the fields that are set.
nlohmann::json error_json(const Error& error);

}  // namespace splicer
