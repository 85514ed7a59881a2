// SPDX-License-Identifier: GPL-2.0-or-later
//
// splice-view: what is applied to the running kernel, or what a package would do.

#include <algorithm>
#include <nlohmann/json.hpp>

#include "matcher/base/command_line.h"
#include "runtime/prepare/named_update.h"
#include "runtime/prepare/state.h"
#include "runtime/view.h"

namespace {

using namespace splicer;

int view_package(const std::string& path, const Console& console) {
  const auto package = read_package(path);
  if (!package) return console.finish(package.error());
  console.document({{"package", package_json(*package)}});
  console.print("{}", package_text(*package));
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
      console.document({{"update", livepatch_json(**live)}});
      console.print("{}", livepatch_text(**live));
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
  if (!command.has("what")) return view_all(console);
  const std::string what = command.values()["what"].as<std::vector<std::string>>().front();
  return names_a_file(what) ? view_package(what, console) : view_update(what, console);
}

}  // namespace

int main(int argc, char** argv) {
  Command command("splice-view", "[OPTION]... [NAME|UPDATE.tar]",
                  "List the updates that are applied, or describe one of them or a package.");
  command.positional("what", 1);
  return command.run([&] {
    const auto status = command.parse(argc, argv);
    return status ? *status : view(command);
  });
}
