// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/base/command_line.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <new>
#include <string_view>

#include "matcher/base/version.h"

namespace splicer {

namespace {

namespace po = boost::program_options;

constexpr unsigned kWidth = 100;

}  // namespace

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

int Command::run(const std::function<int()>& body) {
  int status = 0;
  try {
    status = body();
  } catch (const std::bad_alloc&) {
    return console_.finish(fail(ExitCode::error, "out-of-memory", "there is not enough memory")
                               .hint("free memory and run the command again")
                               .take());
  } catch (const std::exception& thrown) {
    return console_.finish(
        fail(ExitCode::error, "unexpected", fmt::format("the command failed: {}", thrown.what()))
            .hint("report this with the command line")
            .take());
  }
  errno = 0;
  std::cout.flush();
  if (std::cout || status != 0) return status;
  const int number = errno;
  console_.json = false;  // there is nowhere to print a document
  return console_.finish(
      fail(ExitCode::error, "output-failed",
           fmt::format("standard output cannot be written{}",
                       number == 0 ? "" : fmt::format(": {}", std::strerror(number))))
          .hint("give it a place with room; what the command was asked for is done")
          .take());
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
    std::cout << name_ << " " << version() << "\n";
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
