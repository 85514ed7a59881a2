// SPDX-License-Identifier: GPL-2.0-or-later
//
// What a machine (or a directory that packages were unpacked into) has of the kernel that an update
// is for: headers, configuration, exact source, the compiler that built it.
//
//     auto host = find_host({.release = "6.1.0-50-cloud-amd64", .root = "/srv/target"});
//
// Nothing is guessed: the headers say which source version they belong to (LINUX_PACKAGE_ID) and
// the configuration which compiler built the kernel (CONFIG_CC_VERSION_TEXT), and both must be
// there exactly. All that is missing is reported at once, with the command that installs it. What
// Debian calls these things is in debian.h.
//
// Invariant: a Host that find_host() returns can be built from.
// Cost: runs the compiler and four other programs with --version, and reads two changelogs.
#pragma once

#include <filesystem>
#include <string>

#include "matcher/base/result.h"
#include "runtime/package/package.h"

namespace splicer {

struct HostOptions {
  std::string release;           // empty: the running kernel's
  std::filesystem::path root;    // empty: this machine
  std::filesystem::path source;  // directory or tarball; empty: the distribution's source package
  std::filesystem::path config;  // empty: the one in the headers
};

struct Host {
  std::filesystem::path root;     // "/" for this machine
  std::filesystem::path headers;  // the kernel's build directory: .config, Module.symvers, include/
  std::filesystem::path config;
  std::filesystem::path source;  // directory or tarball
  std::filesystem::path patch;   // of a feature set (rt), on top of the tarball; or empty
  std::filesystem::path common;  // headers that all kernels of the build share, or empty
  std::filesystem::path tools;   // ready-made scripts/ and tools/ of exactly that source, or empty
  std::string compiler;          // "gcc-12"
  KernelIdentity kernel;
};

// Errors: "kernel-parts-missing", "compiler-differs", "source-version", "config-unreadable",
// "config-differs".
Result<Host> find_host(const HostOptions& options);

// A path inside `root`, with symbolic links that are absolute taken as starting at `root`.
std::filesystem::path resolve_in_root(const std::filesystem::path& root,
                                      const std::filesystem::path& path);

}  // namespace splicer
