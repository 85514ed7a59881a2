// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/build/unit_list.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "matcher/base/file.h"
#include "matcher/base/parallel.h"
#include "matcher/elf/module_name.h"
#include "splice-cc/source/tree_layout.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

// The variables are those of scripts/Makefile.lib once it has read the folder's Makefile.
constexpr const char* kQuestion =
    "@printf '%s\\n' subfolders $(subdir-ym) builtin $(real-obj-y) $(lib-y) "
    "$(foreach m,$(obj-m),module $m "
    "$(call suffix-search,$(patsubst $(obj)/%,%,$m),.o,-objs -y -m))";

std::string normal(const std::string& path) { return fs::path(path).lexically_normal().string(); }

bool has_makefile(const fs::path& folder) {
  return fs::exists(folder / "Makefile") || fs::exists(folder / "Kbuild");
}

}  // namespace

// kbuild's answer does not change while the tree stands, so it is kept.
Result<std::string> UnitList::answer(const std::string& name, bool locked) const {
  const fs::path saved =
      kbuild_.tree().store / "folders" / (name == "." ? std::string("top") : name) / "answer";
  if (auto text = read_text(saved)) return text;
  std::optional<FileLock> lock;
  if (!locked) {
    auto taken = FileLock::take(kbuild_.tree().lock);
    if (!taken) return propagate(taken);
    lock.emplace(std::move(*taken));
  }
  auto text = kbuild_.ask(name, kQuestion);
  if (!text) return propagate(text);
  if (auto written = write_file(saved, *text); !written) return propagate(written);
  return text;
}

Result<const UnitList::Folder*> UnitList::folder(const std::string& name) {
  if (const auto known = folders_.find(name); known != folders_.end()) return &known->second;
  auto text = answer(name, false);
  if (!text) return propagate(text);
  Folder folder;
  std::istringstream words(*text);
  std::string state;
  std::string module;
  bool composite = false;
  const auto add = [&folder](const std::string& goal, const std::string& target) {
    Unit unit;
    unit.goal = goal;
    unit.name = normal(goal);
    unit.target = target;
    const auto [place, is_new] = folder.units.emplace(unit.name, unit);
    if (!is_new && place->second.target != target) folder.twice.insert(unit.name);
  };
  const auto end_module = [&] {
    if (state == "module" && !module.empty() && !composite) add(module, module_name_of(module));
    module.clear();
    composite = false;
  };
  for (std::string word; words >> word;) {
    if (word == "subfolders" || word == "builtin" || word == "module") {
      end_module();
      state = word;
    } else if (state == "subfolders") {
      folder.subfolders.insert(word);
    } else if (!word.ends_with(".o")) {
      continue;  // built-in.a and modules.order of the folders below
    } else if (state == "builtin") {
      add(word, "vmlinux");
    } else if (module.empty()) {
      module = word;
    } else {
      composite = true;
      add(fmt::format("{}/{}", name, word), module_name_of(module));
    }
  }
  end_module();
  return &folders_.emplace(name, std::move(folder)).first->second;
}

Result<bool> UnitList::reached(const std::string& name) {
  if (name == "." || name.empty()) return true;
  if (const auto known = reached_.find(name); known != reached_.end()) return known->second;
  bool found = false;
  bool passed_over = false;
  fs::path above = fs::path(name).parent_path();
  for (;;) {
    const std::string parent = above.empty() ? "." : above.string();
    if (parent == "." || has_makefile(kbuild_.tree().source / parent)) {
      auto upper = reached(parent);
      if (!upper) return upper;
      if (*upper) {
        auto listing = folder(parent);
        if (!listing) return propagate(listing);
        if ((*listing)->subfolders.contains(name)) {
          found = true;
          // drivers/Makefile names char/ and char/ipmi/. Asked from drivers for an object below
          // char/ipmi, Makefile.build goes into both folders (single-subdirs), and in char, which
          // does not know it, makes it by the pattern rule: as built in, not as of a module.
          entry_[name] = parent == "." || passed_over ? name : entry_[parent];
          break;
        }
        passed_over = true;
      }
    }
    if (parent == ".") break;
    above = above.parent_path();
  }
  reached_[name] = found;
  return found;
}

const std::vector<std::string>& UnitList::folders_that_look_elsewhere() {
  if (elsewhere_) return *elsewhere_;
  elsewhere_.emplace();
  const fs::path saved = kbuild_.tree().store / "folders-that-look-elsewhere";
  if (const auto text = read_text(saved)) {
    *elsewhere_ = split_lines(*text);
    return *elsewhere_;
  }
  const fs::path& source = kbuild_.tree().source;
  std::string list;
  for (const std::string& top : directories_that_may_refer_elsewhere()) {
    for (const fs::directory_entry& entry : list_tree(source / top).entries) {
      const std::string file = entry.path().filename().string();
      if (file != "Makefile" && file != "Kbuild") continue;
      const auto text = read_text(entry.path());
      // Either by itself, or through a file that it includes.
      if (!text ||
          (text->find("../") == std::string::npos && text->find("\ninclude ") == std::string::npos))
        continue;
      elsewhere_->push_back(entry.path().parent_path().lexically_relative(source).string());
      list += elsewhere_->back() + "\n";
    }
  }
  // Only speed is lost if this cannot be kept.
  static_cast<void>(write_file(saved, list));
  return *elsewhere_;
}

