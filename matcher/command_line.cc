// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/command_line.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string_view>

namespace splicer {

namespace {

namespace po = boost::program_options;

constexpr int kSchema = 1;
constexpr unsigned kWidth = 100;

std::string hex(const std::vector<std::uint8_t>& bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes)
    text += fmt::format("{}{:02x}", text.empty() ? "" : " ", byte);
  return text;
}

std::string painted(const char* text, const char* escape, bool color) {
  return color ? fmt::format("\033[{}m{}\033[0m", escape, text) : text;
}

// Names come from files that may be hostile, and a terminal obeys control characters.
std::string harmless(std::string text) {
  for (char& letter : text)
    if ((static_cast<unsigned char>(letter) < ' ' && letter != '\n' && letter != '\t') ||
        letter == '\x7f')
      letter = '?';
  return text;
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
  std::string text = fmt::format("{} {}{}", painted("error:", "1;31", color), harmless(where),
                                 harmless(error.message));
  if (error.address) text += fmt::format(" (at {:#x})", *error.address);
  text += "\n";
  if (!error.expected.empty()) text += fmt::format("  expected: {}\n", hex(error.expected));
  if (!error.found.empty()) text += fmt::format("  found:    {}\n", hex(error.found));
  text += harmless(indented(error.detail));
  if (!error.advice.empty())
    text += fmt::format("{} {}\n", painted("hint:", "1;36", color), harmless(error.advice));
  return text;
}

nlohmann::json error_json(const Error& error) {
  nlohmann::json json{
      {"code", error.code}, {"exit", static_cast<int>(error.exit)}, {"message", error.message}};
  if (!error.file.empty()) json["file"] = error.file;
  if (!error.function.empty()) json["function"] = error.function;
  if (error.address) json["address"] = fmt::format("{:#x}", *error.address);
  if (!error.expected.empty()) json["expected"] = hex(error.expected);
  if (!error.found.empty()) json["found"] = hex(error.found);
  if (!error.detail.empty()) json["detail"] = error.detail;
  if (!error.advice.empty()) json["hint"] = error.advice;
  return json;
}

void Console::print_stage(const std::string& text) const {
  if (!quiet) std::cerr << command << ": " << text << std::endl;
}

void Console::warning(const std::string& text) const {
  if (!quiet) std::cerr << painted("warning:", "1;33", color) << " " << text << std::endl;
}

int Console::finish(const Error& error) const {
  if (json) document({{"error", error_json(error)}});
  std::cerr << format_error(error, color);
  return static_cast<int>(error.exit);
}

void Console::document(nlohmann::json body) const {
  if (!json) return;
  body["schema"] = kSchema;
  body["command"] = command;
  // A name in a hostile file need not be UTF-8; what is not becomes U+FFFD.
  std::cout << body.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << std::endl;
}

Command::Command(std::string name, std::string synopsis, std::string description)
    : name_(std::move(name)),
      synopsis_(std::move(synopsis)),
      description_(std::move(description)),
      options_("Options", kWidth, kWidth / 2) {
  console_.command = name_;
  options_.add_options()("help,h", "print this help and exit")(
      "version,V", "print the version and exit")("verbose,v", "say more about what is done")(
      "quiet,q", "say nothing but errors")("json", "print one JSON document on standard output")(
      "color", po::value<std::string>()->default_value("auto")->value_name("WHEN"),
      "color messages: always, never or auto");
}

void Command::positional(const char* option, int most) {
  hidden_.add_options()(option, po::value<std::vector<std::string>>());
  positional_.add(option, most);
}

std::optional<int> Command::parse(int argc, const char* const* argv) {
  po::options_description all;
  all.add(options_).add(hidden_);
  // Whoever asks for a document gets one about a wrong command line too.
  console_.json = std::any_of(argv, argv + argc,
                              [](const char* word) { return std::string_view(word) == "--json"; });
  // Boost reports a wrong command line by throwing; it ends here.
  try {
    po::store(po::command_line_parser(argc, argv).options(all).positional(positional_).run(),
              values_);
    po::notify(values_);
  } catch (const po::error& wrong) {
    return console_.finish(fail(ExitCode::usage, "usage", wrong.what())
                               .hint(fmt::format("see {} --help", name_))
                               .take());
  }
  if (has("help")) {
    std::cout << "Usage: " << name_ << " " << synopsis_ << "\n"
              << description_ << "\n\n"
              << options_ << "\nExit status: see " << name_ << "(" << (name_ == "splice-cc" ? 1 : 8)
              << ").\n";
    return 0;
  }
  if (has("version")) {
    std::cout << name_ << " " << kVersion << "\n";
    return 0;
  }
  const std::string when = values_["color"].as<std::string>();
  if (when != "always" && when != "never" && when != "auto") {
    return console_.finish(
        fail(ExitCode::usage, "usage", fmt::format("--color does not know '{}'", when))
            .hint("use always, never or auto")
            .take());
  }
  const char* no_color = std::getenv("NO_COLOR");  // no-color.org: any value but the empty one
  console_.color = when == "always" || (when == "auto" && isatty(STDERR_FILENO) != 0 &&
                                        (no_color == nullptr || *no_color == '\0'));
  console_.json = has("json");
  console_.quiet = has("quiet");
  console_.verbose = has("verbose");
  return std::nullopt;
}

}  // namespace splicer
