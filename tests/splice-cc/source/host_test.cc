// SPDX-License-Identifier: GPL-2.0-or-later
//
// Finding a kernel's parts in a folder that packages were unpacked into.
#include "splice-cc/source/host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "splice-cc/source/process.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kRelease = "6.1.0-99-cloud-amd64";
constexpr const char* kHeaders = "usr/src/linux-headers-6.1.0-99-cloud-amd64";

class HostTest : public ::testing::Test {
 protected:
  // As Debian's packages lay it out, absolute links included.
  HostTest() {
    const auto run = run_program({"gcc-12", "--version"});
    compiler = run->output.substr(0, run->output.find('\n'));
    root.link(std::string("lib/modules/") + kRelease + "/build", "/" + std::string(kHeaders));
    write_config(compiler);
    headers("Module.symvers", "");
    headers("include/generated/compile.h",
            "#define UTS_MACHINE\t\t\"x86_64\"\n"
            "#define UTS_VERSION \"#1 SMP PREEMPT_DYNAMIC Debian 6.1.999-1 (2026-01-01)\"\n");
    headers("include/generated/package.h", "#define LINUX_PACKAGE_ID \" Debian 6.1.999-1\"\n");
    root.link(std::string(kHeaders) + "/tools", "/usr/lib/linux-kbuild-6.1/tools");
    root.write("usr/lib/linux-kbuild-6.1/tools/objtool/objtool", "x");
    root.write("usr/src/linux-source-6.1.tar.xz", "x");
    changelog("linux-source-6.1", "6.1.999-1");
    changelog("linux-kbuild-6.1", "6.1.999-1");
  }
  void headers(const std::string& name, const std::string& text) const {
    root.write(std::string(kHeaders) + "/" + name, text);
  }
  void write_config(const std::string& text) const {
    headers(".config", "CONFIG_X=y\nCONFIG_CC_VERSION_TEXT=\"" + text + "\"\n");
  }
  void changelog(const std::string& package, const std::string& version) const {
    const std::string name = "usr/share/doc/" + package + "/changelog.Debian";
    root.write(name, "linux (" + version + ") bookworm; urgency=medium\n\n  * All.\n");
    const fs::path file = root / name;
    ASSERT_EQ(run_program({"gzip", "-f", file.string()})->status, 0);
  }
  void remove(const std::string& name) const { fs::remove_all(root / name); }
  Result<Host> find() const {
    HostOptions with = options;
    with.root = root.path();
    with.release = kRelease;
    return find_host(with);
  }
  Host found() const {
    auto host = find();
    EXPECT_TRUE(host) << host.error().code << ": " << host.error().message;
    return host ? *host : Host{};
  }
  Error error() const {
    auto host = find();
    EXPECT_FALSE(host);
    return host ? Error{} : host.error();
  }

  TemporaryFolder root;
  std::string compiler;
  HostOptions options;
};

TEST_F(HostTest, FindsEverything) {
  const Host host = found();
  EXPECT_EQ(host.headers, root / kHeaders);
  EXPECT_EQ(host.config, root / (std::string(kHeaders) + "/.config"));
  EXPECT_EQ(host.source, root / "usr/src/linux-source-6.1.tar.xz");
  EXPECT_EQ(host.tools, root / "usr/lib/linux-kbuild-6.1");
  EXPECT_EQ(host.compiler, "gcc-12");
  EXPECT_EQ(host.kernel.release, kRelease);
  EXPECT_EQ(host.kernel.version, "#1 SMP PREEMPT_DYNAMIC Debian 6.1.999-1 (2026-01-01)");
  EXPECT_EQ(host.kernel.machine, "x86_64");
  EXPECT_EQ(host.kernel.compiler, compiler);
}

