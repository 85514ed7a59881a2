// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/source/generated_source.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

// As in the kernel's own Makefiles.
class GeneratedSource : public ::testing::Test {
 protected:
  GeneratedSource() {
    tree_.write("Kbuild",
                "bounds-file := include/generated/bounds.h\n"
                "$(bounds-file): kernel/bounds.s FORCE\n\t$(call filechk,offsets)\n"
                "$(offsets-file): arch/$(SRCARCH)/kernel/asm-offsets.s FORCE\n"
                "filechk_gentimeconst = echo $(CONFIG_HZ) | bc -q $<\n"
                "$(timeconst-file): kernel/time/timeconst.bc FORCE\n");
    tree_.write("kernel/bounds.c", "int main(void) {}\n");
    tree_.write("kernel/Makefile", "obj-y = fork.o exit.o\n");
    tree_.write("kernel/fork.c", "int fork;\n");
    tree_.write("arch/x86/kernel/asm-offsets.c", "#include \"asm-offsets_64.c\"\n");
    tree_.write("arch/x86/kernel/asm-offsets_64.c", "int a;\n");
    tree_.write("arch/x86/kernel/cpu/Makefile",
                "cmd_mkcapflags = $(CONFIG_SHELL) $(srctree)/$(src)/mkcapflags.sh $@ $^\n");
    tree_.write("arch/x86/entry/syscalls/Makefile", "syscall64 := $(src)/syscall_64.tbl\n");
    tree_.write("crypto/asymmetric_keys/Makefile",
                "x509_key_parser-y := \\\n\tx509.asn1.o \\\n\tx509_loader.o\n"
                "$(obj)/x509_cert_parser.o: \\\n\t$(obj)/x509.asn1.h\n");
    tree_.write("lib/Makefile",
                "obj-y += kasprintf.o # gen_other\n"
                "hostprogs\t:= gen_crc32table\nhostprogs\t+= gen_crc64table\n");
    tree_.write("lib/gen_crc32table.c", "int main(void) {}\n");
    tree_.write("lib/raid6/Makefile", "$(obj)/int1.c: $(src)/int.uc $(src)/unroll.awk FORCE\n");
  }

  std::optional<std::string> reader(const std::string& file) {
    return reader_in_build(tree_.path(), file);
  }

  TemporaryFolder tree_;
};

TEST_F(GeneratedSource, IsNamedInAMakefile) {
  EXPECT_EQ(reader("crypto/asymmetric_keys/x509.asn1"), "crypto/asymmetric_keys/Makefile");
  EXPECT_EQ(reader("arch/x86/entry/syscalls/syscall_64.tbl"), "arch/x86/entry/syscalls/Makefile");
  EXPECT_EQ(reader("arch/x86/kernel/cpu/mkcapflags.sh"), "arch/x86/kernel/cpu/Makefile");
  EXPECT_EQ(reader("lib/raid6/int.uc"), "lib/raid6/Makefile");
  EXPECT_EQ(reader("lib/raid6/unroll.awk"), "lib/raid6/Makefile");
  EXPECT_EQ(reader("kernel/time/timeconst.bc"), "Kbuild");
}

TEST_F(GeneratedSource, IsAProgramOfTheBuild) {
  EXPECT_EQ(reader("lib/gen_crc32table.c"), "lib/Makefile");
  EXPECT_FALSE(reader("lib/gen_other.c"));  // in a comment
}

TEST_F(GeneratedSource, IsCompiledAsFarAsAssembly) {
  EXPECT_EQ(reader("kernel/bounds.c"), "Kbuild");
  EXPECT_EQ(reader("arch/x86/kernel/asm-offsets.c"), "Kbuild");
  EXPECT_EQ(reader("arch/x86/kernel/asm-offsets_64.c"), "Kbuild");  // included there
}

TEST_F(GeneratedSource, IsNoUnitThatIsNotConfigured) {
  EXPECT_FALSE(reader("kernel/fork.c"));
  EXPECT_FALSE(reader("kernel/other.c"));
  EXPECT_FALSE(reader("kernel/entry.S"));
  EXPECT_FALSE(reader("crypto/asymmetric_keys/pkcs9.asn1"));
}

TEST(MadeFromHeader, ByTheLinesThatTheBuildReads) {
  PatchFile file;
  file.path = "arch/x86/include/asm/cpufeatures.h";
  file.text =
      "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n"
      "-#define X86_FEATURE_FPU ( 0*32+ 0) /* one */\n"
      "+#define X86_FEATURE_FPU ( 0*32+ 0) /* \"two\" */\n";
  EXPECT_EQ(made_from_header(file), "arch/x86/kernel/cpu/capflags.c");
  file.text = "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n #define X86_FEATURE_FPU\n-/* a */\n+/* b */\n";
  EXPECT_FALSE(made_from_header(file));
  file.path = "include/linux/fs.h";
  file.text = "--- a/x\n+++ b/x\n+#define X86_FEATURE_FPU\n";
  EXPECT_FALSE(made_from_header(file));
}

TEST(GeneratedSourceFinding, IsAcceptedForTheseLinesOnly) {
  PatchFile file;
  file.path = "lib/a.uc";
  file.text = "--- a/lib/a.uc\n+++ b/lib/a.uc\n@@ -1,2 +1,2 @@\n-one\n+two\n three\n";
  const Finding finding = generated_source(file, "lib/Makefile");
  EXPECT_EQ(finding.title(), "generated-source:lib/a.uc");
  EXPECT_TRUE(finding.refuse);
  EXPECT_TRUE(finding.acceptable);
  EXPECT_EQ(finding.was, "one");
  EXPECT_EQ(finding.is, "two");
  for (int i = 0; i < 10; ++i) file.text += "+more\n";
  const Finding longer = generated_source(file, "lib/Makefile");
  file.text += "+last\n";
  EXPECT_NE(longer.digest(), generated_source(file, "lib/Makefile").digest());
}

}  // namespace
}  // namespace splicer
