// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/choose_engine.h"

#include <fmt/core.h>

#include <algorithm>

#include "runtime/apply_passes.h"
#include "runtime/trust/trust.h"

namespace splicer {

namespace {

constexpr std::string_view kLeavesLivepatch[] = {"locked-down",  "signed-modules-only",
                                                 "module-load",  "no-core-module",
                                                 "kernel-lacks", "kernel-busy"};
// What livepatch says alone: somebody asked to end, or it is not as it was.
constexpr std::string_view kFinal[] = {"interrupted", "transition-stuck"};

using Run = std::function<Result<void>(Apply&)>;

// When it returns an error, nothing of the application is in the kernel.
Result<std::unique_ptr<Apply>> apply_once(ApplyOptions options, Engine engine,
                                          const Console& console, const Run& run) {
  options.engine = engine;
  auto apply = std::make_unique<Apply>(std::move(options), console);
  if (auto done = run(*apply); !done) return propagate(done);
  return apply;
}

// "mount.c: pid 121 (sleep) is inside code that is to be switched (kernel-busy)"
std::string said(const Error& error) {
  return fmt::format("{}{}{} ({})", error.function, error.function.empty() ? "" : ": ",
                     error.message, error.code);
}

std::string joined(const std::string& one, const std::string& two, const char* between) {
  if (one.empty() || one == two) return two;
  return two.empty() ? one : one + between + two;
}

// What is applied already has been by whichever engine: nobody chose.
Application chosen(std::unique_ptr<Apply> apply, std::string why) {
  if (apply->applied_already) why.clear();
  return {std::move(apply), std::move(why)};
}

Error neither(const Error& stop, const Error& livepatch) {
  const bool busy = stop.exit == ExitCode::busy || livepatch.exit == ExitCode::busy;
  Error both = fail(ExitCode::busy, "no-engine",
                    fmt::format("neither engine can apply the update. stop: {}; livepatch: {}",
                                said(stop), said(livepatch)))
                   .at_file(livepatch.file)
                   .detail(joined(stop.detail, livepatch.detail, ""))
                   .hint(joined(stop.advice, livepatch.advice, "; "))
                   .take();
  if (!busy) both.exit = livepatch.exit;
  // Once the module is there livepatch may do: by this code splice-install waits for it at boot.
  if (livepatch.code == "module-not-loaded") both.code = livepatch.code;
  return both;
}

}  // namespace

bool leaves_livepatch(const Error& stop) {
  return std::ranges::find(kLeavesLivepatch, stop.code) != std::end(kLeavesLivepatch);
}

Result<Application> apply_by_choice(ApplyOptions options, EngineChoice choice,
                                    const Console& console) {
  return apply_by_choice(std::move(options), choice, console,
                         [](Apply& apply) { return run_passes(apply); });
}

Result<Application> apply_by_choice(ApplyOptions options, EngineChoice choice,
                                    const Console& console, const Run& run) {
  if (choice != EngineChoice::automatic) {
    const Engine engine = choice == EngineChoice::stop ? Engine::stop : Engine::livepatch;
    auto apply = apply_once(std::move(options), engine, console, run);
    if (!apply) return propagate(apply);
    return Application{std::move(*apply), {}};
  }
  if (auto read = admit_once(options.admitted, options.path, options.signature); !read)
    return propagate(read);
  auto stop = apply_once(options, Engine::stop, console, run);
  if (stop) return chosen(std::move(*stop), "the engine stop is the first choice, and it can");
  if (!leaves_livepatch(stop.error())) return propagate(stop);
  const std::string why = fmt::format("the engine stop cannot: {}", said(stop.error()));
  console.stage("{}; trying the kernel's livepatch", why);
  auto livepatch = apply_once(std::move(options), Engine::livepatch, console, run);
  if (livepatch) return chosen(std::move(*livepatch), why);
  if (std::ranges::find(kFinal, livepatch.error().code) != std::end(kFinal))
    return propagate(livepatch);
  return Failure(neither(stop.error(), livepatch.error()));
}

}  // namespace splicer
