// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/live/device.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include "matcher/base/wording.h"
#include "runtime/package/package.h"

namespace splicer {

namespace {

constexpr std::uint32_t kNoFunction = 0xffffffffu;
static_assert(kHookKinds.size() == SPLICE_NR_HOOK_KINDS);

// ioctl(2) that a signal cannot cut short; 0 or the errno.
int control(int fd, unsigned long request, void* argument) {
  while (ioctl(fd, request, argument) != 0)
    if (errno != EINTR) return errno;
  return 0;
}

std::uint64_t user_pointer(const void* pointer) {
  return static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(pointer));
}

// Copies a text into a fixed field with its NUL, cut if longer.
template <std::size_t N>
void fill(char (&field)[N], const std::string& text) {
  std::memset(field, 0, N);
  std::memcpy(field, text.data(), std::min(text.size(), N - 1));
}

// The kernel's text in a fixed field; a thread may give itself any name.
template <std::size_t N>
std::string plain(const char (&field)[N]) {
  std::string text(field, strnlen(field, N));
  for (char& c : text)
    if (c < 0x20 || c >= 0x7f) c = '?';
  return text;
}

std::string function_name(std::uint32_t index, const std::vector<SwitchedCode>& functions) {
  // On undo a thread may be in code of the update that replaces nothing.
  if (index == kNoFunction) return "new code";
  return index < functions.size() ? functions[index].name : fmt::format("function {}", index);
}

// "pid 120 (cat)"
std::string thread_name(const splice_busy& thread) {
  return fmt::format("pid {} ({})", thread.pid, plain(thread.comm));
}

// Its stack, innermost first. Of the names that an address may have, the function's own is shown,
// and marked: it is what the reader looks for.
std::string stack_lines(const splice_busy& thread, const std::vector<SwitchedCode>& functions,
                        const SymbolTable& symbols) {
  std::string lines;
  const std::uint32_t depth = std::min<std::uint32_t>(thread.depth, SPLICE_MAX_STACK);
  for (std::uint32_t i = 0; i < depth; i++) {
    const std::uint64_t address = thread.stack[i];
    const auto own =
        std::find_if(functions.begin(), functions.end(), [&](const SwitchedCode& code) {
          return address >= code.begin && address - code.begin <= code.size && code.size != 0;
        });
    lines += own == functions.end()
                 ? fmt::format("    {}\n", symbols.describe(address))
                 : fmt::format("  > {}+{:#x}\n", own->name, address - own->begin);
  }
  return lines;
}

// What both calls may answer.
std::optional<Error> common_error(int number) {
  switch (number) {
    case EPERM:
    case EACCES:
      return fail(ExitCode::error, "not-root", "the kernel does not allow it")
          .hint("run as root with CAP_SYS_MODULE (a container lacks it)")
          .take();
    case EPROTO:
      return fail(ExitCode::error, "core-version",
                  "the core module that is loaded speaks another version of the interface")
          .at_file(SPLICE_DEVICE)
          .hint("undo all updates with the release that applied them, then try again")
          .take();
    case ENOSYS:
    case EOPNOTSUPP:
      return fail(ExitCode::unsafe, "kernel-lacks", "this kernel lacks something that is needed")
          .at_file(SPLICE_DEVICE)
          .hint("the end of the kernel's log says what (dmesg)")
          .take();
    default:
      return std::nullopt;
  }
}

Error stale_error(std::string function, std::uint32_t offset) {
  return fail(ExitCode::mismatch, "kernel-changed",
              fmt::format("its code changed while it was matched (first at +{:#x})", offset))
      .in_function(std::move(function))
      .hint("is a tracer or another patching tool at work on it? stop it and try again")
      .take();
}

Error site_taken(std::string function) {
  return fail(ExitCode::unsafe, "site-taken",
              "somebody else (a kprobe, a tracer, another update) holds the place of the jump to "
              "the new code")
      .in_function(std::move(function))
      .hint(
          "splice-view lists the updates, /sys/kernel/debug/kprobes/list the probes; end the one "
          "that holds it")
      .take();
}

// A hook may give anything; the kernel's own errors are -1 to -4095 (include/linux/err.h).
std::string hook_answer(std::int32_t number) {
  const char* name = number < 0 && number > -4096 ? strerrorname_np(-number) : nullptr;
  return name != nullptr ? fmt::format("-{}", name) : std::to_string(number);
}

// The update itself says no. Where it says "not now", trying again may help.
Error hook_refused(const std::string& hook, std::int32_t number) {
  const bool busy = number == -EBUSY || number == -EAGAIN;
  return fail(busy ? ExitCode::busy : ExitCode::error, "hook-refused",
              fmt::format("refused by its own check: {} (returned {})", hook, hook_answer(number)))
      .hint(busy ? "try again, with more --retries; the check is in the update's patch, and the "
                   "kernel's log may say more (dmesg)"
                 : "the check is in the update's patch, and the kernel's log may say more (dmesg)")
      .take();
}

// The reports that the kernel filled in; it says how many, which is not taken on trust.
std::vector<splice_busy> reported(std::vector<splice_busy> busy, std::uint32_t count) {
  busy.resize(std::min<std::size_t>(busy.size(), count));
  return busy;
}

}  // namespace

