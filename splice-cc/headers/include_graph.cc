// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/include_graph.h"

#include <algorithm>
#include <array>
#include <utility>

#include "matcher/base/file.h"
#include "splice-cc/headers/c_scanner.h"
#include "splice-cc/source/tree_layout.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

bool is_source(const fs::path& path) {
  const std::string ending = path.extension().string();
  return ending == ".c" || ending == ".h" || ending == ".S" || ending == ".inc";
}

bool is_compiled(std::string_view path) { return path.ends_with(".c") || path.ends_with(".S"); }

std::string_view basename(std::string_view path) { return path.substr(path.rfind('/') + 1); }

bool ends_in(std::string_view path, std::string_view name) {
  return path.ends_with(name) &&
         (path.size() == name.size() || path[path.size() - name.size() - 1] == '/');
}

std::string beside(std::string_view file, std::string_view written) {
  return (fs::path(file).parent_path() / written).lexically_normal().string();
}

// In the order in which the compiler looks: LINUXINCLUDE in the top Makefile, which is before all
// other -I options (c_flags in scripts/Makefile.lib).
constexpr std::array<std::string_view, 7> kFolders = {
    "arch/x86/include/",      "arch/x86/include/generated/",      "include/",
    "arch/x86/include/uapi/", "arch/x86/include/generated/uapi/", "include/uapi/",
    "include/generated/uapi/"};

}  // namespace

// kbuild hands these to every compile with -include (scripts/Makefile.lib, c_flags, and the top
// Makefile, USERINCLUDE); no #include line names them.
const std::set<std::string>& IncludeGraph::forced() {
  static const std::set<std::string> paths = {"include/linux/compiler-version.h",
                                              "include/linux/kconfig.h",
                                              "include/linux/compiler_types.h"};
  return paths;
}

std::vector<std::string> include_lines(std::string_view text) {
  std::vector<std::string> found;
  each_directive(text, [&found](std::string_view name, std::string_view behind) {
    if (name != "include" && name != "include_next") return;
    behind = behind.substr(std::min(behind.find_first_not_of(" \t"), behind.size()));
    if (!behind.starts_with('<') && !behind.starts_with('"')) return;
    const std::size_t end = behind.find_first_of(behind[0] == '<' ? ">\n" : "\"\n", 1);
    if (end != std::string_view::npos && behind[end] != '\n')
      found.emplace_back(behind.substr(0, end));
  });
  return found;
}

std::uint32_t IncludeGraph::add(std::string_view path) {
  const auto number = static_cast<std::uint32_t>(paths_.size());
  const auto [place, is_new] = by_path_.try_emplace(path, number);
  if (!is_new) return place->second;
  paths_.push_back(path);
  includes_.emplace_back();
  by_basename_[basename(path)].push_back(number);
  return number;
}

IncludeGraph::Include IncludeGraph::taken_apart(std::uint32_t file, std::string_view include) {
  Include taken{file, include[0] == '"', include.substr(1), include.substr(1)};
  for (;;) {
    if (taken.name.starts_with("../")) {
      taken.name.remove_prefix(3);
    } else if (taken.name.starts_with("./")) {
      taken.name.remove_prefix(2);
    } else {
      return taken;
    }
  }
}

void IncludeGraph::add_include(std::uint32_t file, std::string_view include) {
  Include taken = taken_apart(file, include);
  if (taken.name.find("./") != std::string_view::npos ||
      taken.name.find("//") != std::string_view::npos)
    taken.name = kept(fs::path(taken.name).lexically_normal().string());
  includes_[file].push_back(taken);
  including_[basename(taken.name)].push_back(taken);
}

void IncludeGraph::add_version(const std::string& path, std::string_view text) {
  const auto known = by_path_.find(path);
  const std::uint32_t file = known != by_path_.end() ? known->second : add(kept(path));
  for (std::string& include : include_lines(text)) add_include(file, kept(std::move(include)));
}

IncludeGraph IncludeGraph::from_texts(const std::map<std::string, std::string>& files) {
  IncludeGraph graph;
  for (const auto& [path, text] : files) graph.add_version(path, text);
  return graph;
}

Result<IncludeGraph> IncludeGraph::of(const Tree& tree) {
  IncludeGraph graph;
  const fs::path saved = tree.store / "includes";
  if (auto text = read_text(saved)) {
    // A line a file: its path, then its includes, separated by tabs.
    std::string_view rest = graph.kept(std::move(*text));
    while (!rest.empty()) {
      std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      std::size_t tab = line.find('\t');
      const std::uint32_t file = graph.add(line.substr(0, tab));
      while (tab != std::string_view::npos) {
        line.remove_prefix(tab + 1);
        tab = line.find('\t');
        graph.add_include(file, line.substr(0, tab));
      }
    }
    return graph;
  }
  std::string list;
  const Listing listing = list_tree(tree.source, [&](const fs::directory_entry& entry) {
    const fs::path path = entry.path().lexically_relative(tree.source);
    return !path.has_parent_path() && !has_includes(path.string());
  });
  // Half a graph would be kept, and would miss readers.
  if (listing.error != 0) return unreadable_file(tree.source, listing.error);
  for (const fs::directory_entry& entry : listing.entries) {
    const fs::path path = entry.path().lexically_relative(tree.source);
    std::error_code unknown;
    if (!is_source(path) || !entry.is_regular_file(unknown)) continue;
    const auto text = read_text(entry.path());
    if (!text) return propagate(text);
    graph.add_version(path.string(), *text);
    list += path.string();
    for (const std::string& include : include_lines(*text)) list += "\t" + include;
    list += "\n";
  }
  if (auto written = write_file(saved, list); !written) return propagate(written);
  return graph;
}

