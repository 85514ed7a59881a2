// SPDX-License-Identifier: GPL-2.0-or-later
//
// splice-undo: takes an update out of the running kernel.
#include <nlohmann/json.hpp>

#include "matcher/base/command_line.h"
#include "matcher/base/wording.h"
#include "runtime/live/attempts.h"
#include "runtime/undo.h"

namespace {

using namespace splicer;

int undo(Command& command) {
  Console& console = command.console();
  if (!command.has("id")) {
    return console.finish(fail(ExitCode::usage, "no-id", "no update is named")
                              .hint("name one of the ids that splice-view lists")
                              .take());
  }
  UndoOptions options;
  options.id = command.values()["id"].as<std::vector<std::string>>().front();
  const auto attempts = attempts_option(command);
  if (!attempts) return console.finish(attempts.error());
  options.attempts = *attempts;

  const auto undone = undo_update(options, console);
  if (!undone) return console.finish(undone.error());
  nlohmann::json document{{"id", undone->id},
                          {"state", "undone"},
                          {"engine", undone->transition ? "livepatch" : "stop"},
                          {"memory", undone->kept           ? "kept"
                                     : undone->memory_stays ? "in use"
                                                            : "free"}};
  if (undone->transition) {
    document["transition_ms"] = undone->transition->count();
    console.print("{} undone: all threads went back in {} ms\n", undone->id,
                  undone->transition->count());
  } else {
    document["pause_ns"] = undone->pause_ns;
    console.print("{} undone, machine stopped for {} us\n", undone->id,
                  microseconds(undone->pause_ns));
  }
  console.document(document);
  if (undone->kept)
    console.print(
        "its memory stays until a reboot: addresses of its code or data are stored in the kernel, "
        "and splice-view lists it\n");
  else if (undone->memory_stays)
    console.print(
        "its memory stays until the threads that are still in its code have left, and splice-view "
        "lists it\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Command command("splice-undo", "[OPTION]... ID",
                  "Take an update out of the running kernel: the old code runs again.");
  add_attempts_options(command);
  command.positional("id", 1);
  return command.run([&] {
    const auto status = command.parse(argc, argv);
    return status ? *status : undo(command);
  });
}
