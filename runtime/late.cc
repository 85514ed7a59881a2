// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/late.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>

#include "matcher/base/file.h"
#include "matcher/base/terminal_text.h"
#include "runtime/apply.h"
#include "runtime/await.h"
#include "runtime/live/leftovers.h"

namespace splicer {

namespace {

constexpr unsigned kLimit = 60;                  // seconds
constexpr std::chrono::seconds kDeviceWait{50};  // while other commands are at work
constexpr std::size_t kMaxLogLine = 900;         // LOG_LINE_MAX in kernel/printk/printk.c

// In place of open_core(): the update is applied, and the core module is there.
Result<void> open_for_late(Apply& apply) {
  apply.signals.emplace();
  auto device = Device::open(apply.options.attempts, *apply.signals);
  if (!device) return propagate(device);
  apply.device.emplace(std::move(*device));
  for (const PackageTarget& target : apply.package.manifest.targets)
    if (target.name != apply.options.late) apply.left_out.insert(target.name);
  // It is not in service yet, so nobody can hold it; the switch knows whether it still waits.
  apply.held.insert(apply.options.late);
  return {};
}

constexpr ApplyPass kLatePasses[] = {open_for_late, match, load_code, switch_over};

// A program that the kernel runs has no open files: what is opened first would be standard output.
void open_standard_files() {
  int descriptor = open("/dev/null", O_RDWR);
  while (descriptor >= 0 && descriptor <= 2) descriptor = open("/dev/null", O_RDWR);
  if (descriptor > 2) close(descriptor);
}

void log_line(const std::string& text) {
  const UniqueFd log(open("/dev/kmsg", O_WRONLY | O_CLOEXEC));
  std::string line = "<4>splice-apply: " + terminal_line(text);
  line.resize(std::min(line.size(), kMaxLogLine));
  if (log) (void)!write(log.get(), line.data(), line.size());
}

void log_error(const std::string& module, const std::string& id, const Error& error) {
  log_line(fmt::format("module {}: its part of update {} cannot be applied: {}{}{} ({})", module,
                       id, error.function, error.function.empty() ? "" : ": ", error.message,
                       error.code));
}

Result<void> apply_part(const std::string& module, const std::string& id, const Trust& trust,
                        const Console& console) {
  const std::string path = kept_package(id);
  auto given = read_kept(id);
  if (!given) return propagate(given);
  auto admitted = trust.admit(std::move(*given), Moment::put_back);
  if (!admitted) return propagate(admitted);
  ApplyOptions options;
  options.path = path;
  options.admitted = std::make_shared<const AdmittedPackage>(std::move(*admitted));
  options.late = module;
  options.skip_unloaded = true;
  options.attempts.wait = kDeviceWait;
  Apply apply(std::move(options), console);
  if (auto read = read_update(apply); !read) return read;
  if (apply.package.manifest.id != id)
    return fail(ExitCode::bad_package, "package-id",
                fmt::format("the package is that of update {}", apply.package.manifest.id))
        .at_file(path)
        .hint("undo the update, and apply it again");
  for (const auto pass : kLatePasses)
    if (auto done = pass(apply); !done) return done;
  return {};
}

// The device, when no other command is at work: what is applied is known then.
Result<Device> wait_for_others() {
  HeldSignals signals;
  return Device::open({.wait = kDeviceWait}, signals);
}

void tidy(const Console& console) {
  const auto device = wait_for_others();
  if (!device) return;
  if (const auto state = State::read(); state) unload_leftovers(*state, console);
}

}  // namespace

int apply_late(const std::string& module) {
  open_standard_files();
  alarm(kLimit);
  Console console;
  console.quiet = true;
  if (module == "-") {
    tidy(console);
    return 0;
  }
  if (const auto others = wait_for_others(); !others && others.error().code != "no-core-module")
    log_line(others.error().message);
  const auto trust = Trust::read();
  const auto state = State::read();
  if (!trust) log_line(trust.error().message);
  if (!state) log_line(state.error().message);
  if (!trust || !state) return static_cast<int>(ExitCode::error);
  bool all = true;
  for (const AppliedUpdate& update : state->updates()) {
    if (!update.lacks(module)) continue;
    const auto done = apply_part(module, update.id, *trust, console);
    if (done) continue;
    log_error(module, update.id, done.error());
    all = false;
  }
  if (all) return 0;
  return static_cast<int>(trust->policy().refuse_unpatched ? ExitCode::error : ExitCode::partly);
}

}  // namespace splicer
