// SPDX-License-Identifier: GPL-2.0-or-later
//
// splice-undo: takes updates out of the running kernel.
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "matcher/base/command_line.h"
#include "runtime/apply.h"
#include "runtime/live/attempts.h"
#include "runtime/store/store.h"
#include "runtime/undo.h"

namespace {

using namespace splicer;

nlohmann::json describe(const Undone& undone) {
  nlohmann::json document{{"id", undone.id}, {"state", "undone"}};
  document.update(undone_json(undone));
  return document;
}

nlohmann::json describe_not_applied(const std::string& name, const Console& console) {
  console.print("{}: is not applied, there is nothing to undo\n", name);
  return {{"id", name}, {"state", "not-applied"}};
}

void report(const Undone& undone, const Console& console) {
  console.print("{} undone{}\n", undone.id, how_undone(undone));
  if (undone.kept)
    console.print(
        "its memory stays until a reboot: addresses of its code or data are stored in the kernel, "
        "and splice-view lists it\n");
  else if (undone.memory_stays)
    console.print(
        "its memory stays until the threads that are still in its code have left, and splice-view "
        "lists it\n");
}

// What splice-install has kept comes back, which whoever undoes it may not expect.
void tell_installed(const std::string& id, const Console& console) {
  const auto kept = Store::look(kStore, running_kernel().release);
  if (!kept || !*kept) return;
  const InstalledUpdate* update = (*kept)->installed.find(id);
  if (update != nullptr && update->left_out.empty())
    console.warning(
        fmt::format("update {0} is installed, and the next boot puts it back: splice-remove {0} if "
                    "it should not",
                    id));
}

// Ends at the first that cannot be undone; what was undone before it stays so, and is reported.
int carry_out(const UndoPlan& plan, const Attempts& attempts, const Console& console) {
  nlohmann::json updates = nlohmann::json::array();
  for (const std::string& name : plan.not_applied)
    updates.push_back(describe_not_applied(name, console));
  for (const std::string& id : plan.ids) {
    const auto undone = undo_update({id, attempts}, console);
    if (undone) {
      updates.push_back(describe(*undone));
      report(*undone, console);
      tell_installed(id, console);
    } else if (undone.error().code == "unknown-update") {  // another command was faster
      updates.push_back(describe_not_applied(id, console));
    } else {
      return console.finish(undone.error(), "updates", updates);
    }
  }
  if (updates.empty()) console.print("no updates are applied\n");
  console.document({{"updates", std::move(updates)}});
  return 0;
}

int undo(Command& command) {
  Console& console = command.console();
  const bool all = command.has("all");
  std::vector<std::string> names;
  if (command.has("name")) names = command.values()["name"].as<std::vector<std::string>>();
  if (names.empty() && !all) {
    return console.finish(fail(ExitCode::usage, "no-id", "no update is named")
                              .hint("name one that splice-view lists, or give --all")
                              .take());
  }
  if (all && !names.empty()) {
    return console.finish(fail(ExitCode::usage, "usage", "--all leaves nothing to name")
                              .hint("give either --all or the names")
                              .take());
  }
  const auto attempts = attempts_option(command);
  if (!attempts) return console.finish(attempts.error());

  if (const auto root = check_root(); !root) return console.finish(root.error());
  const auto state = State::read();
  if (!state) return console.finish(state.error());
  const auto records = AppliedRecords::read();
  const auto plan = plan_undo(names, *state, records, livepatch_updates(records));
  if (!plan) return console.finish(plan.error());
  return carry_out(*plan, *attempts, console);
}

}  // namespace

int main(int argc, char** argv) {
  Command command("splice-undo", "[OPTION]... NAME...",
                  "Take updates out of the running kernel: the old code runs again.");
  command.options().add_options()("all", "undo all updates that are applied");
  add_attempts_options(command);
  command.positional("name", -1);
  return command.run([&] {
    const auto status = command.parse(argc, argv);
    return status ? *status : undo(command);
  });
}
