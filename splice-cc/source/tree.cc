// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/source/tree.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "matcher/base/file.h"
#include "runtime/package/digest.h"
#include "splice-cc/source/debian.h"
#include "splice-cc/source/process.h"
#include "splice-cc/source/tree_layout.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

// Changes when what is done here changes, so that an older cache is not taken for a present one.
constexpr int kTreeFormat = 2;

constexpr std::string_view kElfMagic = "\177ELF";

fs::path cache_folder() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache == '/')
    return fs::path(cache) / "splice";
  const char* home = std::getenv("HOME");
  return fs::path(home != nullptr ? home : "/root") / ".cache/splice";
}

std::string stamp(const fs::path& path) {
  std::error_code code;
  const auto size = fs::is_regular_file(path, code) ? fs::file_size(path, code) : 0;
  const auto time = fs::last_write_time(path, code).time_since_epoch().count();
  return fmt::format("{} {} {}\n", path.string(), size, time);
}

bool is_built(const fs::path& path) {
  const std::string name = path.filename().string();
  for (const char* ending : {".o", ".cmd", ".ko", ".a", ".d"})
    if (name.ends_with(ending)) return true;
  return name == ".git";
}

// What a tree is made from; two trees with one key are the same.
std::string tree_key(const Host& host) {
  std::string key = fmt::format("format {}\n", kTreeFormat);
  key += stamp(host.headers / ".config") + stamp(host.headers / "Module.symvers");
  key += stamp(host.config) + host.kernel.release + host.kernel.version;
  key += "\ntools " + host.tools.string() + "\n";
  std::error_code code;
  if (fs::is_directory(host.source, code)) {
    std::vector<std::string> stamps;
    for (auto entry = fs::recursive_directory_iterator(
             host.source, fs::directory_options::skip_permission_denied, code);
         !code && entry != fs::recursive_directory_iterator(); entry.increment(code)) {
      if (is_built(entry->path())) {
        entry.disable_recursion_pending();
      } else if (entry->is_regular_file(code)) {
        stamps.push_back(stamp(entry->path()));
      }
    }
    std::sort(stamps.begin(), stamps.end());
    key += fmt::format("{}", fmt::join(stamps, ""));
  } else {
    key += stamp(host.source) + (host.patch.empty() ? "" : stamp(host.patch));
  }
  return sha256_hex(key).substr(0, 16);
}

// `all` files are wanted where patches are to be applied that change documents and the like.
Result<void> unpack(const fs::path& tarball, const fs::path& into, bool all) {
  std::vector<std::string> command = {"tar",
                                      "-xf",
                                      tarball.string(),
                                      "-C",
                                      into.string(),
                                      "--strip-components=1",
                                      "--no-same-owner"};
  if (!all) command.insert(command.end(), tar_exclusions().begin(), tar_exclusions().end());
  const auto run = run_program(command);
  if (!run) return propagate(run);
  if (run->status != 0 || !fs::exists(into / "Makefile"))
    return fail(ExitCode::error, "source-unpack", "the source cannot be unpacked")
        .at_file(tarball.string())
        .detail(last_lines(run->output, 5))
        .hint(
            "give a tarball of a kernel's source with --source, and free some space in the cache");
  return {};
}

Result<void> copy_source(const fs::path& from, const fs::path& into) {
  const Listing listing =
      list_tree(from, [](const fs::directory_entry& entry) { return is_built(entry.path()); });
  std::error_code code(listing.error, std::generic_category());
  for (const fs::directory_entry& entry : listing.entries) {
    // By the names alone: fs::relative() would follow links, which are copied as such.
    const fs::path to = into / entry.path().lexically_relative(from);
    std::error_code unknown;
    if (entry.is_symlink(unknown)) {
      fs::copy_symlink(entry.path(), to, code);
    } else if (entry.is_directory(unknown)) {
      fs::create_directories(to, code);
    } else {
      fs::copy_file(entry.path(), to, code);
    }
    if (code) break;
  }
  if (code)
    return fail(ExitCode::error, "source-unpack",
                fmt::format("the source cannot be copied: {}", code.message()))
        .at_file(from.string())
        .hint("free some space in the cache");
  return {};
}

Result<void> copy_over(const fs::path& from, const fs::path& to) {
  std::error_code code;
  fs::create_directories(to.parent_path(), code);
  fs::copy(from, to,
           fs::copy_options::recursive | fs::copy_options::overwrite_existing |
               fs::copy_options::copy_symlinks,
           code);
  if (code)
    return fail(ExitCode::error, "tree-prepare",
                fmt::format("the kernel's headers cannot be copied: {}", code.message()))
        .at_file(from.string());
  return {};
}

// Patches of a feature set, in part/source.
Result<void> apply_patch(const fs::path& patch, const fs::path& part) {
  const fs::path plain = part / "feature.patch";
  auto run = run_program(
      {"/bin/sh", "-c", "xz -dc <\"$1\" >\"$2\"", "sh", patch.string(), plain.string()});
  if (run && run->status == 0)
    run = run_program({"patch", "-p1", "-s", "-f", "-E", "-i", plain.string()},
                      {.folder = part / "source"});
  if (!run) return propagate(run);
  if (run->status != 0)
    return fail(ExitCode::error, "source-unpack",
                "the patches of the kernel's feature set do not apply to its source")
        .at_file(patch.string())
        .detail(last_lines(run->output, 10))
        .hint("install the source and its patches in the same version");
  return {};
}

