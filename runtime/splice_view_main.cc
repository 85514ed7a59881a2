// SPDX-License-Identifier: GPL-2.0-or-later
//
// splice-view: what is applied to the running kernel, or what a package would do.

#include <algorithm>
#include <nlohmann/json.hpp>

#include "matcher/base/command_line.h"
#include "runtime/prepare/named_update.h"
#include "runtime/prepare/state.h"
#include "runtime/trust/signature_file.h"
#include "runtime/trust/trust.h"
#include "runtime/view.h"

namespace {

using namespace splicer;

// Also one that would not be let in, so that people can look at it: what its signature is worth is said. One
// that is not what was signed is not parsed.
int view_package(const std::string& path, const std::string& signature, const Console& console) {
  const auto trust = Trust::read();
  if (!trust) return console.finish(trust.error());
  auto given = read_signed(path, signature);
  if (!given) return console.finish(given.error());
  const auto verdict = trust->judge(*given, today());
  if (!verdict) return console.finish(verdict.error());
  const auto package = parse_package(std::move(given->bytes), path);
  if (!package) return console.finish(package.error());
  console.document({{"package", package_json(*package, *verdict)}});
  console.print("{}", package_text(*package, *verdict));
  return 0;
}

int view_update(const std::string& name, const Console& console) {
  const auto state = State::read();
  if (!state) return console.finish(state.error());
  const Surroundings around = Surroundings::read(*state);
  const auto update = find_update(name, *state, around.records);
  if (!update && update.error().code == "unknown-update") {
    const auto live = find_livepatch(around.live, name);
    if (!live) return console.finish(live.error());
    if (*live != nullptr) {
      console.document({{"update", livepatch_json(**live, around)}});
      console.print("{}", livepatch_text(**live, around));
      return (*live)->moving ? static_cast<int>(ExitCode::partly) : 0;
    }
  }
  if (!update) return console.finish(update.error());
  console.document({{"update", update_json(*state, **update, around)}});
  console.print("{}", update_text(*state, **update, around));
  return in_force(**update, around) ? 0 : static_cast<int>(ExitCode::partly);
}

int view_all(const Console& console) {
  const auto state = State::read();
  if (!state) return console.finish(state.error());
  const Surroundings around = Surroundings::read(*state);
  console.document(applied_json(*state, around));
  console.print("{}", applied_text(*state, around));
  const bool all = std::ranges::all_of(
      state->updates(), [&](const AppliedUpdate& update) { return in_force(update, around); });
  const bool still = std::ranges::none_of(around.live, &LivepatchUpdate::moving);
  return all && still ? 0 : static_cast<int>(ExitCode::partly);
}

int view(Command& command) {
  const Console& console = command.console();
  const std::string what =
      command.has("what") ? command.values()["what"].as<std::vector<std::string>>().front() : "";
  if (command.has("signature") && !names_a_file(what))
    return console.finish(fail(ExitCode::usage, "usage", "--signature is for a package")
                              .hint("splice-view UPDATE.tar --signature FILE")
                              .take());
  if (!command.has("what")) return view_all(console);
  if (!names_a_file(what)) return view_update(what, console);
  return view_package(
      what, command.has("signature") ? command.values()["signature"].as<std::string>() : "",
      console);
}

}  // namespace

int main(int argc, char** argv) {
  Command command("splice-view", "[OPTION]... [NAME|UPDATE.tar]",
                  "List the updates that are applied, or describe one of them or a package.");
  command.options().add_options()("signature",
                                  boost::program_options::value<std::string>()->value_name("FILE"),
                                  "the package's signature (default: UPDATE.tar.sig)");
  command.positional("what", 1);
  return command.run([&] {
    const auto status = command.parse(argc, argv);
    return status ? *status : view(command);
  });
}
