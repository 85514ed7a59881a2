// SPDX-License-Identifier: GPL-2.0-or-later
//
// /dev/splice, the door to the core module (kmod/splice_abi.h).
//
//     auto device = Device::open(attempts);
//     device->pin("tun");
//     auto pause = device->apply(id, modules, functions, kernel_symbols);
//
// Every errno of the interface becomes an Error that says what it means for the person who waits:
// which function is busy, which thread is in it and where it sleeps, which update stands in the
// way.
//
// Invariant: as long as a Device lives no other process can change what is applied; when it dies
// the pins that no update took over are gone.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kmod/splice_abi.h"
#include "matcher/base/console.h"
#include "matcher/base/result.h"
#include "matcher/image/image.h"

namespace splicer {

// How often to try again while the kernel is busy, and how long to wait in between.
struct Attempts {
  unsigned retries = 5;
  std::chrono::milliseconds interval{500};
};

// Calls `attempt` until it gives something else than an Error with ExitCode::busy, at most
// 1 + retries times; `between` (told how many are left) may end it by giving an Error.
Result<std::uint64_t> try_while_busy(
    const Attempts& attempts, const std::function<Result<std::uint64_t>()>& attempt,
    const std::function<Result<void>(const Error&, unsigned left)>& between);

// What `between` has to say: who is in the way, with -v where.
void show_busy(const Console& console, const Error& error, unsigned left);

// A function of APPLY with the bytes that are expected there; the rest of struct splice_function.
// With site 0 it is only checked.
struct FunctionChange {
  std::string name;
  std::uint64_t old_entry = 0;
  std::uint64_t old_code = 0;
  std::uint64_t new_code = 0;
  std::uint64_t site = 0;
  std::uint64_t hop = 0;
  std::vector<std::uint8_t> expected;
  std::vector<std::uint8_t> expected_hop;
  std::uint32_t new_size = 0;
};

// A hook of APPLY: struct splice_hook.
struct HookCall {
  std::string name;
  std::uint64_t function = 0;
  std::uint32_t kind = 0;   // index into kHookKinds
  std::uint32_t group = 0;  // one number for each source file
};

// Code that a report of busy threads is about: of a function that is to be switched, in the order
// of the call.
struct SwitchedCode {
  std::string name;
  std::uint64_t begin = 0;
  std::uint64_t size = 0;
};

class Device {
 public:
  // Is the core module loaded?
  static bool exists(const std::string& path = SPLICE_DEVICE);
  // Waits while another process has it open. Checks the version of the interface. Errors:
  // "no-core-module", "not-root", "device-busy", "core-version".
  static Result<Device> open(const Attempts& attempts, const std::string& path = SPLICE_DEVICE);

  Device(Device&& other) noexcept;
  Device& operator=(Device&&) = delete;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device();

  // How many updates are applied.
  Result<std::uint32_t> updates() const;
  // Errors: "module-not-loaded".
  Result<void> pin(const std::string& module) const;
  // Gives the pause in nanoseconds. Errors: "kernel-changed" (match again), "kernel-busy",
  // "site-taken", "already-applied", "hook-refused", "apply-refused".
  Result<std::uint64_t> apply(const std::string& id, const std::vector<std::string>& modules,
                              const std::vector<FunctionChange>& changes,
                              const std::vector<HookCall>& hooks, const SymbolTable& symbols) const;
  // `functions` are the update's, in order, with their new code. Errors: "unknown-update",
  // "update-covered", "kernel-busy", "kernel-changed", "site-taken", "hook-refused",
  // "undo-refused".
  Result<std::uint64_t> undo(const std::string& id, const std::vector<SwitchedCode>& functions,
                             const SymbolTable& symbols) const;

 private:
  explicit Device(int fd) : fd_(fd) {}
  int fd_;
};

// The errors that the answers of the kernel stand for; apart for the sake of tests.
Error busy_error(const std::vector<splice_busy>& busy, const std::vector<SwitchedCode>& functions,
                 const SymbolTable& symbols);
Error apply_error(int number, const splice_apply& answer, const std::vector<splice_busy>& busy,
                  const std::vector<SwitchedCode>& functions, const SymbolTable& symbols);
Error undo_error(int number, const splice_undo& answer, const std::vector<splice_busy>& busy,
                 const std::vector<SwitchedCode>& functions, const SymbolTable& symbols);

}  // namespace splicer