// The headers package is part of the kernel's own build: where it and the source disagree, the
// source is not what the kernel was built from, and structures may be laid out otherwise.
Result<void> compare_headers(const fs::path& common, const fs::path& source) {
  for (const char* part : {"include", "arch/x86/include"}) {
    std::error_code code;
    for (auto entry = fs::recursive_directory_iterator(common / part, code);
         !code && entry != fs::recursive_directory_iterator(); entry.increment(code)) {
      std::error_code unknown;
      if (!entry->is_regular_file(unknown)) continue;
      const fs::path path = entry->path().lexically_relative(common);
      const auto theirs = read_text(entry->path());
      const auto ours = read_text(source / path);
      if (theirs && ours && *theirs == *ours) continue;
      return fail(ExitCode::error, "source-differs",
                  "the source is not the one that the kernel's headers are from")
          .at_file(path.string())
          .hint("give the kernel's own source, with all of its patches, with --source");
    }
  }
  return {};
}

// Configuration and generated headers, as shipped. include/config/auto.conf.cmd is empty and
// all is newer than .config: so the kernel's Makefile sees no reason to run Kconfig.
Result<void> lay_headers_over(const Host& host, const fs::path& source) {
  for (const char* part : {"Module.symvers", "include", "arch"})
    if (auto copied = copy_over(host.headers / part, source / part); !copied) return copied;
  if (auto copied = copy_over(host.config, source / ".config"); !copied) return copied;
  const auto now = fs::file_time_type::clock::now();
  std::error_code code;
  fs::last_write_time(source / ".config", now - std::chrono::hours(1), code);
  for (const char* name : {"include/config/auto.conf", "include/config/auto.conf.cmd",
                           "include/generated/autoconf.h", "include/generated/rustc_cfg"}) {
    if (!fs::exists(source / name))
      if (auto written = write_file(source / name, ""); !written) return written;
    fs::last_write_time(source / name, now, code);
  }
  return {};
}

// The programs of scripts/ and tools/, which linux-kbuild has compiled.
Result<void> lay_tools_over(const fs::path& tools, const fs::path& source) {
  std::error_code code;
  for (const char* part : {"scripts", "tools"}) {
    for (auto entry = fs::recursive_directory_iterator(tools / part, code);
         !code && entry != fs::recursive_directory_iterator(); entry.increment(code)) {
      std::error_code unknown;
      if (!entry->is_regular_file(unknown)) continue;
      if (!read_contents(entry->path()).view().starts_with(kElfMagic)) continue;
      if (auto copied = copy_over(entry->path(), source / entry->path().lexically_relative(tools));
          !copied)
        return copied;
    }
  }
  return {};
}

}  // namespace

Result<void> make_prepare(const fs::path& source, const Host& host, unsigned jobs) {
  std::vector<std::string> command = {"make",
                                      "-s",
                                      fmt::format("-j{}", jobs),
                                      fmt::format("CC={}", host.compiler),
                                      fmt::format("HOSTCC={}", host.compiler),
                                      fmt::format("KERNELRELEASE={}", host.kernel.release)};
  // The Makefile would write these anew, with this machine's name and without the package's
  // version, which code prints (lib/dump_stack.c). What is on the command line wins over its
  // `define`s.
  for (const char* name : {"compile.h", "package.h"})
    if (const fs::path shipped = fs::absolute(host.headers / "include/generated" / name);
        fs::exists(shipped))
      command.push_back(fmt::format("filechk_{}=cat '{}'", name, shipped.string()));
  command.emplace_back("prepare");
  const auto run = run_program(command, {.folder = source});
  if (!run) return propagate(run);
  if (run->status != 0)
    return fail(ExitCode::error, "tree-prepare", "make prepare failed in the kernel's source")
        .at_file(source.string())
        .detail(last_lines(run->output, 20))
        .hint(install_command({"bc", "bison", "flex", "libelf-dev", "libssl-dev"}));
  return {};
}

Result<Tree> prepare_tree(const Host& host, const Console& console, unsigned jobs) {
  Tree tree;
  const std::string name = fmt::format("{}-{}", host.kernel.release, tree_key(host));
  tree.folder = cache_folder() / name;
  tree.source = tree.folder / "source";
  tree.store = tree.folder / "store";
  tree.lock = cache_folder() / (name + ".lock");
  if (fs::exists(tree.folder)) return tree;

  auto lock = FileLock::take(tree.lock);
  if (!lock) return propagate(lock);
  if (fs::exists(tree.folder)) return tree;
  // A run that was killed may have left its unfinished tree; with the lock held, nobody works in
  // it.
  const fs::path part = cache_folder() / (name + ".part");
  std::error_code code;
  fs::remove_all(part, code);
  fs::create_directories(part / "source", code);
  if (code)
    return fail(ExitCode::error, "cache-unwritable",
                fmt::format("the cache cannot be written: {}", code.message()))
        .at_file(part.string())
        .hint("set XDG_CACHE_HOME to a directory that you may write");

  console.stage("unpacking {}", host.source.filename().string());
  auto done = fs::is_directory(host.source)
                  ? copy_source(host.source, part / "source")
                  : unpack(host.source, part / "source", !host.patch.empty());
  if (done && !host.patch.empty()) done = apply_patch(host.patch, part);
  if (done && !host.common.empty()) done = compare_headers(host.common, part / "source");
  if (done) done = lay_headers_over(host, part / "source");
  if (done && !host.tools.empty()) {
    done = lay_tools_over(host.tools, part / "source");
  } else if (done) {
    console.stage("building the kernel's build tools");
    done = make_prepare(part / "source", host, jobs);
  }
  if (done) {
    fs::rename(part, tree.folder, code);
    if (code)
      done = fail(ExitCode::error, "cache-unwritable",
                  fmt::format("the cache cannot be written: {}", code.message()))
                 .at_file(part.string());
  }
  if (!done) {
    fs::remove_all(part, code);
    return propagate(done);
  }
  return tree;
}

}  // namespace splicer
