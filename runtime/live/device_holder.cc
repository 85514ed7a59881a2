// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/live/device_holder.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "matcher/base/file.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

bool is_number(const std::string& text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](const char c) { return c >= '0' && c <= '9'; });
}

bool has_open(const fs::path& process, const std::string& device) {
  for (const auto& file : list_directory(process / "fd").entries) {
    std::error_code gone;
    if (fs::read_symlink(file.path(), gone) == device && !gone) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> device_holder(const std::string& device, const std::string& proc,
                                         const std::string& sys) {
  // An open file of the device holds the module (fops->owner in kmod/device.c).
  if (read_attribute(sys + "/module/splice/refcnt") == "0") return std::nullopt;
  const std::string self = std::to_string(getpid());
  for (const auto& process : list_directory(proc).entries) {
    const std::string pid = process.path().filename();
    if (!is_number(pid) || pid == self || !has_open(process.path(), device)) continue;
    return fmt::format("pid {} ({})", pid, read_attribute(process.path() / "comm"));
  }
  return std::nullopt;
}

}  // namespace splicer
