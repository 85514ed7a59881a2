// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/build/saved_command.h"

#include <algorithm>
#include <sstream>

namespace splicer {

namespace fs = std::filesystem;

namespace {

// "NAME := value", over several lines where a line ends in a backslash.
std::string make_variable(const std::string& text, const std::string& name) {
  const std::size_t at = text.find(name + " := ");
  if (at == std::string::npos) return {};
  std::string value;
  std::size_t from = at + name.size() + 4;
  for (;;) {
    const std::size_t end = text.find('\n', from);
    std::string line = text.substr(from, end - from);
    const bool more = line.ends_with('\\');
    if (more) line.pop_back();
    value += line;
    if (!more || end == std::string::npos) return value;
    value += ' ';
    from = end + 1;
  }
}

}  // namespace

fs::path beside(const fs::path& object, const std::string& ending) {
  return object.parent_path() / ("." + object.filename().string() + ending);
}

std::string saved_command(const std::string& cmd_file, const std::string& object) {
  // "cmd_PATH" up to 6.1, "savedcmd_PATH" in later kernels.
  std::string command = make_variable(cmd_file, "savedcmd_" + object);
  if (command.empty()) command = make_variable(cmd_file, "cmd_" + object);
  // make-cmd in scripts/Kbuild.include writes "$$" for "$" and "$(pound)" for "#".
  replace_all(command, "$(pound)", "#");
  replace_all(command, "$$", "$");
  return command;
}

std::string saved_dependencies(const std::string& cmd_file, const std::string& object) {
  return make_variable(cmd_file, "deps_" + object);
}

std::vector<std::string> dependency_paths(const std::string& dependencies) {
  std::vector<std::string> paths;
  std::istringstream words(dependencies);
  for (std::string word; words >> word;)
    if (!word.starts_with("$(") && !word.ends_with(')'))
      paths.push_back(fs::path(word).lexically_normal().string());
  return paths;
}

std::vector<std::string> paths_in_dependency_file(const std::string& d_file) {
  std::vector<std::string> paths;
  std::istringstream words(d_file.substr(std::min(d_file.size(), d_file.find(':') + 1)));
  for (std::string word; words >> word;)
    if (word != "\\") paths.push_back(word);
  return paths;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
}

}  // namespace splicer
