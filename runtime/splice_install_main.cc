// SPDX-License-Identifier: GPL-2.0-or-later
//
// splice-install: applies updates and keeps them, so that they are put back at each boot; with --boot,
// puts them back.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "matcher/base/command_line.h"
#include "matcher/base/wording.h"
#include "runtime/apply.h"
#include "runtime/install.h"
#include "runtime/keep_for_boot.h"
#include "runtime/live/attempts.h"
#include "runtime/put_back.h"
#include "runtime/status.h"

namespace {

using namespace splicer;

nlohmann::json describe(const Installation& done, EngineChoice choice) {
  const Applied& applied = done.applied;
  nlohmann::json out{{"id", done.id},
                     {"name", done.name},
                     {"state", "installed"},
                     {"already", done.already},
                     {"waiting", applied.waiting},
                     {"engine", engine_word(applied.engine)},
                     {"engine_at_boot", engine_word(choice)}};
  if (!applied.why_engine.empty()) out["why_engine"] = applied.why_engine;
  if (applied.engine == Engine::stop)
    out["pause_ns"] = applied.pause_ns;
  else if (!applied.already)
    out["transition_ms"] = applied.transition.count();
  return out;
}

void report(const Installation& done, EngineChoice choice, const Console& console) {
  const std::string waits = what_waits(done.applied.waiting);
  if (done.already)
    console.print("{} ({}): installed already{}\n", done.name, done.id, waits);
  else if (done.applied.already)
    console.print("{} ({}) installed{}: it was applied already\n", done.name, done.id, waits);
  else
    console.print("{} ({}) installed{}{}\n", done.name, done.id, waits, how_applied(done.applied));
  const std::string_view by = engine_word(done.applied.engine);
  if (!done.applied.why_engine.empty())
    console.print("engine {}: {}\n", by, done.applied.why_engine);
  if (choice != EngineChoice::automatic && engine_word(choice) != by)
    console.print("it is applied by the engine {}, and the next boot puts it back by {}\n", by,
                  engine_word(choice));
}

// In the order given; ends at the first that cannot be installed. What was, stays so.
int install(const std::vector<std::string>& paths, InstallOptions options, Store& store,
            const Console& console) {
  nlohmann::json updates = nlohmann::json::array();
  for (const std::string& path : paths) {
    options.path = path;
    const auto done = install_update(options, store, console);
    if (!done) {
      return console.finish(done.error(), "updates", updates);
    }
    updates.push_back(describe(*done, options.engine));
    report(*done, options.engine, console);
  }
  console.document({{"updates", std::move(updates)}});
  return 0;
}

nlohmann::json describe(const PutBack& row) {
  nlohmann::json out{{"id", row.id},
                     {"name", row.name},
                     {"state", outcome_word(row.outcome)},
                     {"already", row.already},
                     {"waiting", row.waiting}};
  if (row.engine) out["engine"] = engine_word(*row.engine);
  if (!row.why_engine.empty()) out["why_engine"] = row.why_engine;
  if (!row.why.empty()) out["why"] = row.why;
  if (row.error) out["error"] = error_json(*row.error);
  return out;
}

std::string in_words(const PutBack& row) {
  switch (row.outcome) {
    case Outcome::in_force:
      return fmt::format("in force{}{}{}", row.already ? " already" : "",
                         row.engine == Engine::livepatch ? ", by the kernel's livepatch" : "",
                         parts_that_wait(row.waiting));
    case Outcome::partly:
      return fmt::format("in force only in part: {}", row.why);
    case Outcome::waiting:
      return fmt::format("waits: {}", row.why);
    case Outcome::left_out:
      return fmt::format("LEFT OUT: {}", row.why);
    case Outcome::for_another_build:
      return fmt::format("not for this build: {}", row.why);
    default:
      return fmt::format("NOT IN FORCE: {}", row.why);
  }
}

int nothing_to_do(const std::string& why, const char* member, const Console& console) {
  console.document({{"updates", nlohmann::json::array()}, {member, why}});
  console.print("nothing is put back: {}\n", why);
  return 0;
}

// "nothing is installed for kernel 6.1.0-56-cloud-amd64, but for 6.1.0-50-cloud-amd64"
std::string nothing_installed(const std::string& root, const std::string& release) {
  const auto others = Store::releases(root);
  return fmt::format("nothing is installed for kernel {}{}{}", release,
                     others.empty() ? "" : ", but for ", fmt::join(others, ", "));
}

// `only`: the id of the update that is meant; empty: all are.
int boot(const std::string& root, const std::string& only, const Attempts& attempts,
         const Console& console) {
  const std::string release = running_kernel().release;
  if (const auto off = switched_off()) return nothing_to_do(*off, "switched_off", console);
  const auto there = Store::look(root, release);
  if (!there) return console.finish(there.error());
  const bool any = *there && ((*there)->marker || !(*there)->installed.updates.empty());
  if (!any) return nothing_to_do(nothing_installed(root, release), "nothing_installed", console);

  auto store = open_store(root, attempts, console);
  if (!store) return console.finish(store.error());
  nlohmann::json updates = nlohmann::json::array();
  bool all = true;
  const auto rows = put_back(*store, attempts, console, kTrustFolder, only);
  if (rows.empty() && !only.empty())
    return console.finish(
        fail(ExitCode::error, "unknown-update",
             fmt::format("no update {} is installed for kernel {}", only, release))
            .hint("splice-status lists what is")
            .take());
  for (const PutBack& row : rows) {
    updates.push_back(describe(row));
    console.print("{} ({}): {}\n", row.name, row.id, in_words(row));
    // Those that wait for a module or are for another build are as they should be.
    const bool fault = row.outcome == Outcome::failed || row.outcome == Outcome::left_out ||
                       row.outcome == Outcome::partly;
    if (!fault) continue;
    all = false;
    if (row.error) console.print_error(*row.error);
  }
  console.document({{"updates", std::move(updates)}});
  return all ? 0 : static_cast<int>(ExitCode::partly);
}

// In the order given; ends at the first that cannot be kept.
int keep(const std::vector<std::string>& paths, InstallOptions options, const std::string& root,
         const Console& console) {
  nlohmann::json updates = nlohmann::json::array();
  bool all = true;
  for (const std::string& path : paths) {
    options.path = path;
    const auto kept = keep_for_boot(options, root, console);
    if (!kept) return console.finish(kept.error(), "updates", updates);
    nlohmann::json row{{"id", kept->id},
                       {"name", kept->name},
                       {"release", kept->release},
                       {"state", kept->left_out.empty() ? "kept" : "left-out"},
                       {"already", kept->already}};
    if (!kept->left_out.empty()) row["why"] = kept->left_out;
    updates.push_back(std::move(row));
    all = all && kept->left_out.empty();
    if (kept->left_out.empty())
      console.print("{} ({}): kept for the boot of kernel {}\n", kept->name, kept->id,
                    kept->release);
    else
      console.print("{} ({}): LEFT OUT: {}\n", kept->name, kept->id, kept->left_out);
  }
  console.document({{"updates", std::move(updates)}});
  return all ? 0 : static_cast<int>(ExitCode::partly);
}

// What parsing alone cannot tell. Errors: "no-package", "usage".
Result<void> check_options(const Command& command) {
  if (command.has("keep") && command.has("boot"))
    return fail(ExitCode::usage, "usage", "--keep applies nothing, and --boot applies what is kept")
        .hint("splice-install --keep UPDATE.tar, then splice-install --boot");
  if (command.has("only") && !command.has("boot"))
    return fail(ExitCode::usage, "usage", "--only says which of the updates --boot is to put back")
        .hint("splice-install --boot --only ID");
  if (command.has("boot") && !command.values()["engine"].defaulted())
    return fail(ExitCode::usage, "usage",
                "--boot uses the engine that each update was installed with")
        .hint("to change it: splice-install --engine NAME UPDATE.tar");
  if (command.has("boot") == command.has("package"))
    return command.has("boot") ? fail(ExitCode::usage, "usage",
                                      "--boot takes no update: it puts back what is installed")
                                     .hint("splice-install UPDATE.tar, without --boot")
                               : fail(ExitCode::usage, "no-package", "no update is given")
                                     .hint("name the package: splice-install splice-ID.tar");
  if (command.has("signature") &&
      (command.has("boot") ||
       command.values()["package"].as<std::vector<std::string>>().size() != 1))
    return fail(ExitCode::usage, "usage", "--signature is for one package")
        .hint("put each signature beside its package, as UPDATE.tar.sig");
  return {};
}

int run(Command& command) {
  const Console& console = command.console();
  if (auto right = check_options(command); !right) return console.finish(right.error());
  const auto attempts = attempts_option(command);
  if (!attempts) return console.finish(attempts.error());
  const auto engine = engine_option(command);
  if (!engine) return console.finish(engine.error());
  if (auto root = check_root(); !root) return console.finish(root.error());
  const std::string root = command.values()["store"].as<std::string>();
  if (command.has("boot"))
    return boot(root, command.has("only") ? command.values()["only"].as<std::string>() : "",
                *attempts, console);

  InstallOptions options;
  if (command.has("signature")) options.signature = command.values()["signature"].as<std::string>();
  options.skip_unloaded = command.has("skip-unloaded");
  options.require_types = command.has("require-types");
  options.attempts = *attempts;
  options.engine = *engine;
  const auto packages = command.values()["package"].as<std::vector<std::string>>();
  if (command.has("keep")) return keep(packages, options, root, console);
  auto store = open_store(root, *attempts, console);
  if (!store) return console.finish(store.error());
  return install(packages, options, *store, console);
}

}  // namespace

int main(int argc, char** argv) {
  namespace po = boost::program_options;
  Command command("splice-install", "[OPTION]... UPDATE.tar...",
                  "Put updates into the running kernel, and back into it after each boot.");
  command.options().add_options()("boot", "put back what is installed for this kernel")(
      "only", po::value<std::string>()->value_name("ID"), "with --boot: this update alone")(
      "keep", "apply nothing now: keep it for the boot of the kernel that it is for")(
      "store", po::value<std::string>()->default_value(kStore)->value_name("DIR"),
      "what is installed is kept here")("signature", po::value<std::string>()->value_name("FILE"),
                                        "the package's signature (default: UPDATE.tar.sig)")(
      "skip-unloaded", "leave out modules that are not loaded; they stay unpatched")(
      "require-types", "refuse where the kernel does not tell its types");
  add_engine_option(command);
  add_attempts_options(command);
  command.positional("package", -1);
  return command.run([&] {
    const auto status = command.parse(argc, argv);
    return status ? *status : run(command);
  });
}
