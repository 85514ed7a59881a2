// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/put_back.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "runtime/apply.h"
#include "runtime/guarded_apply.h"
#include "runtime/install.h"
#include "runtime/live/module_loader.h"
#include "runtime/package/package.h"

namespace splicer {

namespace {

constexpr const char* kOffWord = "splice.enable=0";
constexpr std::size_t kMaxCommandLine = 65536;

// Is there what the update is to be applied to? By the engine "stop" a module gets its part when it comes.
Result<void> check_modules(const Package& package, EngineChoice engine, const std::string& path) {
  if (engine != EngineChoice::livepatch) return {};
  const auto loaded = loaded_modules();
  const auto& targets = package.manifest.targets;
  const auto first = std::ranges::find_if(targets, [&](const PackageTarget& target) {
    return target.name != "vmlinux" && !loaded.contains(target.name);
  });
  if (first == targets.end()) return {};
  return fail(ExitCode::error, "module-not-loaded",
              fmt::format("module {}, which the update patches, is not loaded yet", first->name))
      .at_file(path)
      .hint("once it is: splice-install --boot");
}

// The package out of the store, if it counts today: its key may be revoked since, or the policy another.
Result<std::shared_ptr<const AdmittedPackage>> admit_from_store(const InstalledUpdate& entry,
                                                                const Store& store,
                                                                const Result<Trust>& trust) {
  const std::string path = store.package_path(entry.id);
  auto tar = store.package(entry.id);
  if (!tar) return propagate(tar);
  auto signature = store.signature(entry.id);
  if (!signature) return propagate(signature);
  if (!*signature && !entry.signed_by.empty())
    return fail(ExitCode::bad_package, "signature-stripped",
                "the update was installed with a signature, which is gone")
        .at_file(path)
        .hint("install the update again");
  if (!trust) return propagate(trust);
  auto admitted = trust->admit({path, std::move(*tar), std::move(*signature)}, Moment::put_back);
  if (!admitted) return propagate(admitted);
  return std::make_shared<const AdmittedPackage>(std::move(*admitted));
}

// Takes the package out of the store and applies it; modules that are not there get their parts later.
Result<Applied> apply_from_store(InstalledUpdate& entry, const Store& store,
                                 const Result<Trust>& trust, const Attempts& attempts,
                                 const Console& console) {
  const auto admitted = admit_from_store(entry, store, trust);
  if (!admitted) return propagate(admitted);
  const std::string path = store.package_path(entry.id);
  const auto package = (*admitted)->parse();
  if (!package) return propagate(package);
  if (package->manifest.id != entry.id)
    return fail(ExitCode::bad_package, "package-id",
                fmt::format("the package is that of update {}", package->manifest.id))
        .at_file(path)
        .hint("install the update again");
  if (auto same = check_identity(package->manifest.kernel, running_kernel()); !same)
    return propagate(same).at_file(path);
  note_package(entry, *package);
  if (auto there = check_modules(*package, entry.engine, path); !there) return propagate(there);
  GuardedUpdate update{entry, *admitted, path, attempts};
  update.entry.skip_unloaded = entry.engine != EngineChoice::livepatch;
  return guarded_apply(std::move(update), store, console);
}

Outcome outcome_after(const Error& error) {
  if (error.exit == ExitCode::wrong_machine) return Outcome::for_another_build;
  if (error.exit == ExitCode::partly) return Outcome::partly;  // and it could be more by now
  return error.code == "module-not-loaded" ? Outcome::waiting : Outcome::failed;
}

PutBack put_back_one(InstalledUpdate entry, Store& store, const Result<Trust>& trust,
                     const Attempts& attempts, const Console& console) {
  PutBack row;
  row.id = entry.id;
  row.name = entry.name;
  if (!entry.left_out.empty()) {
    row.outcome = Outcome::left_out;
    row.why = entry.left_out;
    return row;
  }
  auto applied = apply_from_store(entry, store, trust, attempts, console);
  entry.failure_code.clear();
  entry.failure.clear();
  if (applied) {
    row.outcome = Outcome::in_force;
    row.already = applied->already;
    row.engine = applied->engine;
    row.why_engine = applied->why_engine;
    row.waiting.assign(applied->waiting.begin(), applied->waiting.end());
  } else {
    row.outcome = outcome_after(applied.error());
    row.why = entry.failure = applied.error().message;
    entry.failure_code = applied.error().code;
    row.error = std::move(applied.error());
  }
  if (auto noted = store.note(entry); !noted) console.warning(noted.error().message);
  return row;
}

}  // namespace

const char* outcome_word(Outcome outcome) {
  constexpr const char* kWords[] = {"in-force",          "partly", "waiting", "left-out",
                                    "for-another-build", "failed"};
  return kWords[static_cast<std::size_t>(outcome)];
}

std::optional<std::string> switched_off(const std::string& command_line, const std::string& file) {
  std::istringstream words(read_contents(command_line, kMaxCommandLine).text());
  for (std::string word; words >> word;)
    if (word == kOffWord) return fmt::format("{} is on the kernel's command line", kOffWord);
  if (access(file.c_str(), F_OK) == 0) return fmt::format("the file {} is there", file);
  return std::nullopt;
}

std::vector<PutBack> put_back(Store& store, const Attempts& attempts, const Console& console,
                              const std::string& trust, const std::string& only) {
  const auto trusted = Trust::read(trust);
  std::vector<PutBack> rows;
  // A copy: each row may change the list.
  const std::vector<InstalledUpdate> updates = store.installed().updates;
  rows.reserve(updates.size());
  for (const InstalledUpdate& entry : updates)
    if (only.empty() || entry.id == only)
      rows.push_back(put_back_one(entry, store, trusted, attempts, console));
  return rows;
}

}  // namespace splicer
