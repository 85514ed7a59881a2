// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/live/device.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "matcher/base/wording.h"
#include "runtime/live/device_holder.h"
#include "runtime/package/manifest.h"

namespace splicer {

namespace {

constexpr std::uint32_t kNoFunction = 0xffffffffu;
static_assert(kHookKinds.size() == SPLICE_NR_HOOK_KINDS);

constexpr const char* kKernelLog = "read the end of the kernel's log (dmesg)";

// ioctl(2) that a signal cannot cut short; 0 or the errno.
int control(const UniqueFd& device, unsigned long request, void* argument) {
  while (ioctl(device.get(), request, argument) != 0)
    if (errno != EINTR) return errno;
  return 0;
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
  for (std::uint32_t i = 0; i < depth; ++i) {
    const RunAddress address(thread.stack[i]);
    const auto own = std::ranges::find_if(functions, [&](const SwitchedCode& code) {
      return address >= code.begin && address - code.begin <= code.size && code.size != 0;
    });
    lines += own == functions.end()
                 ? fmt::format("    {}\n", symbols.describe(address))
                 : fmt::format("  > {}+{:#x}\n", own->name, address - own->begin);
  }
  return lines;
}

Failure not_allowed() {
  if (geteuid() != 0)
    return fail(ExitCode::error, "not-root", "only root may use the core module")
        .hint("run the command as root (sudo)");
  return fail(ExitCode::error, "not-root",
              "the core module needs CAP_SYS_MODULE, which this process lacks")
      .hint("run the command on the host, not in a container");
}

// What both calls may answer.
std::optional<Error> common_error(int number) {
  switch (number) {
    case EPERM:
    case EACCES:
      return not_allowed().take();
    case EPROTO:
      return fail(ExitCode::error, "core-version",
                  "the loaded core module is of another release of Splice")
          .at_file(SPLICE_DEVICE)
          .hint("undo all updates with the release that applied them, then try again")
          .take();
    case ENOSYS:
    case EOPNOTSUPP:
      return fail(ExitCode::unsafe, "kernel-lacks",
                  "this kernel lacks something that the core module needs")
          .at_file(SPLICE_DEVICE)
          .hint("read the end of the kernel's log (dmesg), which names it")
          .take();
    default:
      return std::nullopt;
  }
}

Error stale_error(std::string function, std::uint32_t offset) {
  return fail(ExitCode::mismatch, "kernel-changed",
              fmt::format("the function's code changed while it was matched, first at +{:#x}",
                          offset))
      .in_function(std::move(function))
      .hint("stop the tracer or patching tool that writes there, then try again")
      .take();
}

// `reason`: the core module's own words, if it gave any.
Error site_taken(std::string function, const std::string& reason) {
  return fail(ExitCode::unsafe, "site-taken",
              reason.empty() ? "a kprobe, a tracer or another update uses the bytes where the jump "
                               "to the new code must be written"
                             : reason)
      .in_function(std::move(function))
      .hint(
          "remove the probe (/sys/kernel/debug/kprobes/list), stop the tracer, or undo the "
          "update (splice-view), then try again")
      .take();
}

// A live patch came between the command's own question (LivePatches) and the switch; or ftrace, which
// leads the calls on where a jump has no place, does not do so now.
Error live_patched(const std::string& function, const std::string& reason) {
  return fail(ExitCode::unsafe, "live-patched",
              fmt::format("what runs when {} is called is not for the update to decide{}{}",
                          function, reason.empty() ? "" : ": ", reason))
      .in_function(function)
      .hint(
          "disable the live patch (echo 0 > /sys/kernel/livepatch/NAME/enabled), or set "
          "kernel.ftrace_enabled to 1, then apply the update")
      .take();
}

// A hook may return anything; the kernel's own errors are -1 to -4095 (include/linux/err.h).
std::string hook_answer(std::int32_t number) {
  const char* name = number < 0 && number > -4096 ? strerrorname_np(-number) : nullptr;
  return name != nullptr ? fmt::format("-{}", name) : std::to_string(number);
}

// A value that the update writes in place, on apply, or has written, on undo.
Error value_changed(const std::string& name) {
  return fail(ExitCode::mismatch, "value-changed",
              fmt::format("what stands in {} is not what the update expects there", name))
      .in_function(name)
      .hint("find out who else writes there: a hook of another update, or a module that was loaded")
      .take();
}

// The update itself says no. Where it says "not now", trying again may help.
Error hook_refused(const std::string& hook, std::int32_t number) {
  const bool busy = number == -EBUSY || number == -EAGAIN;
  return fail(busy ? ExitCode::busy : ExitCode::error, "hook-refused",
              fmt::format("the update is refused by its own check: {} (returned {})", hook,
                          hook_answer(number)))
      .hint(busy ? "try again with more --retries; if it stays, read the check in the update's "
                   "patch and the end of the kernel's log (dmesg)"
                 : "read the check in the update's patch, and the end of the kernel's log (dmesg)")
      .take();
}

// `function` or `hook` is what the core module found fault with, if it named one, and `reason` why.
Error apply_refused(int number, const std::string& function, const std::string& hook,
                    const std::string& reason) {
  std::string message =
      fmt::format("the core module refused the update: {}", std::strerror(number));
  const char* hint = kKernelLog;
  if (number == EINVAL) {
    const std::string& where = function.empty() ? hook : function;
    const std::string what = where.empty() ? "the update" : where;
    message = reason.empty() ? fmt::format("the core module found a field of {} out of range", what)
                             : fmt::format("the core module refused {}: {}", what, reason);
    hint = "make the package again with the splice-create of this release";
  } else if (number == ENOENT) {
    message = "a module of the update is no longer loaded, or is not waiting any more";
    hint = "apply the update again";
  }
  return fail(ExitCode::error, "apply-refused", std::move(message))
      .in_function(function.empty() ? hook : function)
      .hint(hint)
      .take();
}

// The reports that the kernel filled in; it says how many, which is not taken on trust.
std::vector<splice_busy> reported(std::vector<splice_busy> busy, std::uint32_t count) {
  busy.resize(std::min<std::size_t>(busy.size(), count));
  return busy;
}

// Why open(2) failed.
Failure open_error(int number, const std::string& path, const std::optional<std::string>& holder) {
  if (number == EBUSY)
    return fail(ExitCode::busy, "device-busy",
                holder ? fmt::format("another splice command is at work: {}", *holder)
                       : std::string("another splice command is at work"))
        .at_file(path)
        .hint("wait until it ends, or give more --retries");
  if (number == EPERM || number == EACCES) return not_allowed().at_file(path);
  const bool loaded = access("/sys/module/splice", F_OK) == 0;
  return fail(ExitCode::error, "no-core-module",
              fmt::format("the core module does not answer: {}", std::strerror(number)))
      .at_file(path)
      .hint(loaded ? "mount devtmpfs at /dev: module splice is loaded, but its device is not there"
                   : "apply an update: splice-apply loads the core module from the package");
}

// Is it our device, and of this release? (number: the errno of INFO)
Result<void> check_version(int number, const splice_info& info, const std::string& path) {
  if (number != 0)
    return fail(ExitCode::error, "core-version",
                fmt::format("the file is not the core module's device: {}", std::strerror(number)))
        .at_file(path)
        .hint("rmmod splice if it is loaded, and remove the file if it stays");
  if (info.abi_version == SPLICE_ABI_VERSION) return {};
  return fail(ExitCode::error, "core-version",
              fmt::format("the loaded core module is of another release of Splice: it has "
                          "interface version {}, expected {}",
                          info.abi_version, SPLICE_ABI_VERSION))
      .at_file(path)
      .hint(info.updates == 0
                ? "rmmod splice, then try again"
                : "undo all updates with the release that applied them, then try again");
}

}  // namespace

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
  std::string hint = "give more --retries";
  if (!busy.empty()) {
    who = thread_name(busy.front());
    who += busy.size() == 1 ? " is"
                            : fmt::format(" and {} are", counted(busy.size() - 1, "more thread"));
    hint += fmt::format("; wake or end what stays there for long (kill {})", busy.front().pid);
  }
  return fail(ExitCode::busy, "kernel-busy", who + " inside code that is to be switched")
      .in_function(busy.empty() ? "" : function_name(busy.front().function, functions))
      .detail(std::move(detail))
      .hint(std::move(hint))
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
      if (const std::string value = plain(answer.hook); !value.empty()) return value_changed(value);
      if (const std::string reason = plain(answer.reason); function.empty() && !reason.empty())
        return fail(ExitCode::mismatch, "kernel-changed", reason)
            .hint("try again when no module is being loaded")
            .take();
      return stale_error(function, answer.bad_offset);
    case EEXIST:
      return fail(ExitCode::done, "already-applied", "the update is applied already").take();
    case EADDRINUSE:
      return site_taken(function, plain(answer.reason));
    case EADDRNOTAVAIL:
      return live_patched(function, plain(answer.reason));
    case ECANCELED:
      return hook_refused(plain(answer.hook), answer.hook_error);
    default:
      return apply_refused(number, function, plain(answer.hook), plain(answer.reason));
  }
}

