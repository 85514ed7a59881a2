// SPDX-License-Identifier: GPL-2.0-or-later
//
// splice-remove: takes updates out of the running kernel, and out of what is put back at boot.
#include <nlohmann/json.hpp>

#include "matcher/base/command_line.h"
#include "runtime/apply.h"
#include "runtime/install.h"
#include "runtime/live/attempts.h"
#include "runtime/remove.h"

namespace {

using namespace splicer;

nlohmann::json describe(const Removal& removal, const std::optional<Undone>& undone) {
  nlohmann::json out{
      {"id", removal.id}, {"state", "removed"}, {"was_installed", removal.installed}};
  if (!undone) return out;
  out.update(undone_json(*undone));
  return out;
}

void report(const Removal& removal, const std::optional<Undone>& undone, const Console& console) {
  const char* const what = removal.installed ? "removed" : "undone; it was not installed";
  if (!undone)
    console.print("{} removed; it was not applied\n", removal.id);
  else
    console.print("{} {}{}\n", removal.id, what, how_undone(*undone));
  if (undone && undone->kept)
    console.print("its memory stays until a reboot, and splice-view lists it\n");
  else if (undone && undone->memory_stays)
    console.print("its memory stays until the threads in its code have left\n");
}

// Ends at the first that cannot be removed.
int carry_out(const RemovalPlan& plan, Store& store, const Attempts& attempts,
              const Console& console) {
  nlohmann::json updates = nlohmann::json::array();
  for (const std::string& name : plan.not_there) {
    console.print("{}: is neither installed nor applied, there is nothing to remove\n", name);
    updates.push_back({{"id", name}, {"state", "not-installed"}});
  }
  for (const Removal& removal : plan.updates) {
    const auto undone = remove_update(removal, store, attempts, console);
    if (!undone) {
      return console.finish(undone.error(), "updates", updates);
    }
    updates.push_back(describe(removal, *undone));
    report(removal, *undone, console);
  }
  console.document({{"updates", std::move(updates)}});
  return 0;
}

int remove(Command& command) {
  const Console& console = command.console();
  if (!command.has("name"))
    return console.finish(fail(ExitCode::usage, "no-id", "no update is named")
                              .hint("name one that splice-status lists")
                              .take());
  const auto attempts = attempts_option(command);
  if (!attempts) return console.finish(attempts.error());
  if (auto root = check_root(); !root) return console.finish(root.error());
  const std::string running = running_kernel().release;
  const std::string release =
      command.has("kernel") ? command.values()["kernel"].as<std::string>() : running;
  auto store = open_store(command.values()["store"].as<std::string>(), *attempts, console, release);
  if (!store) return console.finish(store.error());
  // Of another kernel nothing is applied.
  const bool runs = release == running;
  const auto state = runs ? State::read() : State();
  if (!state) return console.finish(state.error());
  const auto records = runs ? AppliedRecords::read() : AppliedRecords();
  const auto live = runs ? livepatch_updates(records) : std::vector<LivepatchUpdate>();
  const auto plan = plan_removal(command.values()["name"].as<std::vector<std::string>>(),
                                 store->installed(), *state, records, live);
  if (!plan) return console.finish(plan.error());
  return carry_out(*plan, *store, *attempts, console);
}

}  // namespace

int main(int argc, char** argv) {
  namespace po = boost::program_options;
  Command command("splice-remove", "[OPTION]... NAME...",
                  "Take updates out of the running kernel, and out of what is put back at boot.");
  command.options().add_options()("kernel", po::value<std::string>()->value_name("REL"),
                                  "of what is installed for this release (default: uname -r)")(
      "store", po::value<std::string>()->default_value(kStore)->value_name("DIR"),
      "what is installed is kept here");
  add_attempts_options(command);
  command.positional("name", -1);
  return command.run([&] {
    const auto status = command.parse(argc, argv);
    return status ? *status : remove(command);
  });
}
