// SPDX-License-Identifier: GPL-2.0-or-later
//
// /dev/splice, the door to the core module (kmod/splice_abi.h).
//
//     auto device = Device::open(attempts, signals);
//     device->pin("tun");
//     auto switched = device->apply(id, modules, {functions, hooks, values}, symbols);
//
// Every errno of the interface becomes an Error that says what it means for the person who waits:
// which function is busy, which thread is in it and where it sleeps, which update is in the way.
// Functions, hooks and values go to the kernel as the structs of the interface itself.
//
// Invariant: as long as a Device lives no other process can change what is applied; when it dies
// the pins that no update took over are gone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kmod/splice_abi.h"
#include "matcher/base/address.h"
#include "matcher/base/file.h"
#include "matcher/base/result.h"
#include "matcher/image/image.h"
#include "runtime/live/attempts.h"

namespace splicer {

// A user pointer as the interface carries it.
inline std::uint64_t abi_pointer(const void* pointer) {
  return static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(pointer));
}

// Copies a name into a field of the interface with its NUL, cut if it is longer.
template <std::size_t N>
void set_field(char (&field)[N], std::string_view text) {
  std::memset(field, 0, N);
  std::memcpy(field, text.data(), std::min(text.size(), N - 1));
}

// Code that a report of busy threads is about: of a function that is to be switched, in the order
// of the call.
struct SwitchedCode {
  std::string name;
  RunAddress begin;
  std::uint64_t size = 0;
};

// What an update asks for. The structs and what they point to must live until the call returns.
struct SwitchRequest {
  std::span<const splice_function> functions;
  std::span<const splice_hook> hooks;
  std::span<const splice_value> values;
  bool keeps = false;     // its memory stays after an undo
  std::string late = {};  // the module that is being loaded, if it is the part for one
};

// A module that gets its part of an update when it is loaded (kmod/coming.c).
struct AwaitedModule {
  std::string module;
  std::string code;    // the update's module with the code for it
  std::string helper;  // path of the program that applies the part
  bool refuse = true;  // its load, if that fails
  bool hold = true;    // it may not be unloaded, if it is loaded now
};

struct Switched {
  std::uint64_t pause_ns = 0;  // how long the machine was stopped
  std::uint32_t left = 0;      // values that somebody else has set, and that were left
};

class Device {
 public:
  // Is the core module loaded?
  static bool exists(const std::string& path = SPLICE_DEVICE);
  // Waits while another process has it open. Checks the version of the interface. Errors:
  // "no-core-module", "not-root", "device-busy", "core-version", "interrupted".
  static Result<Device> open(const Attempts& attempts, HeldSignals& signals,
                             const std::string& path = SPLICE_DEVICE);

  // How many updates are applied.
  Result<std::uint32_t> updates() const;
  // Errors: "module-not-loaded".
  Result<void> pin(const std::string& module) const;
  // Before anybody looks whether it is loaded. Errors: "module-not-held".
  Result<void> await(const AwaitedModule& awaited) const;
  // Switches over. Errors: "kernel-changed" (match again), "kernel-busy", "site-taken",
  // "already-applied", "hook-refused", "value-changed", "apply-refused".
  Result<Switched> apply(const std::string& id, const std::vector<std::string>& modules,
                         const SwitchRequest& request, const SymbolTable& symbols) const;
  // `functions` are the update's, in order, with their new code. Errors: "unknown-update",
  // "update-covered", "kernel-busy", "kernel-changed", "site-taken", "hook-refused",
  // "undo-refused".
  Result<Switched> undo(const std::string& id, const std::vector<SwitchedCode>& functions,
                        const SymbolTable& symbols) const;

 private:
  explicit Device(UniqueFd descriptor) : descriptor_(std::move(descriptor)) {}
  UniqueFd descriptor_;
};

// The errors that the kernel's answers mean; apart for the sake of tests.
Error busy_error(const std::vector<splice_busy>& busy, const std::vector<SwitchedCode>& functions,
                 const SymbolTable& symbols);
Error apply_error(int number, const splice_apply& answer, const std::vector<splice_busy>& busy,
                  const std::vector<SwitchedCode>& functions, const SymbolTable& symbols);
Error undo_error(int number, const splice_undo& answer, const std::vector<splice_busy>& busy,
                 const std::vector<SwitchedCode>& functions, const SymbolTable& symbols);

}  // namespace splicer