TEST_F(HostTest, TheVersionMayStandInAHeaderOfItsOwn) {
  headers("include/generated/compile.h", "#define UTS_MACHINE \"x86_64\"\n");
  headers("include/generated/utsversion.h", "#define UTS_VERSION \"#7 SMP\"\n");
  EXPECT_EQ(found().kernel.version, "#7 SMP");
}

TEST_F(HostTest, HeadersWithoutTheLinkInLibModules) {
  remove("lib");
  EXPECT_EQ(found().headers, root / kHeaders);
}

TEST_F(HostTest, MissingHeaders) {
  for (const char* part : {"/.config", "/Module.symvers", ""}) {
    remove(std::string(kHeaders) + part);
    const Error missing = error();
    EXPECT_EQ(missing.code, "kernel-parts-missing");
    EXPECT_EQ(missing.exit, ExitCode::error);
    EXPECT_THAT(missing.message, HasSubstr("the headers of kernel 6.1.0-99-cloud-amd64"));
    EXPECT_EQ(missing.advice, "apt-get install linux-headers-6.1.0-99-cloud-amd64");
    write_config(compiler);
    headers("Module.symvers", "");
  }
}

TEST_F(HostTest, MissingSource) {
  remove("usr/src/linux-source-6.1.tar.xz");
  const Error missing = error();
  EXPECT_EQ(missing.code, "kernel-parts-missing");
  EXPECT_THAT(missing.message, HasSubstr("linux-source-6.1 of version 6.1.999-1"));
  EXPECT_EQ(missing.advice, "apt-get install linux-source-6.1=6.1.999-1");
}

// Without LINUX_PACKAGE_ID the release says which series it is of; else that is an error.
TEST_F(HostTest, SourceOfAnUnknownVersion) {
  headers("include/generated/package.h", "");
  EXPECT_EQ(found().source, root / "usr/src/linux-source-6.1.tar.xz");
  remove("usr/src/linux-source-6.1.tar.xz");
  EXPECT_EQ(error().advice, "apt-get install linux-source-6.1");

  root.write("usr/src/linux-headers-next/.config", "CONFIG_CC_VERSION_TEXT=\"" + compiler + "\"\n");
  root.write("usr/src/linux-headers-next/Module.symvers", "");
  options.root = root.path();
  options.release = "next";
  const auto host = find_host(options);
  ASSERT_FALSE(host);
  EXPECT_EQ(host.error().code, "source-version");
  EXPECT_EQ(host.error().advice, "give the kernel's own source with --source");
}

TEST_F(HostTest, MissingCompiler) {
  write_config("gcc-99 (Debian 99.1.0-1) 99.1.0");
  const Error missing = error();
  EXPECT_EQ(missing.code, "kernel-parts-missing");
  EXPECT_THAT(missing.message, HasSubstr("gcc-99 (Debian 99.1.0-1) 99.1.0"));
  EXPECT_EQ(missing.advice, "apt-get install gcc-99=99.1.0-1");
}

TEST_F(HostTest, AllThatIsMissingIsReportedAtOnce) {
  remove("usr/src/linux-source-6.1.tar.xz");
  write_config("gcc-99 (Debian 99.1.0-1) 99.1.0");
  EXPECT_THAT(error().advice, AllOf(HasSubstr("linux-source-6.1=6.1.999-1"), HasSubstr("gcc-99")));
}

TEST_F(HostTest, AnotherVersionOfTheCompiler) {
  write_config("gcc-12 (Debian 12.0.0-1) 12.0.0");
  const Error wrong = error();
  EXPECT_EQ(wrong.code, "compiler-differs");
  EXPECT_THAT(wrong.message, AllOf(HasSubstr("12.0.0-1"), HasSubstr(compiler)));
  EXPECT_EQ(wrong.advice, "apt-get install gcc-12=12.0.0-1");
}

TEST_F(HostTest, AConfigurationWithoutACompiler) {
  headers(".config", "CONFIG_X=y\n");
  EXPECT_EQ(error().code, "config-unreadable");
}

