// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/live/module_loader.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <fstream>
#include <string_view>
#include <thread>
#include <utility>

#include "runtime/package/tarball.h"

namespace splicer {

namespace {

constexpr int kUnloadAttempts = 20;
constexpr std::chrono::milliseconds kUnloadInterval{50};
constexpr int kMaxLogLines = 20;

// What the kernel logs from now on (Documentation/ABI/testing/dev-kmsg).
class KernelLog {
 public:
  KernelLog() : fd_(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
    if (fd_ >= 0) lseek(fd_, 0, SEEK_END);
  }
  KernelLog(const KernelLog&) = delete;
  KernelLog& operator=(const KernelLog&) = delete;
  ~KernelLog() {
    if (fd_ >= 0) close(fd_);
  }

  std::string lines() const {
    std::string text;
    std::array<char, 8192> record{};  // a read gives one whole record: "6,339,5140900,-;text\n"
    for (int i = 0; fd_ >= 0 && i < kMaxLogLines; i++) {
      const ssize_t got = read(fd_, record.data(), record.size());
      if (got < 0 && errno == EPIPE) continue;  // overwritten before it was read
      if (got <= 0) break;
      std::string_view line(record.data(), static_cast<std::size_t>(got));
      line.remove_prefix(std::min(line.find(';') + 1, line.size()));
      line = line.substr(0, line.find('\n'));
      for (const char c : line) text += c >= 0x20 && c < 0x7f ? c : '?';
      text += '\n';
    }
    return text;
  }

 private:
  int fd_;
};

int init_module(std::span<const std::uint8_t> bytes) {
  return syscall(SYS_init_module, bytes.data(), bytes.size(), "") == 0 ? 0 : errno;
}

int delete_module(const std::string& name) {
  return syscall(SYS_delete_module, name.c_str(), O_NONBLOCK) == 0 ? 0 : errno;
}

const char* load_hint(int number) {
  switch (number) {
    case EKEYREJECTED:
    case ENOKEY:
      return "the kernel takes only signed modules (module.sig_enforce, Secure Boot): enroll a key "
             "and sign the package's modules";
    case EPERM:
      return "the kernel is locked down, or kernel.modules_disabled is set (sysctl(8))";
    case ENOEXEC:
      return "the module was built for another kernel: make the package again for this one";
    case ENOENT:
      return "it needs a symbol that this kernel does not export: load the module that has it";
    case ENOMEM:
      return "the kernel has no memory for it";
    default:
      return "the kernel's log says more (dmesg)";
  }
}

}  // namespace

Result<LoadedModule> LoadedModule::load(std::span<const std::uint8_t> bytes, std::string name) {
  const KernelLog log;
  const int number = init_module(bytes);
  if (number == 0) return LoadedModule(std::move(name));
  if (number == EEXIST) {
    return fail(ExitCode::error, "module-exists", fmt::format("module {} is loaded already", name))
        .hint(fmt::format("rmmod {} if nothing uses it", name));
  }
  return fail(ExitCode::error, number == EPERM && geteuid() != 0 ? "not-root" : "module-load",
              fmt::format("the kernel does not load module {}: {}", name, std::strerror(number)))
      .at_file(name)
      .detail(log.lines())
      .hint(load_hint(number));
}

LoadedModule::LoadedModule(LoadedModule&& other) noexcept
    : name_(std::move(other.name_)), unload_(std::exchange(other.unload_, false)) {}

LoadedModule::~LoadedModule() {
  // Nothing more can be done here if it stays: no code runs in it, and the next apply of the same
  // update unloads it.
  if (unload_) (void)unload_module(name_);
}

Result<std::uint64_t> section_address(const std::string& module, const std::string& section,
                                      const std::string& root) {
  const std::string path = root + "/" + module + "/sections/" + section;
  const auto refuse = [&](const char* what) {
    return fail(ExitCode::error, "module-section", what)
        .at_file(path)
        .hint("the kernel needs CONFIG_KALLSYMS, and /sys must be mounted");
  };
  if (!is_safe_member_name(module) || !is_safe_member_name(section) ||
      section.find('/') != std::string::npos)
    return refuse("it is not the name of a section");
  std::ifstream file(path);
  std::string text;
  if (!std::getline(file, text)) return refuse("cannot read where the section stands");
  const std::string_view digits = std::string_view(text).substr(text.starts_with("0x") ? 2 : 0);
  std::uint64_t address = 0;
  const auto [rest, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), address, 16);
  if (error != std::errc() || rest != digits.data() + digits.size() || address == 0)
    return refuse("the kernel does not tell where the section stands");
  return address;
}

Result<void> unload_module(const std::string& name) {
  int number = 0;
  for (int i = 0; i < kUnloadAttempts; i++) {
    number = delete_module(name);
    if (number == 0 || number == ENOENT) return {};
    if (number != EAGAIN && number != EBUSY) break;
    std::this_thread::sleep_for(kUnloadInterval);
  }
  return fail(ExitCode::error, "module-unload",
              fmt::format("the kernel does not unload module {}: {}", name, std::strerror(number)))
      .hint(fmt::format("lsmod tells who uses it; rmmod {} when it is free", name));
}

}  // namespace splicer