Result<std::uint64_t> try_while_busy(
    const Attempts& attempts, const std::function<Result<std::uint64_t>()>& attempt,
    const std::function<Result<void>(const Error&, unsigned left)>& between) {
  for (unsigned left = attempts.retries;; left--) {
    auto result = attempt();
    if (result || result.error().exit != ExitCode::busy || left == 0) return result;
    if (auto go_on = between(result.error(), left); !go_on) return propagate(go_on);
    std::this_thread::sleep_for(attempts.interval);
  }
}

void show_busy(const Console& console, const Error& error, unsigned left) {
  console.stage("{}{}{}: trying again, {} left", error.function, error.function.empty() ? "" : ": ",
                error.message, left);
  std::string_view detail = error.detail;
  if (detail.ends_with('\n')) detail.remove_suffix(1);
  if (!detail.empty()) console.detail("{}", detail);
}

Error busy_error(const std::vector<splice_busy>& busy, const std::vector<SwitchedCode>& functions,
                 const SymbolTable& symbols) {
  std::string detail;
  for (const splice_busy& thread : busy) {
    detail += fmt::format("{}: in use by {}{}\n", function_name(thread.function, functions),
                          thread_name(thread),
                          thread.conservative != 0
                              ? "; its stack cannot be unwound reliably, a word on it points there"
                              : "");
    detail += stack_lines(thread, functions, symbols);
  }
  std::string who = "threads are";
  if (!busy.empty()) {
    who = thread_name(busy.front());
    who += busy.size() == 1 ? " is"
                            : fmt::format(" and {} are", counted(busy.size() - 1, "more thread"));
  }
  return fail(ExitCode::busy, "kernel-busy", who + " inside code that is to be switched")
      .in_function(busy.empty() ? "" : function_name(busy.front().function, functions))
      .detail(std::move(detail))
      .hint(
          "try again, with more --retries; a thread that stays there for long must be ended or "
          "woken first")
      .take();
}

Error apply_error(int number, const splice_apply& answer, const std::vector<splice_busy>& busy,
                  const std::vector<SwitchedCode>& functions, const SymbolTable& symbols) {
  if (auto common = common_error(number)) return std::move(*common);
  const std::string function =
      answer.bad_function == kNoFunction ? "" : function_name(answer.bad_function, functions);
  switch (number) {
    case EBUSY:
      return busy_error(busy, functions, symbols);
    case ESTALE:
      return stale_error(function, answer.bad_offset);
    case EEXIST:
      return fail(ExitCode::done, "already-applied", "the update is applied already").take();
    case EADDRINUSE:
      return site_taken(function);
    case ECANCELED:
      return hook_refused(plain(answer.hook), answer.hook_error);
    default:
      return fail(ExitCode::error, "apply-refused",
                  fmt::format("the kernel refuses the update: {}", std::strerror(number)))
          .in_function(function.empty() ? plain(answer.hook) : function)
          .hint("the end of the kernel's log may say why (dmesg)")
          .take();
  }
}

