// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/base/confinement.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "matcher/base/file.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

constexpr const char* kConfined = "--confined";

// Programs, their libraries, and what the loader and gcc read. No file of a user's is there.
constexpr const char* kSystem[] = {
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/alternatives", "/etc/ld.so.cache"};
constexpr const char* kDevices[] = {"/dev/null", "/dev/urandom"};

// cc1 takes a few hundred megabytes for the kernel's largest files, objtool as much.
constexpr rlim_t kMemory = rlim_t{6} << 30;
constexpr rlim_t kSeconds = 900;
#ifdef SPLICE_SANITIZE
constexpr bool kLimitsMemory = false;  // AddressSanitizer reserves terabytes of addresses
#else
constexpr bool kLimitsMemory = true;
#endif
constexpr rlim_t kFile = rlim_t{1} << 30;

// What the first version of Landlock knows; later kernels know all of it.
constexpr __u64 kRead =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr __u64 kWrite = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                         LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                         LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                         LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                         LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
constexpr __u64 kMake = kWrite & ~(LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK);
constexpr __u64 kOfFiles =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;

Failure refused(const char* what, const fs::path& path = {}) {
  return fail(ExitCode::error, "confinement", fmt::format("{}: {}", what, std::strerror(errno)))
      .at_file(path.string())
      .hint("make updates where programs may confine themselves (Landlock), or nothing forbids it");
}

Result<void> limit(int resource, rlim_t most) {
  rlimit now{};
  if (getrlimit(static_cast<__rlimit_resource>(resource), &now) != 0)
    return refused("a limit cannot be read");
  now.rlim_cur = std::min(now.rlim_max, most);
  now.rlim_max = now.rlim_cur;
  if (setrlimit(static_cast<__rlimit_resource>(resource), &now) != 0)
    return refused("a limit cannot be set");
  return {};
}

// One folder or file with all that is below.
Result<void> allow(int rules, const fs::path& path, __u64 access) {
  const UniqueFd place(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (place.get() < 0) return {};
  landlock_path_beneath_attr rule{};
  std::error_code code;
  rule.allowed_access = fs::is_directory(path, code) ? access : access & kOfFiles;
  rule.parent_fd = place.get();
  if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U) != 0)
    return refused("a folder cannot be allowed to a program", path);
  return {};
}

Result<void> close_the_rest(const Confinement& confinement) {
  landlock_ruleset_attr handled{};
  handled.handled_access_fs = kRead | kWrite;
  const UniqueFd rules(
      static_cast<int>(syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0U)));
  if (rules.get() < 0) return refused("no rules can be made for a program");
  for (const char* path : kSystem)
    if (auto allowed = allow(rules.get(), path, kRead); !allowed) return allowed;
  for (const char* path : kDevices)
    if (auto allowed =
            allow(rules.get(), path, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE);
        !allowed)
      return allowed;
  for (const fs::path& path : confinement.read)
    if (auto allowed = allow(rules.get(), path, kRead); !allowed) return allowed;
  for (const fs::path& path : confinement.write)
    if (auto allowed = allow(rules.get(), path, kRead | kMake); !allowed) return allowed;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      syscall(SYS_landlock_restrict_self, rules.get(), 0U) != 0)
    return refused("a program cannot be confined");
  return {};
}

}  // namespace

bool may_confine() {
  return syscall(SYS_landlock_create_ruleset, nullptr, std::size_t{0},
                 LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

Result<void> confine(const Confinement& confinement) {
  if (kLimitsMemory)
    if (auto limited = limit(RLIMIT_AS, kMemory); !limited) return limited;
  for (const auto& [resource, most] : {std::pair{static_cast<int>(RLIMIT_CPU), kSeconds},
                                       std::pair{static_cast<int>(RLIMIT_FSIZE), kFile},
                                       std::pair{static_cast<int>(RLIMIT_CORE), rlim_t{0}}})
    if (auto limited = limit(resource, most); !limited) return limited;
  return may_confine() ? close_the_rest(confinement) : Result<void>();
}

std::vector<std::string> confined_command(const fs::path& driver, const Confinement& confinement,
                                          const std::vector<std::string>& command) {
  std::vector<std::string> line = {driver.string(), kConfined};
  for (const fs::path& path : confinement.read) line.push_back("r" + path.string());
  for (const fs::path& path : confinement.write) line.push_back("w" + path.string());
  line.emplace_back("--");
  line.insert(line.end(), command.begin(), command.end());
  return line;
}

Result<std::vector<std::string>> enter_confinement(const std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments[0] != kConfined) return std::vector<std::string>();
  Confinement confinement;
  std::size_t at = 1;
  for (; at < arguments.size() && arguments[at] != "--"; ++at) {
    const std::string& one = arguments[at];
    (one.starts_with('w') ? confinement.write : confinement.read).emplace_back(one.substr(1));
  }
  if (at + 1 >= arguments.size())
    return fail(ExitCode::usage, "usage", "there is no command to confine")
        .hint("splice-create calls splice-cc so; call it with a compiler");
  if (auto confined = confine(confinement); !confined) return propagate(confined);
  return std::vector<std::string>(arguments.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                                  arguments.end());
}

}  // namespace splicer
