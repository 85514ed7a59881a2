// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/running_kernel.h"

#include <fmt/core.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace splicer {

KernelIdentity running_kernel() {
  utsname name{};
  KernelIdentity identity;
  if (uname(&name) != 0) return identity;
  identity.release = name.release;
  identity.version = name.version;
  identity.machine = name.machine;
  return identity;
}

Result<void> check_identity(const KernelIdentity& wanted, const KernelIdentity& running) {
  const auto shown = [](const KernelIdentity& kernel) {
    return fmt::format("{} {} ({})", kernel.release, kernel.version, kernel.machine);
  };
  // A package may have been made where only the release was known.
  const bool same = wanted.release == running.release && wanted.machine == running.machine &&
                    (wanted.version.empty() || wanted.version == running.version);
  if (same) return {};
  const bool same_release = wanted.release == running.release && wanted.machine == running.machine;
  return fail(ExitCode::wrong_machine, "wrong-kernel",
              same_release
                  ? fmt::format("the update is for another build of kernel {}", wanted.release)
                  : fmt::format("the update is for kernel {}, but {} is running", wanted.release,
                                running.release))
      .detail(fmt::format("for:     {}\nrunning: {}\n", shown(wanted), shown(running)))
      .hint(same_release
                ? fmt::format("make the update again from the source of the build of {} that runs",
                              running.release)
                : fmt::format("boot {}, or make the update for {}: splice-create --kernel {}",
                              wanted.release, running.release, running.release));
}

Result<void> check_root() {
  if (geteuid() == 0) return {};
  return fail(ExitCode::error, "not-root", "only root may read the kernel's memory and change it")
      .hint("run the command as root (sudo)");
}

}  // namespace splicer