Error undo_error(int number, const splice_undo& answer, const std::vector<splice_busy>& busy,
                 const std::vector<SwitchedCode>& functions, const SymbolTable& symbols) {
  if (auto common = common_error(number)) return std::move(*common);
  switch (number) {
    case EBUSY:
      return busy_error(busy, functions, symbols);
    case ESTALE:
      if (const std::string value = plain(answer.hook); !value.empty()) return value_changed(value);
      return fail(ExitCode::mismatch, "kernel-changed",
                  "somebody else overwrote a jump to the update's code")
          .hint("stop the tracer or patching tool that writes there, then try again")
          .take();
    case EADDRINUSE:
      return site_taken("", plain(answer.reason));
    case ECANCELED:
      return hook_refused(plain(answer.hook), answer.hook_error);
    case ENOENT:
      return fail(ExitCode::error, "unknown-update", "the update is not applied")
          .hint("list the applied updates with splice-view")
          .take();
    case EDEADLK: {
      const std::string blocker = plain(answer.blocker);
      return fail(ExitCode::error, "update-covered",
                  fmt::format("the later update {} depends on this one", blocker))
          .hint(fmt::format("splice-undo {} first", blocker))
          .take();
    }
    default:
      return fail(ExitCode::error, "undo-refused",
                  fmt::format("the core module refused to undo the update: {}",
                              std::strerror(number)))
          .hint(kKernelLog)
          .take();
  }
}

