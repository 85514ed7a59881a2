// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/source/tree_layout.h"

#include <gtest/gtest.h>

#include "splice-cc/source/process.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

TEST(TreeLayout, SourceIsWhatThisKernelIsBuiltFrom) {
  for (const char* path : {"kernel/fork.c", "arch/x86/lib/memcpy_64.S", "include/linux/fs.h",
                           "drivers/net/tun.c", "Makefile"})
    EXPECT_TRUE(is_kernel_source(path)) << path;
  for (const char* path : {"Documentation/x", "tools/perf/x.c", "samples/x.c", "arch/arm64/x.c",
                           "MAINTAINERS", ".gitignore", "kernel/.gitignore", "drivers/x.yaml"})
    EXPECT_FALSE(is_kernel_source(path)) << path;
}

TEST(TreeLayout, OtherArchitectures) {
  for (const char* path : {"arch/arm/Makefile", "arch/x86_other/x.c", "arch/um"})
    EXPECT_TRUE(is_other_architecture(path)) << path;
  for (const char* path : {"arch/x86", "arch/x86/kernel/irq.c", "arch/Kconfig", "kernel/irq/x.c"})
    EXPECT_FALSE(is_other_architecture(path)) << path;
}

TEST(TreeLayout, SeparateImages) {
  for (const char* path :
       {"arch/x86/entry/vdso/vclock_gettime.c", "lib/vdso/gettimeofday.c", "arch/x86/boot/main.c",
        "arch/x86/realmode/rm/wakemain.c", "arch/x86/purgatory/purgatory.c",
        "drivers/firmware/efi/libstub/x86-stub.c"})
    EXPECT_TRUE(is_separate_image(path)) << path;
  for (const char* path :
       {"arch/x86/entry/vdso/vma.c", "arch/x86/entry/common.c", "arch/x86/realmode/init.c",
        "drivers/firmware/efi/efi.c", "lib/vsprintf.c"})
    EXPECT_FALSE(is_separate_image(path)) << path;
}

TEST(TreeLayout, RulesOfTheBuild) {
  for (const char* path : {"Makefile", "fs/Kconfig.debug", "arch/x86/Kbuild", "scripts/mod/file.c",
                           "arch/x86/kernel/vmlinux.lds.S"})
    EXPECT_TRUE(is_build_rule(path)) << path;
  EXPECT_FALSE(is_build_rule("fs/file.c"));
}

// All source of the kernel is unpacked, and its #include lines are read.
TEST(TreeLayout, ItsListsAgree) {
  const TemporaryFolder folder;
  const std::vector<std::string> paths = {
      "arch/x86/kernel/irq.c", "arch/Kconfig",    "include/linux/fs.h", "kernel/fork.c",
      "net/core/dev.c",        "virt/lib/x.c",    "io_uring/rw.c",      "mm/slub.c",
      "arch/um/scripts/M",     "scripts/a/b.c",   "tools/objtool/a.c",  "Documentation/Kconfig",
      "arch/arm/kernel/irq.c", "arch/xtensa/a.c", "tools/testing/a.c",  "Documentation/a/b.rst"};
  for (const std::string& path : paths) folder.write("linux/" + path, "x");
  std::vector<std::string> pack = {"tar", "-cf", (folder / "a.tar").string(), "-C",
                                   folder.path().string()};
  pack.insert(pack.end(), tar_exclusions().begin(), tar_exclusions().end());
  pack.emplace_back("linux");
  ASSERT_EQ(run_program(pack)->status, 0);
  const std::string list = run_program({"tar", "-tf", (folder / "a.tar").string()})->output;
  for (const std::string& path : paths) {
    if (!is_kernel_source(path)) continue;
    EXPECT_TRUE(has_includes(path.substr(0, path.find('/'))) || is_build_rule(path)) << path;
    EXPECT_NE(list.find("linux/" + path + "\n"), std::string::npos) << path;
  }
  for (const char* path : {"arch/um/scripts/M", "tools/objtool/a.c", "Documentation/Kconfig"})
    EXPECT_NE(list.find(path), std::string::npos) << path;
  for (const char* path : {"arch/arm/", "arch/xtensa/", "tools/testing/", "Documentation/a/b.rst"})
    EXPECT_EQ(list.find(path), std::string::npos) << path;
}

}  // namespace
}  // namespace splicer
