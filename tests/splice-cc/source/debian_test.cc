// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/source/debian.h"

#include <gtest/gtest.h>

namespace splicer {
namespace {

TEST(Debian, Example) {
  // [values splice-cc/source/debian.h]
  EXPECT_EQ(source_package("6.1"), "linux-source-6.1");
  EXPECT_EQ(source_tarball("6.1"), "/usr/src/linux-source-6.1.tar.xz");
  EXPECT_EQ(exact_package("gcc-12", "12.2.0-14"), "gcc-12=12.2.0-14");
  EXPECT_EQ(install_command({"bc", "flex"}), "apt-get install bc flex");
  // [end]
}

TEST(Debian, SeriesOfTheVersionOrOfTheRelease) {
  EXPECT_EQ(kernel_series("6.12.107-1", "6.1.0-50-amd64"), "6.12");
  EXPECT_EQ(kernel_series("", "6.1.0-50-amd64"), "6.1");
  EXPECT_EQ(kernel_series("", "5.10.251"), "5.10");
  EXPECT_EQ(kernel_series("", "next-20260101"), std::nullopt);
}

TEST(Debian, Packages) {
  EXPECT_EQ(headers_package("6.1.0-50-amd64"), "linux-headers-6.1.0-50-amd64");
  EXPECT_EQ(source_package("6.1"), "linux-source-6.1");
  EXPECT_EQ(source_tarball("6.1"), "/usr/src/linux-source-6.1.tar.xz");
  EXPECT_EQ(feature_patch("6.1", "rt"), "/usr/src/linux-patch-6.1-rt.patch.xz");
  EXPECT_EQ(package_of_program("xz"), "xz-utils");
  EXPECT_EQ(package_of_program("diff"), "diffutils");
  EXPECT_EQ(package_of_program("make"), "make");
  EXPECT_EQ(exact_package("a", "1"), "a=1");
  EXPECT_EQ(exact_package("a", ""), "a");
  EXPECT_EQ(install_command({"a=1", "b"}), "apt-get install a=1 b");
}

TEST(Debian, CompilerByItsBanner) {
  EXPECT_EQ(compiler_package("gcc-12", "gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0"),
            "gcc-12=12.2.0-14+deb12u1");
  EXPECT_EQ(compiler_package("gcc", "gcc (GCC) 12.2.0"), "gcc");
}

TEST(Debian, HeadersThatKernelsShare) {
  const std::string begin = "include /usr/src/linux-headers-6.1.0-50-common";
  EXPECT_EQ(common_headers(begin + "/Makefile\n").directory,
            "/usr/src/linux-headers-6.1.0-50-common");
  EXPECT_EQ(common_headers(begin + "/Makefile\n").feature, "");
  EXPECT_EQ(common_headers(begin + "-rt/Makefile\n").feature, "rt");
  EXPECT_EQ(common_headers("all:\n").directory, "");
}

TEST(Debian, NoChangelogIsNoVersion) {
  EXPECT_EQ(changelog_path("linux-kbuild-6.1"),
            "/usr/share/doc/linux-kbuild-6.1/changelog.Debian.gz");
  EXPECT_EQ(changelog_version("/none"), "");
}

}  // namespace
}  // namespace splicer