bool Device::exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

Result<Device> Device::open(const Attempts& attempts, HeldSignals& signals,
                            const std::string& path) {
  UniqueFd descriptor;
  for (Patience patience(attempts); !signals.interrupted();) {
    int error = EBUSY;
    const auto holder = device_holder(path);
    if (!holder) {
      descriptor = UniqueFd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
      if (descriptor) break;
      error = errno;
    }
    if (error != EBUSY || patience.is_over()) return open_error(error, path, holder);
    if (signals.wait_for(patience.next())) break;
  }
  if (!descriptor) return interrupted();
  splice_info info{};
  const int number = control(descriptor, SPLICE_IOC_INFO, &info);
  if (auto good = check_version(number, info, path); !good) return propagate(good);
  return Device(std::move(descriptor));
}

Result<std::uint32_t> Device::updates() const {
  splice_info info{};
  const int number = control(descriptor_, SPLICE_IOC_INFO, &info);
  if (number == 0) return info.updates;
  return fail(ExitCode::error, "core-version",
              fmt::format("the core module does not report its state: {}", std::strerror(number)))
      .at_file(SPLICE_DEVICE)
      .hint(kKernelLog);
}

Result<void> Device::pin(const std::string& module) const {
  splice_pin pin{};
  set_field(pin.module, module);
  const int number = control(descriptor_, SPLICE_IOC_PIN, &pin);
  if (number == 0) return {};
  if (number == ENOENT) {
    return fail(ExitCode::error, "module-not-loaded",
                fmt::format("module {} is not loaded", module))
        .hint(fmt::format("modprobe {} first, or leave it out with --skip-unloaded", module));
  }
  if (auto common = common_error(number)) return Failure(std::move(*common));
  return fail(ExitCode::error, "module-not-held",
              fmt::format("module {} cannot be held in memory: {}", module, std::strerror(number)))
      .hint("try again when the module is no longer being loaded or unloaded");
}

