// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/live/module_loader.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>
#include <thread>
#include <utility>

#include "matcher/base/file.h"
#include "matcher/image/live_image.h"
#include "runtime/package/manifest.h"

namespace splicer {

namespace {

constexpr int kUnloadAttempts = 20;
constexpr std::chrono::milliseconds kUnloadInterval{50};
constexpr int kMaxLogLines = 20;

// What the kernel logs from now on (Documentation/ABI/testing/dev-kmsg).
class KernelLog {
 public:
  KernelLog() : log_(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
    if (log_) lseek(log_.get(), 0, SEEK_END);
  }

  std::string lines() const {
    std::string text;
    std::array<char, 8192> record{};  // a read returns one whole record: "6,339,5140900,-;text\n"
    for (int i = 0; log_ && i < kMaxLogLines; ++i) {
      const ssize_t size = read(log_.get(), record.data(), record.size());
      if (size < 0 && errno == EPIPE) continue;  // overwritten before it was read
      if (size <= 0) break;
      std::string_view line(record.data(), static_cast<std::size_t>(size));
      line.remove_prefix(std::min(line.find(';') + 1, line.size()));
      line = line.substr(0, line.find('\n'));
      for (const char c : line) text += c >= 0x20 && c < 0x7f ? c : '?';
      text += '\n';
    }
    return text;
  }

 private:
  UniqueFd log_;
};

int init_module(std::span<const std::uint8_t> bytes) {
  return syscall(SYS_init_module, bytes.data(), bytes.size(), "") == 0 ? 0 : errno;
}

int delete_module(const std::string& name) {
  return syscall(SYS_delete_module, name.c_str(), O_NONBLOCK) == 0 ? 0 : errno;
}

// Why init_module(2) answered EPERM: the kernel does not say, but its settings do.
const char* not_permitted_hint(const std::string& root) {
  if (read_attribute(root + "/proc/sys/kernel/modules_disabled") == "1")
    return "reboot: kernel.modules_disabled is 1, which no command can take back (sysctl(8))";
  const std::string lockdown = read_attribute(root + "/sys/kernel/security/lockdown");
  if (lockdown.find('[') != std::string::npos && lockdown.find("[none]") == std::string::npos)
    return "have the key enrolled with which the update's modules are signed (mokutil --import), "
           "or make "
           "it with --sign-modules: this kernel is locked down (kernel_lockdown(7))";
  if (geteuid() != 0) return "run the command as root (sudo)";
  return "run the command on the host: this process lacks CAP_SYS_MODULE, as in a container";
}

}  // namespace

const char* load_hint(int number, const std::string& root) {
  switch (number) {
    case EKEYREJECTED:
    case ENOKEY:
      return "have the key enrolled with which the update's modules are signed (mokutil --import), "
             "or make "
             "it with --sign-modules: this kernel loads only signed modules (module.sig_enforce, "
             "Secure Boot)";
    case EPERM:
      return not_permitted_hint(root);
    case ENOEXEC:
      return "make the package again for this kernel: the module was built for another";
    case ENOENT:
      return "load the module that exports the symbol that the kernel's log names (dmesg)";
    case ENOMEM:
      return "free memory and try again";
    case EBUSY:
      return "wait until the transition of another live patch has ended, and try again";
    default:
      return "read the end of the kernel's log (dmesg)";
  }
}

Result<LoadedModule> LoadedModule::load(std::span<const std::uint8_t> bytes, std::string name) {
  const KernelLog log;
  const int number = init_module(bytes);
  if (number == 0) return LoadedModule(std::move(name));
  if (number == EEXIST) {
    return fail(ExitCode::error, "module-exists", fmt::format("module {} is loaded already", name))
        .hint(fmt::format("rmmod {} if nothing uses it", name));
  }
  return fail(ExitCode::error, number == EPERM && geteuid() != 0 ? "not-root" : "module-load",
              fmt::format("the kernel refuses to load module {}: {}", name, std::strerror(number)))
      .at_file(name)
      .detail(log.lines())
      .hint(load_hint(number));
}

LoadedModule::LoadedModule(LoadedModule&& other) noexcept
    : name_(std::move(other.name_)), unload_(std::exchange(other.unload_, false)) {}

LoadedModule::~LoadedModule() {
  // Nothing more can be done here if it stays: no code runs in it, and the next command unloads it
  // (leftovers.h).
  (void)unload();
}

Result<void> LoadedModule::unload() {
  if (!std::exchange(unload_, false)) return {};
  return unload_module(name_);
}

Result<RunAddress> section_address(const std::string& module, const std::string& section,
                                   const std::string& root) {
  const std::string path = root + "/" + module + "/sections/" + section;
  const auto refuse = [&](const std::string& what) {
    return fail(ExitCode::error, "module-section", what)
        .at_file(path)
        .hint("mount sysfs at /sys; the kernel needs CONFIG_KALLSYMS");
  };
  const bool plain = !section.empty() && section != "." && section != ".." &&
                     section.find('/') == std::string::npos;
  if (!is_module_name(module) || !plain)
    return refuse(fmt::format("'{}' of '{}' is not a section of a module", section, module));
  const auto address = read_section_address(path);
  if (!address)
    return refuse(
        fmt::format("the address of section {} of module {} cannot be read", section, module));
  return RunAddress(*address);
}

std::set<std::string, std::less<>> loaded_modules(const std::string& proc) {
  std::set<std::string, std::less<>> modules;
  for (const std::string& line : split_lines(read_contents(proc + "/modules").text()))
    if (!line.empty()) modules.insert(line.substr(0, line.find(' ')));
  return modules;
}

Result<void> unload_module(const std::string& name) {
  int number = 0;
  for (int i = 0; i < kUnloadAttempts; ++i) {
    number = delete_module(name);
    if (number == 0 || number == ENOENT) return {};
    if (number != EAGAIN && number != EBUSY) break;
    std::this_thread::sleep_for(kUnloadInterval);
  }
  return fail(
             ExitCode::error, "module-unload",
             fmt::format("the kernel refuses to unload module {}: {}", name, std::strerror(number)))
      .hint(fmt::format("see who uses it with lsmod, and rmmod {} when it is free", name));
}

}  // namespace splicer
