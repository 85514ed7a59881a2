// SPDX-License-Identifier: GPL-2.0-or-later
//
// Loading and unloading kernel modules from bytes in memory.
//
//     auto module = LoadedModule::load(bytes, "splice_5d1f0c2e77aa9b31_0");
//     section_address(module->name(), ".text")
//     module->keep();                        // applied: it stays when this object dies
//
// The bytes never touch the disk: what was checked is what is loaded. When the kernel refuses a
// module it says why only in its log, so the lines that it logs meanwhile are shown.
//
// Invariant: a LoadedModule that is not kept is unloaded when it dies.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "matcher/base/address.h"
#include "matcher/base/result.h"

namespace splicer {

class LoadedModule {
 public:
  // Errors: "module-exists", "module-load", "not-root".
  static Result<LoadedModule> load(std::span<const std::uint8_t> bytes, std::string name);

  LoadedModule(LoadedModule&& other) noexcept;
  LoadedModule& operator=(LoadedModule&&) = delete;
  LoadedModule(const LoadedModule&) = delete;
  LoadedModule& operator=(const LoadedModule&) = delete;
  ~LoadedModule();

  const std::string& name() const { return name_; }
  void keep() { unload_ = false; }
  // Unloads it now, unless it is kept, and says whether that worked.
  Result<void> unload();

 private:
  explicit LoadedModule(std::string name) : name_(std::move(name)) {}
  std::string name_;
  bool unload_ = true;
};

// The address of a section of a loaded module. `root` is "/sys/module" but for tests. Errors:
// "module-section".
Result<RunAddress> section_address(const std::string& module, const std::string& section,
                                   const std::string& root = "/sys/module");

// The modules that are loaded, by their names in /proc/modules.
std::set<std::string, std::less<>> loaded_modules(const std::string& proc = "/proc");

// Tries for a second while it is in use: a process that reads its sysfs files holds it. A module
// that is not there counts as unloaded. Errors: "module-unload".
Result<void> unload_module(const std::string& name);

// What to do about an errno of init_module(2); apart for the sake of tests. `root` is "" but for
// them. What decides is read: /proc/sys/kernel/modules_disabled, /sys/kernel/security/lockdown.
const char* load_hint(int number, const std::string& root = "");

}  // namespace splicer
