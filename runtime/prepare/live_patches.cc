// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/live_patches.h"

#include <filesystem>
#include <vector>

#include "matcher/base/file.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMaxEnabledFunctions = 64u << 20;  // bytes; all functions traced take 4 MB

// The directories in a directory; none where there is no such directory. Another command may take
// one away meanwhile.
std::vector<fs::path> directories(const fs::path& path) {
  std::vector<fs::path> found;
  for (const auto& entry : list_directory(path).entries)
    if (std::error_code none; entry.is_directory(none)) found.push_back(entry.path());
  return found;
}

}  // namespace

LivePatches LivePatches::read(std::map<std::string, std::size_t> ours, const std::string& sys,
                              const std::string& tracing) {
  LivePatches patches;
  for (const fs::path& patch : directories(sys))
    for (const fs::path& object : directories(patch))
      for (const fs::path& function : directories(object)) {
        const std::string name = function.filename();
        patches.by_function_.insert_or_assign({object.filename(), name.substr(0, name.rfind(','))},
                                              "live patch " + patch.filename().string());
      }

  // "cmdline_proc_show (1) R I  tramp: ..." or "tun_get [tun] (1)  I": name, module, users, flags.
  const std::string text =
      read_contents(fs::path(tracing) / "enabled_functions", kMaxEnabledFunctions).text();
  for (const std::string& line : split_lines(text)) {
    const std::size_t name_end = line.find(' ');
    const std::size_t users = line.find(" (");
    const std::size_t users_end = line.find(')', users == std::string::npos ? 0 : users);
    if (name_end == 0 || users == std::string::npos || users_end == std::string::npos) continue;
    const std::string flags = line.substr(users_end + 1, line.find('\t') - users_end - 1);
    if (flags.find(" I") == std::string::npos) continue;
    std::string object = "vmlinux";
    if (const std::size_t module = line.find('['); module < users)
      object = line.substr(module + 1, line.find(']', module) - module - 1);
    std::string name = line.substr(0, name_end);
    if (const auto own = ours.find(name); own != ours.end() && own->second > 0) {
      --own->second;
      continue;
    }
    patches.by_function_.try_emplace({std::move(object), std::move(name)},
                                     "an ftrace user that may change where it leads");
  }
  return patches;
}

std::optional<std::string> LivePatches::deciding(std::string_view object,
                                                 std::string_view function) const {
  const auto found = by_function_.find(std::pair(std::string(object), std::string(function)));
  return found == by_function_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string> LivePatches::deciding(std::string_view function) const {
  for (const auto& [place, by] : by_function_)
    if (place.second == function) return by;
  return std::nullopt;
}

}  // namespace splicer
