// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/source/supervised.h"

#include <fmt/core.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <iostream>

#include "matcher/base/file.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCHLD};
constexpr int kPatience = 2;  // seconds between asking the group to end and ending it

sigset_t waited_for() {
  sigset_t set;
  sigemptyset(&set);
  for (const int one : kSignals) sigaddset(&set, one);
  return set;
}

class Supervisor {
 public:
  explicit Supervisor(pid_t child) : child_(child), signals_(waited_for()) {}

  Supervised wait() {
    while (!ended_) {
      const int signal = next();
      if (signal == SIGCHLD || signal < 0) {
        look();
      } else if (signal == SIGTSTP) {
        kill(-child_, SIGSTOP);
        raise(SIGSTOP);  // here, until somebody continues us
        kill(-child_, SIGCONT);
      } else {
        result_.interrupted = true;
        kill(-child_, SIGTERM);
        deadline_ = time(nullptr) + kPatience;
      }
    }
    // What the child has started and not waited for.
    if (result_.interrupted || result_.killed != 0) kill(-child_, SIGKILL);
    return result_;
  }

 private:
  // The next signal; -1 when it is time to lose patience.
  int next() {
    if (deadline_ == 0) return sigwaitinfo(&signals_, nullptr);
    const timespec second{1, 0};
    const int signal = sigtimedwait(&signals_, nullptr, &second);
    if (signal < 0 && time(nullptr) >= deadline_) kill(-child_, SIGKILL);
    return signal;
  }

  void look() {
    int status = 0;
    if (waitpid(child_, &status, WNOHANG) != child_) return;
    ended_ = true;
    if (WIFEXITED(status))
      result_.status = WEXITSTATUS(status);
    else if (!result_.interrupted)
      result_.killed = WTERMSIG(status);
  }

  const pid_t child_;
  const sigset_t signals_;
  time_t deadline_ = 0;
  bool ended_ = false;
  Supervised result_;
};

}  // namespace

Result<Supervised> run_supervised(const std::function<int()>& work) {
  auto folder = ScratchFolder::make();
  if (!folder) return propagate(folder);
  const sigset_t signals = waited_for();
  sigset_t before;
  sigprocmask(SIG_BLOCK, &signals, &before);
  std::fflush(nullptr);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) {
    sigprocmask(SIG_SETMASK, &before, nullptr);
    return fail(ExitCode::error, "program-missing",
                fmt::format("no process can be made: {}", std::strerror(errno)))
        .hint("try again when the machine has memory and processes left");
  }
  if (child == 0) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    sigprocmask(SIG_SETMASK, &before, nullptr);
    setenv("TMPDIR", folder->path().c_str(), 1);
    folder->keep();
    const int status = work();
    std::cout.flush();
    std::fflush(nullptr);
    _exit(status);
  }
  setpgid(child, child);  // whoever comes first
  const Supervised result = Supervisor(child).wait();
  sigprocmask(SIG_SETMASK, &before, nullptr);
  std::error_code code;
  // What was kept on purpose is in it.
  if (!result.interrupted && result.killed == 0 && !fs::is_empty(folder->path(), code))
    folder->keep();
  return result;
}

}  // namespace splicer
