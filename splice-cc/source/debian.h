// SPDX-License-Identifier: GPL-2.0-or-later
//
// What Debian calls the parts of a kernel: names of packages, where they put their files, their
// versions, and the command that installs them. Nothing else knows Debian's names.
//
//     source_package("6.1")                      "linux-source-6.1"
//     source_tarball("6.1")                      "/usr/src/linux-source-6.1.tar.xz"
//     exact_package("gcc-12", "12.2.0-14")       "gcc-12=12.2.0-14"
//     install_command({"bc", "flex"})            "apt-get install bc flex"
//
// Invariant: no version of a kernel is written here; each comes from the kernel's own headers, or
// from the name of its release.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace splicer {

// The package that has a program: "xz-utils" for "xz".
std::string package_of_program(const std::string& program);
std::string install_command(const std::vector<std::string>& packages);
// "NAME=VERSION", as apt-get(8) takes it; the name alone without a version.
std::string exact_package(const std::string& name, const std::string& version);

// "6.1" of a source version, "6.1.176-1", or else of a release, "6.1.0-50-cloud-amd64".
std::optional<std::string> kernel_series(const std::string& version, const std::string& release);
// Programs and their arguments: to bring a package, as exact_package() names it, into the working directory, by
// whatever user; and to unpack one without installing it.
std::vector<std::string> fetch_command(const std::string& package);
std::vector<std::string> unpack_command(const std::filesystem::path& file,
                                        const std::filesystem::path& folder);
std::string headers_package(const std::string& release);
std::string source_package(const std::string& series);
std::string source_tarball(const std::string& series);
// Of a feature set (rt), in a directory of Debian's source package that no package installs.
std::string feature_patch(const std::string& series, const std::string& feature);
// `banner` is the first line of the compiler's --version.
std::string compiler_package(const std::string& compiler, const std::string& banner);

// The headers that all kernels of a build share, as the headers package's Makefile includes them:
// "/usr/src/linux-headers-VERSION-common", or "-common-FEATURE" where patches of a feature set are
// in. Both are empty if it includes none.
struct CommonHeaders {
  std::string directory;
  std::string feature;
};
CommonHeaders common_headers(const std::string& makefile);

// Where a package has its changelog.
std::string changelog_path(const std::string& package);
// The version in its first line, "linux (6.1.176-1) bookworm; ..."; empty if it cannot be read.
std::string changelog_version(const std::filesystem::path& compressed);

}  // namespace splicer