Result<void> Device::await(const AwaitedModule& awaited) const {
  splice_await call{};
  set_field(call.module, awaited.module);
  set_field(call.code, awaited.code);
  set_field(call.helper, awaited.helper);
  call.flags =
      (awaited.refuse ? SPLICE_AWAIT_REFUSE : 0u) | (awaited.hold ? SPLICE_AWAIT_HOLD : 0u);
  const int number = control(descriptor_, SPLICE_IOC_AWAIT, &call);
  if (number == 0) return {};
  if (auto common = common_error(number)) return Failure(std::move(*common));
  return fail(ExitCode::error, "module-not-held",
              fmt::format("loads of module {} cannot be watched: {}", awaited.module,
                          std::strerror(number)))
      .hint("install Splice under a shorter path, and free memory");
}

Result<Switched> Device::apply(const std::string& id, const std::vector<std::string>& modules,
                               const SwitchRequest& request, const SymbolTable& symbols) const {
  struct ModuleName {
    char text[SPLICE_NAME_LEN];
  };
  std::vector<ModuleName> module_names(modules.size());
  for (std::size_t i = 0; i < modules.size(); ++i) set_field(module_names[i].text, modules[i]);
  std::vector<splice_busy> busy(SPLICE_MAX_BUSY);

  splice_apply call{};
  call.abi_version = SPLICE_ABI_VERSION;
  call.nr_functions = static_cast<std::uint32_t>(request.functions.size());
  call.functions = abi_pointer(request.functions.data());
  call.modules = abi_pointer(module_names.data());
  call.nr_modules = static_cast<std::uint32_t>(module_names.size());
  set_field(call.id, id);
  call.busy = abi_pointer(busy.data());
  call.max_busy = SPLICE_MAX_BUSY;
  call.bad_function = kNoFunction;
  call.hooks = abi_pointer(request.hooks.data());
  call.nr_hooks = static_cast<std::uint32_t>(request.hooks.size());
  call.values = abi_pointer(request.values.data());
  call.nr_values = static_cast<std::uint32_t>(request.values.size());
  if (request.keeps) call.flags |= SPLICE_APPLY_KEEPS;
  if (!request.late.empty()) call.flags |= SPLICE_APPLY_LATE;
  set_field(call.module, request.late);
  const int number = control(descriptor_, SPLICE_IOC_APPLY, &call);
  if (number == 0) return Switched{call.pause_ns, call.nr_left};
  std::vector<SwitchedCode> code;
  for (const splice_function& function : request.functions)
    code.push_back({plain(function.name), RunAddress(function.old_code), function.old_size});
  return Failure(apply_error(number, call, reported(std::move(busy), call.nr_busy), code, symbols));
}

Result<Switched> Device::undo(const std::string& id, const std::vector<SwitchedCode>& functions,
                              const SymbolTable& symbols) const {
  std::vector<splice_busy> busy(SPLICE_MAX_BUSY);
  splice_undo call{};
  call.abi_version = SPLICE_ABI_VERSION;
  set_field(call.id, id);
  call.busy = abi_pointer(busy.data());
  call.max_busy = SPLICE_MAX_BUSY;
  const int number = control(descriptor_, SPLICE_IOC_UNDO, &call);
  if (number == 0) return Switched{call.pause_ns, call.nr_left};
  return Failure(
      undo_error(number, call, reported(std::move(busy), call.nr_busy), functions, symbols));
}

}  // namespace splicer
