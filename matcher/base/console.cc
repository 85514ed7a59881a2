// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/base/console.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "matcher/base/bytes.h"
#include "matcher/base/terminal_text.h"

namespace splicer {

namespace {

constexpr int kSchema = 1;

std::string painted(const char* text, const char* escape, bool color) {
  return color ? fmt::format("\033[{}m{}\033[0m", escape, text) : text;
}

std::string indented(const std::string& text) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) out += "  " + line + "\n";
  return out;
}

}  // namespace

std::string format_error(const Error& error, bool color) {
  std::string where;
  if (!error.file.empty()) where += error.file + ": ";
  if (!error.function.empty()) where += error.function + ": ";
  std::string text = fmt::format("{} {}{}", painted("error:", "1;31", color), terminal_line(where),
                                 terminal_text(error.message));
  if (error.address) text += fmt::format(" (at {})", *error.address);
  text += "\n";
  if (!error.expected.empty()) text += fmt::format("  expected: {}\n", hex(error.expected));
  if (!error.found.empty()) text += fmt::format("  found:    {}\n", hex(error.found));
  text += terminal_text(indented(error.detail));
  if (!error.advice.empty())
    text += fmt::format("{} {}\n", painted("hint:", "1;36", color), terminal_text(error.advice));
  return text;
}

nlohmann::json error_json(const Error& error) {
  nlohmann::json json{
      {"code", error.code}, {"exit", static_cast<int>(error.exit)}, {"message", error.message}};
  if (!error.file.empty()) json["file"] = error.file;
  if (!error.function.empty()) json["function"] = error.function;
  if (error.address) json["address"] = fmt::format("{}", *error.address);
  if (!error.expected.empty()) json["expected"] = hex(error.expected);
  if (!error.found.empty()) json["found"] = hex(error.found);
  if (!error.detail.empty()) json["detail"] = error.detail;
  if (!error.advice.empty()) json["hint"] = error.advice;
  return json;
}

void Console::print_stage(const std::string& text) const {
  if (!quiet) std::cerr << command << ": " << terminal_text(text) << std::endl;
}

Result<void> Console::set_debug_topics(std::string_view list,
                                       const std::vector<std::string_view>& known) {
  while (!list.empty()) {
    const std::string_view topic = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), topic.size() + 1));
    if (std::ranges::find(known, topic) == known.end())
      return fail(ExitCode::usage, "usage", fmt::format("--debug has no topic '{}'", topic))
          .hint(fmt::format("choose from: {}", fmt::join(known, ", ")));
    topics_.emplace(topic);
  }
  return {};
}

void Console::print_debug(std::string_view topic, const std::string& text) const {
  std::cerr << command << ": " << topic << ": " << terminal_text(text) << std::endl;
}

void Console::warning(const std::string& text) const {
  if (!quiet)
    std::cerr << painted("warning:", "1;33", color) << " " << terminal_text(text) << std::endl;
}

void Console::print_text(const std::string& text) const {
  if (!json) std::cout << terminal_text(text) << std::flush;
}

void Console::print_error(const Error& error) const { std::cerr << format_error(error, color); }

int Console::finish(const Error& error) const { return finish(error, "", nlohmann::json::array()); }

int Console::finish(const Error& error, const char* member, const nlohmann::json& done) const {
  nlohmann::json body{{"error", error_json(error)}};
  if (!done.empty()) body[member] = done;
  document(body);
  print_error(error);
  return static_cast<int>(error.exit);
}

void Console::document(const nlohmann::json& body) const {
  if (!json) return;
  nlohmann::json document = body;
  document["schema"] = kSchema;
  document["command"] = command;
  // A name in a hostile file need not be UTF-8; what is not becomes U+FFFD.
  std::cout << json_text(document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace))
            << std::endl;
}

}  // namespace splicer
