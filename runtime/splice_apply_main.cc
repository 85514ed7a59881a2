// SPDX-License-Identifier: GPL-2.0-or-later
//
// splice-apply: puts an update into the running kernel.
#include <fmt/core.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "matcher/base/command_line.h"
#include "matcher/base/wording.h"
#include "runtime/apply.h"
#include "runtime/choose_engine.h"
#include "runtime/guarded_apply.h"
#include "runtime/late.h"
#include "runtime/live/attempts.h"

namespace {

using namespace splicer;

// "engine livepatch: the engine stop cannot: ..."
void tell_choice(const Apply& apply, const std::string& why) {
  if (!why.empty()) apply.console.print("engine {}: {}\n", engine_word(apply.engine), why);
}

int report(const Apply& apply, const std::string& why_engine) {
  const std::string& id = apply.package.manifest.id;
  const std::size_t count = apply.matched.functions.size();
  if (apply.applied_already) {
    apply.console.document({{"id", id},
                            {"state", "applied"},
                            {"already", true},
                            {"signature", verdict_json(apply.signature)},
                            {"waiting", apply.left_out},
                            {"engine", engine_word(apply.engine)},
                            {"pause_ns", apply.pause_ns}});
    apply.console.print("{}: applied already{}\n", id, what_waits(apply.left_out));
    return 0;
  }
  const bool stops = apply.engine == Engine::stop;
  const std::size_t values = count_values(apply);
  const std::string what = functions_and_values(count, values);
  const char* const state = apply.options.dry_run ? "matched" : "applied";
  nlohmann::json functions = nlohmann::json::array();
  for (const MatchedFunction& matched : apply.matched.functions)
    functions.push_back({{"name", matched.function->name},
                         {"unit", matched.function->unit},
                         {"address", fmt::format("{}", matched.run.address)}});
  nlohmann::json document{{"id", id},
                          {"state", state},
                          {"functions", std::move(functions)},
                          {"waiting", apply.left_out},
                          {"signature", verdict_json(apply.signature)}};
  document["values"] = {{"in_place", values}, {"set_by_others", apply.matched.set_values}};
  document["types"] = {{"compared", apply.matched.types},
                       {"unknown", apply.matched.unknown_types},
                       {"of", apply.matched.types + apply.matched.unknown_types.size()}};
  document["engine"] = engine_word(apply.engine);
  if (!why_engine.empty()) document["why_engine"] = why_engine;
  if (!apply.options.dry_run && stops) document["pause_ns"] = apply.pause_ns;
  if (!apply.options.dry_run && !stops) document["transition_ms"] = apply.transition.count();
  apply.console.document(document);
  if (apply.options.dry_run) {
    apply.console.print("{}: {} {} the running kernel{}, nothing was changed\n", id, what,
                        count + values == 1 ? "matches" : "match", what_waits(apply.left_out));
  } else if (stops) {
    apply.console.print("{} applied: {}{}, machine stopped for {} us\n", id, what,
                        what_waits(apply.left_out), microseconds(apply.pause_ns));
  } else {
    apply.console.print(
        "{} applied: {}, by the kernel's livepatch: all threads went over in {} ms\n", id, what,
        apply.transition.count());
  }
  tell_choice(apply, why_engine);
  return 0;
}

int apply_update(Command& command) {
  Console& console = command.console();
  if (command.has("late")) return apply_late(command.values()["late"].as<std::string>());
  if (!command.has("package")) {
    return console.finish(fail(ExitCode::usage, "no-package", "no update is given")
                              .hint("name the package: splice-apply splice-ID.tar")
                              .take());
  }
  ApplyOptions options;
  options.path = command.values()["package"].as<std::vector<std::string>>().front();
  if (command.has("signature")) options.signature = command.values()["signature"].as<std::string>();
  options.dry_run = command.has("dry-run");
  options.skip_unloaded = command.has("skip-unloaded");
  options.require_types = command.has("require-types");
  const auto attempts = attempts_option(command);
  if (!attempts) return console.finish(attempts.error());
  options.attempts = *attempts;
  const auto engine = engine_option(command);
  if (!engine) return console.finish(engine.error());

  const auto done = apply_by_choice(std::move(options), *engine, console);
  if (!done) return console.finish(done.error());
  return report(*done->apply, done->why_engine);
}

}  // namespace

int main(int argc, char** argv) {
  Command command("splice-apply", "[OPTION]... UPDATE.tar",
                  "Put an update into the running kernel.");
  command.options().add_options()("dry-run,n", "match and link, but change nothing")(
      "signature", boost::program_options::value<std::string>()->value_name("FILE"),
      "the package's signature (default: UPDATE.tar.sig)")(
      "skip-unloaded", "modules that are not loaded get their parts when they are")(
      "late", boost::program_options::value<std::string>()->value_name("MODULE"),
      "for the core module alone: the parts for a module that is being loaded")(
      "require-types", "refuse where the kernel does not tell its types");
  add_engine_option(command);
  add_attempts_options(command);
  command.positional("package", 1);
  return command.run([&] {
    const auto status = command.parse(argc, argv);
    return status ? *status : apply_update(command);
  });
}
