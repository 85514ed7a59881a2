// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/live/leftovers.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>

#include "matcher/base/file.h"
#include "matcher/elf/elf_object.h"
#include "runtime/live/module_loader.h"
#include "runtime/package/manifest.h"

namespace splicer {

namespace {

constexpr std::size_t kMaxNote = 4096;
constexpr const char* kBuildId = ".note.gnu.build-id";

// splice_ID_N, as update_module_name() makes it.
bool is_of_an_update(std::string_view module) {
  constexpr std::string_view kPrefix = "splice_";
  if (!module.starts_with(kPrefix)) return false;
  module.remove_prefix(kPrefix.size());
  const std::size_t end = module.find('_');
  if (end == std::string_view::npos || !is_update_id(module.substr(0, end))) return false;
  const std::string_view number = module.substr(end + 1);
  return !number.empty() &&
         std::ranges::all_of(number, [](const char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::vector<std::string> leftover_modules(const State& state, const std::string& proc) {
  const auto applied = state.modules();
  std::vector<std::string> found;
  for (const std::string& line : split_lines(read_contents(proc + "/modules").text())) {
    const std::string name = line.substr(0, line.find(' '));
    if (is_of_an_update(name) && !applied.contains(name)) found.push_back(name);
  }
  return found;
}

void unload_leftovers(const State& state, const Console& console) {
  for (const std::string& module : leftover_modules(state)) {
    console.detail("unloading {}, which an earlier command left", module);
    if (auto gone = unload_module(module); !gone) console.warning(gone.error().message);
  }
}

bool is_loaded_build(std::vector<std::uint8_t> module, const std::string& name,
                     const std::string& sys) {
  const auto object = ElfObject::parse(std::move(module), name);
  if (!object) return true;
  const Section* note = object->find_section(kBuildId);
  const Contents loaded = read_contents(sys + "/module/" + name + "/notes/" + kBuildId, kMaxNote);
  if (note == nullptr || loaded.error != 0) return true;
  return std::ranges::equal(note->bytes, loaded.bytes);
}

}  // namespace splicer