Error undo_error(int number, const splice_undo& answer, const std::vector<splice_busy>& busy,
                 const std::vector<SwitchedCode>& functions, const SymbolTable& symbols) {
  if (auto common = common_error(number)) return std::move(*common);
  switch (number) {
    case EBUSY:
      return busy_error(busy, functions, symbols);
    case ESTALE:
      return stale_error("", 0);
    case EADDRINUSE:
      return site_taken("");
    case ECANCELED:
      return hook_refused(plain(answer.hook), answer.hook_error);
    case ENOENT:
      return fail(ExitCode::error, "unknown-update", "no such update is applied")
          .hint("splice-view lists what is applied")
          .take();
    case EDEADLK: {
      const std::string blocker = plain(answer.blocker);
      return fail(ExitCode::error, "update-covered",
                  fmt::format("the later update {} stands on it", blocker))
          .hint(fmt::format("splice-undo {} first", blocker))
          .take();
    }
    default:
      return fail(ExitCode::error, "undo-refused",
                  fmt::format("the kernel refuses to undo it: {}", std::strerror(number)))
          .hint("the end of the kernel's log may say why (dmesg)")
          .take();
  }
}

bool Device::exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

Result<Device> Device::open(const Attempts& attempts, const std::string& path) {
  int fd = -1;
  for (unsigned left = attempts.retries;; left--) {
    fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (fd >= 0 || errno != EBUSY || left == 0) break;
    std::this_thread::sleep_for(attempts.interval);
  }
  if (fd < 0) {
    const int number = errno;
    if (number == EBUSY) {
      return fail(ExitCode::busy, "device-busy", "another splice command is at work")
          .at_file(path)
          .hint("wait until it ends, or give more --retries");
    }
    if (number == EPERM || number == EACCES) {
      return fail(ExitCode::error, "not-root",
                  fmt::format("cannot open it: {}", std::strerror(number)))
          .at_file(path)
          .hint("run as root with CAP_SYS_MODULE (a container lacks it)");
    }
    return fail(ExitCode::error, "no-core-module",
                fmt::format("the core module does not answer: {}", std::strerror(number)))
        .at_file(path)
        .hint("is splice.ko loaded, and devtmpfs mounted at /dev?");
  }
  Device device(fd);
  splice_info info{};
  const int number = control(fd, SPLICE_IOC_INFO, &info);
  if (number != 0 || info.abi_version != SPLICE_ABI_VERSION) {
    return fail(ExitCode::error, "core-version",
                number != 0 ? fmt::format("it is not the core module's: {}", std::strerror(number))
                            : fmt::format("the core module has interface version {}, expected {}",
                                          info.abi_version, SPLICE_ABI_VERSION))
        .at_file(path)
        .hint("undo all updates with the release that applied them, then try again");
  }
  return device;
}

