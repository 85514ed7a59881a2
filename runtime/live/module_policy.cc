// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/live/module_policy.h"

#include <fmt/core.h>
#include <linux/capability.h>

#include <charconv>
#include <optional>
#include <string_view>

#include "matcher/base/file.h"

namespace splicer {

namespace {

// "none [integrity] confidentiality" (security/lockdown/lockdown.c): the word in brackets, unless it
// is none.
std::string lockdown(const std::string& root) {
  const std::string text = read_attribute(root + "/sys/kernel/security/lockdown");
  const std::size_t begin = text.find('[');
  const std::size_t end = text.find(']');
  if (begin == std::string::npos || end == std::string::npos || end < begin) return {};
  const std::string level = text.substr(begin + 1, end - begin - 1);
  return level == "none" ? std::string() : level;
}

// "CapEff:\t000001ffffffffff" (fs/proc/array.c, task_cap()).
std::optional<std::uint64_t> effective_capabilities(const std::string& root) {
  constexpr std::string_view kField = "CapEff:\t";
  for (const std::string& line : split_lines(read_attribute(root + "/proc/self/status"))) {
    if (!line.starts_with(kField)) continue;
    std::uint64_t value = 0;
    const char* const end = line.data() + line.size();
    const auto [rest, error] = std::from_chars(line.data() + kField.size(), end, value, 16);
    if (error == std::errc() && rest == end) return value;
  }
  return std::nullopt;
}

}  // namespace

std::vector<Error> module_policy_faults(ModuleKind kind, const std::string& root) {
  constexpr const char* kSign =
      "make the update with --sign-modules and a key that this machine trusts (mokutil --import "
      "CERT.der, then reboot), and apply it with --engine livepatch";
  std::vector<Error> faults;
  const auto add = [&](Failure fault) { faults.push_back(std::move(fault).take()); };
  if (read_attribute(root + "/proc/sys/kernel/modules_disabled") == "1")
    add(fail(ExitCode::error, "modules-disabled",
             "kernel.modules_disabled is 1: this kernel loads no module until the next boot")
            .hint("reboot into a fixed kernel, or with kernel.modules_disabled=0"));
  // LOCKDOWN_KCORE is among what "confidentiality" forbids (include/linux/security.h).
  const bool linked = kind == ModuleKind::linked_here;
  const std::string level = lockdown(root);
  if (level == "confidentiality")
    add(fail(ExitCode::error, "locked-down",
             "this kernel is locked down (confidentiality): it shows its memory to nobody, so "
             "nothing can be matched")
            .hint("reboot into a fixed kernel, or with lockdown=integrity"));
  else if (linked && !level.empty())
    add(fail(ExitCode::error, "locked-down",
             fmt::format("this kernel is locked down ({}), as with Secure Boot: it loads only "
                         "modules that were signed when they were made",
                         level))
            .hint(kSign));
  if (linked && read_attribute(root + "/sys/module/module/parameters/sig_enforce") == "Y")
    add(fail(ExitCode::error, "signed-modules-only",
             "this kernel loads only modules that were signed when they were made "
             "(module.sig_enforce)")
            .hint(kSign));
  const auto capabilities = effective_capabilities(root);
  if (capabilities && (*capabilities >> CAP_SYS_MODULE & 1) == 0)
    add(fail(ExitCode::error, "no-capability",
             "this process may not load modules: it lacks CAP_SYS_MODULE, as in a container")
            .hint("run the command on the host"));
  if (read_attribute(root + "/proc/sys/kernel/kptr_restrict") == "2")
    add(fail(ExitCode::error, "kptr-restrict",
             "kernel.kptr_restrict is 2, which hides the addresses of symbols from root too")
            .hint("run sysctl kernel.kptr_restrict=1, apply the update, and set it back"));
  return faults;
}

Result<void> check_module_policy(ModuleKind kind, const std::string& root) {
  auto faults = module_policy_faults(kind, root);
  if (faults.empty()) return {};
  return Failure(std::move(faults.front()));
}

}  // namespace splicer