TEST_F(HostTest, AnotherVersionOfTheSource) {
  changelog("linux-source-6.1", "6.1.998-1");
  const Error wrong = error();
  EXPECT_EQ(wrong.code, "source-version");
  EXPECT_THAT(wrong.message, AllOf(HasSubstr("6.1.999-1"), HasSubstr("6.1.998-1")));
  EXPECT_EQ(wrong.advice, "apt-get install linux-source-6.1=6.1.999-1");
}

TEST_F(HostTest, ToolsOfAnotherVersionAreNotUsed) {
  changelog("linux-kbuild-6.1", "6.1.998-1");
  EXPECT_EQ(found().tools, "");
  changelog("linux-kbuild-6.1", "6.1.999-1");
  remove("usr/lib/linux-kbuild-6.1/tools/objtool");
  EXPECT_EQ(found().tools, "");
}

TEST_F(HostTest, ADamagedChangelogIsNoVersion) {
  root.write("usr/share/doc/linux-kbuild-6.1/changelog.Debian.gz", "\x1f\x8b garbage");
  EXPECT_EQ(found().tools, "");
}

TEST_F(HostTest, GivenSourceAndConfiguration) {
  const TemporaryFolder own;
  options.source = own.path();
  options.config =
      own.write("config", "# a copy\n" + root.read(std::string(kHeaders) + "/.config"));
  const Host host = found();
  EXPECT_EQ(host.source, own.path());
  EXPECT_EQ(host.config, options.config);
  EXPECT_EQ(host.tools, "") << "they are of the distribution's source";

  options.source = own / "none";
  EXPECT_EQ(error().code, "kernel-parts-missing");
  EXPECT_THAT(error().advice, HasSubstr("--source"));
  options.config = own / "none";
  EXPECT_FALSE(error().advice.empty());
}

TEST_F(HostTest, AConfigurationOfAnotherKernel) {
  const TemporaryFolder own;
  const std::string config = root.read(std::string(kHeaders) + "/.config");
  options.config = own.write("config", config + "CONFIG_LIVEPATCH=y\n");
  EXPECT_EQ(error().code, "config-differs");
  EXPECT_THAT(error().detail, HasSubstr("given:   CONFIG_LIVEPATCH=y"));
  options.config = own.write("config", config + "\n# CONFIG_LIVEPATCH is not set\n");
  EXPECT_EQ(error().code, "config-differs");
  root.write(std::string(kHeaders) + "/.config", config + "# CONFIG_LIVEPATCH is not set\n");
  EXPECT_EQ(found().config, options.config);
}

TEST(ResolveInRoot, LinksStayInside) {
  const TemporaryFolder root;
  root.write("real/file", "x");
  root.link("absolute", "/real");
  root.link("chain", "/absolute/../absolute");
  root.link("sub/relative", "../real");
  root.link("climber", "../../../../../real");
  EXPECT_EQ(resolve_in_root(root.path(), "/real/file"), root / "real/file");
  EXPECT_EQ(resolve_in_root(root.path(), "/absolute/file"), root / "real/file");
  EXPECT_EQ(resolve_in_root(root.path(), "/chain/file"), root / "real/file");
  EXPECT_EQ(resolve_in_root(root.path(), "/sub/relative/file"), root / "real/file");
  EXPECT_EQ(resolve_in_root(root.path(), "/climber/file"), root / "real/file");
  EXPECT_EQ(resolve_in_root(root.path(), "/../../real/./file"), root / "real/file");
  EXPECT_EQ(resolve_in_root(root.path(), "/not/there"), root / "not/there");
}

TEST(ResolveInRoot, ACircleEnds) {
  const TemporaryFolder root;
  root.link("a", "/b");
  root.link("b", "/a");
  EXPECT_FALSE(fs::exists(resolve_in_root(root.path(), "/a/file").string() + "/x"));
}

}  // namespace
}  // namespace splicer