Result<std::optional<Unit>> UnitList::find(const std::string& source) {
  const fs::path path(source);
  if (path.extension() != ".c" && path.extension() != ".S") return std::nullopt;
  const std::string object = fs::path(path).replace_extension(".o").string();

  const auto look_in = [&](const std::string& name) -> Result<std::optional<Unit>> {
    // First: a Makefile that kbuild does not reach need not make sense by itself.
    auto built = reached(name);
    if (!built) return propagate(built);
    if (!*built) return std::nullopt;
    auto listing = folder(name);
    if (!listing) return propagate(listing);
    const auto unit = (*listing)->units.find(object);
    if (unit == (*listing)->units.end()) return std::nullopt;
    Unit found = unit->second;
    found.shared = (*listing)->twice.contains(object);
    found.source = source;
    found.entry = name == "." ? name : entry_[name];
    return found;
  };

  for (fs::path above = path.parent_path();; above = above.parent_path()) {
    const std::string name = above.empty() ? "." : above.string();
    if (has_makefile(kbuild_.tree().source / name) || name == ".") {
      auto unit = look_in(name);
      if (!unit || *unit) return unit;
    }
    if (above.empty()) break;
  }
  for (const std::string& name : folders_that_look_elsewhere()) {
    if (is_other_architecture(name)) continue;
    auto built = reached(name);
    if (!built || !*built) continue;
    auto unit = look_in(name);
    if (unit && *unit) return unit;
  }
  return std::nullopt;
}

Result<std::vector<UnitList::Reached>> UnitList::walk(unsigned jobs) {
  std::vector<Reached> found = {{".", "."}};
  std::set<std::string> seen = {"."};
  // Level by level: the folders of one level are asked at the same time.
  for (std::size_t first = 0; first < found.size();) {
    const std::size_t end = found.size();
    {
      auto lock = FileLock::take(kbuild_.tree().lock);
      if (!lock) return propagate(lock);
      std::vector<Result<std::string>> answers(end - first);
      for_each_in_threads(answers.size(), jobs, [&](std::size_t i) {
        answers[i] = answer(found[first + i].folder, true);
      });
      for (const auto& one : answers)
        if (!one) return propagate(one);
    }
    for (; first < end; ++first) {
      const std::string name = found[first].folder;
      auto listing = folder(name);
      if (!listing) return propagate(listing);
      for (const std::string& sub : (*listing)->subfolders)
        if (seen.insert(sub).second) found.push_back({sub, name});
    }
  }
  return found;
}

Result<std::vector<Unit>> UnitList::all(unsigned jobs) {
  auto folders = walk(jobs);
  if (!folders) return propagate(folders);
  std::map<std::string, Unit> found;
  std::set<std::string> left_out;
  entry_["."] = ".";
  for (const auto& [name, named_by] : *folders) {
    auto built = reached(name);
    if (!built) return propagate(built);
    if (!*built) {  // named by a folder that is not above it
      reached_[name] = true;
      entry_[name] = named_by == "." ? name : entry_[named_by];
    }
    auto listing = folder(name);
    if (!listing) return propagate(listing);
    for (auto [object, unit] : (*listing)->units) {
      const fs::path source = kbuild_.tree().source / fs::path(object);
      for (const char* ending : {".c", ".S"})
        if (fs::exists(fs::path(source).replace_extension(ending)))
          unit.source = fs::path(object).replace_extension(ending).string();
      if (unit.source.empty()) continue;  // generated: no patch can name it
      unit.entry = entry_[name];
      const auto [place, is_new] = found.emplace(object, unit);
      if ((!is_new && place->second.target != unit.target) || (*listing)->twice.contains(object))
        left_out.insert(object);
    }
  }
  std::vector<Unit> units;
  for (auto& [object, unit] : found)
    if (!left_out.contains(object)) units.push_back(std::move(unit));
  return units;
}

bool UnitList::has_sources() const { return fs::exists(kbuild_.tree().store / "sources"); }

Result<std::set<std::string>> UnitList::sources(unsigned jobs) {
  const fs::path saved = kbuild_.tree().store / "sources";
  std::set<std::string> sources;
  if (const auto text = read_text(saved)) {
    for (std::string& line : split_lines(*text)) sources.insert(std::move(line));
    return sources;
  }
  auto folders = walk(jobs);
  if (!folders) return propagate(folders);
  for (const Reached& one : *folders) {
    auto listing = folder(one.folder);
    if (!listing) return propagate(listing);
    // Which of the two it is made from is find()'s to say.
    for (const auto& [object, unit] : (*listing)->units)
      for (const char* ending : {".c", ".S"})
        if (const fs::path source = fs::path(object).replace_extension(ending);
            fs::exists(kbuild_.tree().source / source))
          sources.insert(source.string());
  }
  std::string list;
  for (const std::string& source : sources) list += source + "\n";
  if (auto written = write_file(saved, list); !written) return propagate(written);
  return sources;
}

}  // namespace splicer
