// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/source/process.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string_view>

#include "matcher/base/file.h"
#include "splice-cc/source/debian.h"

namespace splicer {

namespace {

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  // posix_spawn takes char* const[] and does not write to it.
  for (const std::string& text : strings) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

// Where the child itself would find the program: posix_spawnp(3) looks in this process's own PATH,
// which may hold another one than the programs that the child starts in its turn would find.
std::string find_program(const std::string& name, const std::vector<std::string>& environment) {
  if (name.find('/') != std::string::npos) return name;
  constexpr std::string_view kPath = "PATH=";
  std::string path = "/usr/bin:/bin";
  for (const std::string& variable : environment)
    if (variable.starts_with(kPath)) path = variable.substr(kPath.size());
  std::istringstream folders(path);
  for (std::string folder; std::getline(folders, folder, ':');)
    if (auto file = fmt::format("{}/{}", folder, name); access(file.c_str(), X_OK) == 0)
      return file;
  return {};  // never in the working folder
}

}  // namespace

std::vector<std::string> plain_environment() {
  std::vector<std::string> environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"};
  for (const char* name : {"HOME", "TMPDIR"})
    if (const char* value = std::getenv(name))
      environment.push_back(fmt::format("{}={}", name, value));
  return environment;
}

Result<ProgramRun> run_program(const std::vector<std::string>& arguments,
                               const ProgramOptions& options) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    return fail(
        ExitCode::error, "pipe",
        fmt::format("a pipe for {} cannot be made: {}", arguments[0], std::strerror(errno)));
  const UniqueFd from_child(ends[0]);
  UniqueFd to_us(ends[1]);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  if (!options.folder.empty())
    posix_spawn_file_actions_addchdir_np(&actions, options.folder.c_str());

  const std::vector<std::string> environment =
      options.environment.empty() ? plain_environment() : options.environment;
  pid_t child = 0;
  const std::string program = find_program(arguments[0], environment);
  const int error = posix_spawn(&child, program.c_str(), &actions, nullptr,
                                pointers(arguments).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  to_us = UniqueFd();  // so that the pipe ends with the child
  if (error != 0)
    return fail(ExitCode::error, "program-missing",
                fmt::format("cannot run {}: {}", arguments[0], std::strerror(error)))
        .hint(install_command({package_of_program(arguments[0])}));
  ProgramRun run;
  run.output = read_contents(from_child.get()).text();
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  run.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return run;
}

std::string first_lines(const std::string& text, std::size_t count) {
  std::size_t end = 0;
  while (count-- > 0 && end < text.size())
    end = std::min(text.find('\n', end), text.size() - 1) + 1;
  return text.substr(0, end);
}

std::string last_lines(const std::string& text, std::size_t count) {
  std::size_t at = text.size();
  while (at > 0 && text[at - 1] == '\n') --at;
  while (at > 0) {
    if (text[at - 1] == '\n' && --count == 0) break;
    --at;
  }
  return text.substr(at);
}

}  // namespace splicer
