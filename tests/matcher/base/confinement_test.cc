// SPDX-License-Identifier: GPL-2.0-or-later
//
// In children, for a process is confined for good.
#include "matcher/base/confinement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

#ifdef SPLICE_SANITIZE
constexpr bool kSanitized = true;  // it needs all addresses, so they have no limit
#else
constexpr bool kSanitized = false;
#endif

// What `work` says in a child.
bool in_a_child(const std::function<bool()>& work) {
  const pid_t child = fork();
  if (child == 0) _exit(work() ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool can_read(const std::filesystem::path& path) { return std::ifstream(path).good(); }
bool can_write(const std::filesystem::path& path) { return std::ofstream(path).good(); }

TEST(Confinement, FoldersThatAreGiven) {
  if (!may_confine()) GTEST_SKIP() << "this kernel has no Landlock";
  const TemporaryFolder given;
  const TemporaryFolder other;
  const TemporaryFolder work;
  given.write("in/file", "text");
  other.write("secret", "text");
  std::filesystem::create_symlink(other.path() / "secret", given.path() / "link");
  EXPECT_TRUE(in_a_child([&] {
    if (!confine({{given.path()}, {work.path()}})) return false;
    return can_read(given.path() / "in/file") && !can_write(given.path() / "in/file") &&
           can_write(work.path() / "made") && can_read(work.path() / "made") &&
           std::filesystem::remove(work.path() / "made");
  }));
  EXPECT_TRUE(in_a_child([&] {
    return confine({{given.path()}, {work.path()}}) && !can_read(other.path() / "secret") &&
           !can_read(given.path() / "link") && !can_write(other.path() / "made");
  }));
  EXPECT_TRUE(can_read(other.path() / "secret")) << "this process is free";
}

TEST(Confinement, DevicesAndTheSystem) {
  if (!may_confine()) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_TRUE(in_a_child([&] {
    return confine({}) && can_read("/dev/null") && !can_read("/dev/zero") &&
           !can_read("/etc/passwd") && !can_read("/proc/self/environ") && system("/bin/true") == 0;
  }));
}

TEST(Confinement, Limits) {
  EXPECT_TRUE(in_a_child([&] {
    rlimit memory{};
    rlimit time{};
    if (!confine({}) || getrlimit(RLIMIT_AS, &memory) != 0 || getrlimit(RLIMIT_CPU, &time) != 0)
      return false;
    return (memory.rlim_max != RLIM_INFINITY || kSanitized) && time.rlim_max != RLIM_INFINITY;
  }));
}

TEST(Confinement, TheCommand) {
  EXPECT_THAT(confined_command("/usr/bin/splice-cc", {{"/a"}, {"/b"}}, {"sh", "-c", "x"}),
              ElementsAre("/usr/bin/splice-cc", "--confined", "r/a", "w/b", "--", "sh", "-c", "x"));
  EXPECT_THAT(*enter_confinement({"gcc-12", "-c"}), IsEmpty());
  EXPECT_THAT(*enter_confinement({}), IsEmpty());
  EXPECT_TRUE(in_a_child([] {
    const auto command = enter_confinement({"--confined", "r/usr", "--", "cc", "--confined"});
    return command && *command == std::vector<std::string>{"cc", "--confined"};
  }));
  EXPECT_FALSE(enter_confinement({"--confined", "r/usr"}));
  EXPECT_FALSE(enter_confinement({"--confined", "r/usr", "--"}));
}

}  // namespace
}  // namespace splicer
