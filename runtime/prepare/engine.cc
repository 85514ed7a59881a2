// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/engine.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <string>

#include "matcher/base/command_line.h"

namespace splicer {

namespace {

// As EngineChoice has them; Engine is its beginning.
constexpr std::string_view kWords[] = {"stop", "livepatch", "auto"};

}  // namespace

std::string_view engine_word(Engine engine) { return kWords[static_cast<std::size_t>(engine)]; }

std::string_view engine_word(EngineChoice choice) {
  return kWords[static_cast<std::size_t>(choice)];
}

std::optional<EngineChoice> engine_choice(std::string_view word) {
  const auto* const found = std::ranges::find(kWords, word);
  if (found == std::end(kWords)) return std::nullopt;
  return static_cast<EngineChoice>(found - std::begin(kWords));
}

void add_engine_option(Command& command) {
  namespace po = boost::program_options;
  command.options().add_options()("engine",
                                  po::value<std::string>()
                                      ->default_value(std::string(engine_word(Engine::stop)))
                                      ->value_name("NAME"),
                                  "who switches: stop (all at one moment), livepatch (the kernel's "
                                  "own, thread by thread), or auto");
}

Result<EngineChoice> engine_option(const Command& command) {
  const auto word = command.values()["engine"].as<std::string>();
  const auto choice = engine_choice(word);
  if (!choice)
    return fail(ExitCode::usage, "usage", fmt::format("there is no engine '{}'", word))
        .hint("--engine stop, --engine livepatch or --engine auto");
  if (*choice == EngineChoice::livepatch && command.has("skip-unloaded"))
    return fail(ExitCode::usage, "usage", "--engine livepatch leaves no module out")
        .hint("modprobe the module first, without --skip-unloaded");
  return *choice;
}

}  // namespace splicer