const std::vector<std::uint32_t>& IncludeGraph::ending_like(std::string_view name) const {
  static const std::vector<std::uint32_t> none;
  const auto named = by_basename_.find(basename(name));
  return named == by_basename_.end() ? none : named->second;
}

bool IncludeGraph::may_mean(const Include& include, std::string_view path) const {
  if (!ends_in(path, include.name)) return false;
  if (!include.quoted) return true;
  const std::string near = beside(paths_[include.file], include.written);
  return near == path || !by_path_.contains(near);
}

std::set<std::string> IncludeGraph::meant_by(const std::string& from,
                                             std::string_view include) const {
  std::set<std::string> meant;
  const auto file = by_path_.find(from);
  if (file == by_path_.end()) return meant;
  const Include taken = taken_apart(file->second, include);
  for (const std::uint32_t one : ending_like(taken.name))
    if (may_mean(taken, paths_[one])) meant.emplace(paths_[one]);
  return meant;
}

std::optional<std::string> IncludeGraph::surely_meant_by(const std::string& from,
                                                         std::string_view include) const {
  const Include taken = taken_apart(0, include);
  if (taken.quoted)
    if (std::string near = beside(from, taken.written); by_path_.contains(near)) return near;
  if (taken.name.size() != taken.written.size()) return std::nullopt;
  std::size_t best = kFolders.size();
  for (const std::uint32_t one : ending_like(taken.name)) {
    const std::string_view path = paths_[one];
    // That architecture has no -I option here.
    if (!ends_in(path, taken.name) || path.starts_with("arch/x86/um/")) continue;
    const std::string_view folder = path.substr(0, path.size() - taken.name.size());
    const auto* const found = std::ranges::find(kFolders, folder);
    if (found == kFolders.end()) return std::nullopt;
    best = std::min(best, static_cast<std::size_t>(found - kFolders.begin()));
  }
  if (best == kFolders.size()) return std::nullopt;
  return std::string(kFolders.at(best)) + std::string(taken.name);
}

std::set<std::string> IncludeGraph::read_by(const std::set<std::string>& files,
                                            const std::set<std::string>& known) const {
  std::vector<char> seen(paths_.size());
  for (const std::string& path : known)
    if (const auto found = by_path_.find(path); found != by_path_.end()) seen[found->second] = 1;
  std::vector<std::uint32_t> todo;
  const auto visit = [&](std::uint32_t file) {
    if (seen[file] != 0) return;
    seen[file] = 1;
    todo.push_back(file);
  };
  for (const std::set<std::string>& first : {files, forced()})
    for (const std::string& path : first)
      if (const auto found = by_path_.find(path); found != by_path_.end()) visit(found->second);
  std::set<std::string> read;
  while (!todo.empty()) {
    const std::uint32_t file = todo.back();
    todo.pop_back();
    read.emplace(paths_[file]);
    for (const Include& include : includes_[file])
      for (const std::uint32_t target : ending_like(include.name))
        if (seen[target] == 0 && may_mean(include, paths_[target])) visit(target);
  }
  return read;
}

std::set<std::string> IncludeGraph::included(const std::set<std::string>& files) const {
  std::set<std::string> included;
  for (const std::string& path : files) {
    const auto named = including_.find(basename(path));
    if (forced().contains(path) ||
        (named != including_.end() &&
         std::any_of(named->second.begin(), named->second.end(),
                     [&](const Include& include) { return may_mean(include, path); })))
      included.insert(path);
  }
  return included;
}

std::vector<std::string> IncludeGraph::reached_from(const std::set<std::string>& files) const {
  std::deque<std::string> todo(files.begin(), files.end());
  std::set<std::string, std::less<>> seen(files.begin(), files.end());
  std::vector<std::string> reached;
  const auto visit = [&](std::string_view path) {
    if (seen.contains(path)) return;
    seen.emplace(path);
    todo.emplace_back(path);
    if (is_compiled(path)) reached.emplace_back(path);
  };
  while (!todo.empty()) {
    const std::string path = todo.front();
    todo.pop_front();
    if (forced().contains(path))
      for (const std::string_view any : paths_)
        if (is_compiled(any)) visit(any);
    const auto named = including_.find(basename(path));
    if (named == including_.end()) continue;
    for (const Include& include : named->second)
      if (may_mean(include, path)) visit(paths_[include.file]);
  }
  return reached;
}

}  // namespace splicer
