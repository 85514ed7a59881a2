// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/include_graph.h"

#include <algorithm>
#include <deque>
#include <unordered_map>

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

bool is_compiled(const std::string& path) { return path.ends_with(".c") || path.ends_with(".S"); }

std::string basename(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

// kbuild hands these to every compile with -include (scripts/Makefile.lib, c_flags, and the top
// Makefile, USERINCLUDE); no #include line names them.
const std::set<std::string>& forced() {
  static const std::set<std::string> paths = {"include/linux/compiler-version.h",
                                              "include/linux/kconfig.h",
                                              "include/linux/compiler_types.h"};
  return paths;
}

}  // namespace

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

void IncludeGraph::add(const std::string& path, const std::vector<std::string>& includes) {
  paths_.push_back(path);
  includes_.push_back(includes);
  known_.insert(path);
}

void IncludeGraph::index() {
  for (std::uint32_t i = 0; i < paths_.size(); ++i) {
    for (const std::string& include : includes_[i]) {
      std::string_view name = std::string_view(include).substr(1);
      const std::string written(name);
      for (;;) {
        if (name.starts_with("../")) {
          name.remove_prefix(3);
        } else if (name.starts_with("./")) {
          name.remove_prefix(2);
        } else {
          break;
        }
      }
      const std::string normal = fs::path(name).lexically_normal().string();
      by_basename_[basename(normal)].push_back({i, include[0] == '"', normal, written});
    }
  }
}

IncludeGraph IncludeGraph::from_texts(const std::map<std::string, std::string>& files) {
  IncludeGraph graph;
  for (const auto& [path, text] : files) graph.add(path, include_lines(text));
  graph.index();
  return graph;
}

Result<IncludeGraph> IncludeGraph::of(const Tree& tree) {
  IncludeGraph graph;
  const fs::path saved = tree.store / "includes";
  if (const auto text = read_text(saved)) {
    // A line a file: its path, then its includes, separated by tabs.
    for (const std::string& line : split_lines(*text)) {
      std::vector<std::string> fields;
      std::size_t from = 0;
      for (std::size_t tab = 0; tab != std::string::npos; from = tab + 1) {
        tab = line.find('\t', from);
        fields.push_back(line.substr(from, tab - from));
      }
      const std::string path = fields[0];
      fields.erase(fields.begin());
      graph.add(path, fields);
    }
    graph.index();
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
    const std::vector<std::string> includes = include_lines(*text);
    graph.add(path.string(), includes);
    list += path.string();
    for (const std::string& include : includes) list += "\t" + include;
    list += "\n";
  }
  if (auto written = write_file(saved, list); !written) return propagate(written);
  graph.index();
  return graph;
}

bool IncludeGraph::may_mean(const Include& include, const std::string& path) const {
  if (include.quoted) {
    const std::string beside = (fs::path(paths_[include.file]).parent_path() / include.written)
                                   .lexically_normal()
                                   .string();
    if (known_.contains(beside)) return beside == path;
  }
  if (path == include.name) return true;
  return path.size() > include.name.size() && path.ends_with(include.name) &&
         path[path.size() - include.name.size() - 1] == '/';
}

std::set<std::string> IncludeGraph::read_by(const std::set<std::string>& files) const {
  std::unordered_map<std::string, std::vector<std::uint32_t>> by_name;  // files, by their last part
  std::unordered_map<std::string_view, std::uint32_t> by_path;
  for (std::uint32_t i = 0; i < paths_.size(); ++i) {
    by_name[basename(paths_[i])].push_back(i);
    by_path.emplace(paths_[i], i);
  }
  std::unordered_map<std::uint32_t, std::vector<const Include*>> of_file;
  for (const auto& [name, includes] : by_basename_)
    for (const Include& include : includes) of_file[include.file].push_back(&include);

  std::vector<char> seen(paths_.size());
  std::vector<std::uint32_t> todo;
  const auto visit = [&](std::uint32_t file) {
    if (seen[file] != 0) return;
    seen[file] = 1;
    todo.push_back(file);
  };
  for (const std::set<std::string>& first : {files, forced()})
    for (const std::string& path : first)
      if (const auto found = by_path.find(path); found != by_path.end()) visit(found->second);
  std::set<std::string> read;
  while (!todo.empty()) {
    const std::uint32_t file = todo.back();
    todo.pop_back();
    read.insert(paths_[file]);
    const auto includes = of_file.find(file);
    if (includes == of_file.end()) continue;
    for (const Include* include : includes->second)
      if (const auto named = by_name.find(basename(include->name)); named != by_name.end())
        for (const std::uint32_t target : named->second)
          if (seen[target] == 0 && may_mean(*include, paths_[target])) visit(target);
  }
  return read;
}

std::set<std::string> IncludeGraph::included(const std::set<std::string>& files) const {
  std::set<std::string> included;
  for (const std::string& path : files) {
    const auto named = by_basename_.find(basename(path));
    if (forced().contains(path) ||
        (named != by_basename_.end() &&
         std::any_of(named->second.begin(), named->second.end(),
                     [&](const Include& include) { return may_mean(include, path); })))
      included.insert(path);
  }
  return included;
}

std::vector<std::string> IncludeGraph::reached_from(const std::set<std::string>& files) const {
  std::deque<std::string> todo(files.begin(), files.end());
  std::set<std::string> seen(files.begin(), files.end());
  std::vector<std::string> reached;
  const auto visit = [&](const std::string& path) {
    if (!seen.insert(path).second) return;
    todo.push_back(path);
    if (is_compiled(path)) reached.push_back(path);
  };
  while (!todo.empty()) {
    const std::string path = todo.front();
    todo.pop_front();
    if (forced().contains(path))
      for (const std::string& any : paths_)
        if (is_compiled(any)) visit(any);
    const auto named = by_basename_.find(basename(path));
    if (named == by_basename_.end()) continue;
    for (const Include& include : named->second)
      if (may_mean(include, path)) visit(paths_[include.file]);
  }
  return reached;
}

}  // namespace splicer