Device::Device(Device&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Device::~Device() {
  if (fd_ >= 0) close(fd_);
}

Result<std::uint32_t> Device::updates() const {
  splice_info info{};
  const int number = control(fd_, SPLICE_IOC_INFO, &info);
  if (number == 0) return info.updates;
  return fail(ExitCode::error, "core-version",
              fmt::format("the core module does not tell its state: {}", std::strerror(number)))
      .at_file(SPLICE_DEVICE)
      .hint("the end of the kernel's log may say why (dmesg)");
}

Result<void> Device::pin(const std::string& module) const {
  splice_pin pin{};
  fill(pin.module, module);
  const int number = control(fd_, SPLICE_IOC_PIN, &pin);
  if (number == 0) return {};
  if (number == ENOENT) {
    return fail(ExitCode::error, "module-not-loaded",
                fmt::format("module {} is not loaded", module))
        .hint(fmt::format("modprobe {} first, or leave it out with --skip-unloaded", module));
  }
  if (auto common = common_error(number)) return Failure(std::move(*common));
  return fail(ExitCode::error, "module-not-held",
              fmt::format("the kernel does not hold module {}: {}", module, std::strerror(number)))
      .hint("is it being loaded or unloaded just now? try again");
}

Result<std::uint64_t> Device::apply(const std::string& id, const std::vector<std::string>& modules,
                                    const std::vector<FunctionChange>& changes,
                                    const std::vector<HookCall>& hooks,
                                    const SymbolTable& symbols) const {
  std::vector<splice_function> functions(changes.size());
  std::vector<SwitchedCode> code;
  for (std::size_t i = 0; i < changes.size(); i++) {
    const FunctionChange& change = changes[i];
    splice_function& function = functions[i];
    function.old_entry = change.old_entry;
    function.old_code = change.old_code;
    function.new_code = change.new_code;
    function.site = change.site;
    function.hop = change.hop;
    function.expected = user_pointer(change.expected.data());
    function.expected_hop = change.hop != 0 ? user_pointer(change.expected_hop.data()) : 0;
    function.old_size = static_cast<std::uint32_t>(change.expected.size());
    function.new_size = change.new_size;
    fill(function.name, change.name);
    code.push_back({change.name, change.old_code, change.expected.size()});
  }
  struct ModuleName {
    char text[SPLICE_NAME_LEN];
  };
  std::vector<ModuleName> module_names(modules.size());
  for (std::size_t i = 0; i < modules.size(); i++) fill(module_names[i].text, modules[i]);
  std::vector<splice_hook> hook_calls(hooks.size());
  for (std::size_t i = 0; i < hooks.size(); i++) {
    hook_calls[i].function = hooks[i].function;
    hook_calls[i].kind = hooks[i].kind;
    hook_calls[i].group = hooks[i].group;
    fill(hook_calls[i].name, hooks[i].name);
  }
  std::vector<splice_busy> busy(SPLICE_MAX_BUSY);

  splice_apply call{};
  call.abi_version = SPLICE_ABI_VERSION;
  call.nr_functions = static_cast<std::uint32_t>(functions.size());
  call.functions = user_pointer(functions.data());
  call.modules = user_pointer(module_names.data());
  call.nr_modules = static_cast<std::uint32_t>(module_names.size());
  fill(call.id, id);
  call.busy = user_pointer(busy.data());
  call.max_busy = SPLICE_MAX_BUSY;
  call.bad_function = kNoFunction;
  call.hooks = user_pointer(hook_calls.data());
  call.nr_hooks = static_cast<std::uint32_t>(hook_calls.size());
  const int number = control(fd_, SPLICE_IOC_APPLY, &call);
  if (number == 0) return call.pause_ns;
  return Failure(apply_error(number, call, reported(std::move(busy), call.nr_busy), code, symbols));
}

Result<std::uint64_t> Device::undo(const std::string& id,
                                   const std::vector<SwitchedCode>& functions,
                                   const SymbolTable& symbols) const {
  std::vector<splice_busy> busy(SPLICE_MAX_BUSY);
  splice_undo call{};
  call.abi_version = SPLICE_ABI_VERSION;
  fill(call.id, id);
  call.busy = user_pointer(busy.data());
  call.max_busy = SPLICE_MAX_BUSY;
  const int number = control(fd_, SPLICE_IOC_UNDO, &call);
  if (number == 0) return call.pause_ns;
  return Failure(
      undo_error(number, call, reported(std::move(busy), call.nr_busy), functions, symbols));
}

}  // namespace splicer
