// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/source/host.h"

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <sys/utsname.h>

#include <regex>
#include <set>
#include <vector>

#include "matcher/base/file.h"
#include "splice-cc/source/debian.h"
#include "splice-cc/source/process.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

// What is missing, and the packages that have it.
struct Missing {
  std::vector<std::string> things;
  std::vector<std::string> packages;

  void add(std::string thing, std::string package) {
    things.push_back(std::move(thing));
    if (!package.empty()) packages.push_back(std::move(package));
  }
};

// The value of `#define NAME "value"` in a header's text.
std::string defined_string(const std::string& text, const std::string& name) {
  std::smatch match;
  const std::regex define("#define\\s+" + name + "\\s+\"([^\"]*)\"");
  return std::regex_search(text, match, define) ? match[1].str() : "";
}

std::string config_string(const std::string& text, const std::string& name) {
  std::smatch match;
  const std::regex line("(^|\n)" + name + "=\"([^\"\n]*)\"");
  return std::regex_search(text, match, line) ? match[2].str() : "";
}

std::string package_version(const fs::path& root, const std::string& package) {
  return changelog_version(resolve_in_root(root, changelog_path(package)));
}

// What the headers say that they belong to. Which of these files has UTS_VERSION differs
// between kernels (scripts/mkcompile_h wrote it to compile.h until utsversion.h was split off).
void read_identity(Host& host, std::string& source_version) {
  for (const char* name : {"compile.h", "utsversion.h", "utsrelease.h", "package.h"}) {
    const auto text = read_text(host.headers / "include/generated" / name);
    if (!text) continue;
    if (auto version = defined_string(*text, "UTS_VERSION"); !version.empty())
      host.kernel.version = version;
    if (auto machine = defined_string(*text, "UTS_MACHINE"); !machine.empty())
      host.kernel.machine = machine;
    if (auto id = defined_string(*text, "LINUX_PACKAGE_ID"); !id.empty())
      source_version = id.substr(id.rfind(' ') + 1);
  }
}

// The source package of the series that the headers or the release name, and the patches of a
// feature set on top of it.
Result<void> find_source_package(Host& host, const std::string& version, const std::string& feature,
                                 Missing& missing) {
  std::error_code code;
  const auto series = kernel_series(version, host.kernel.release);
  if (!series)
    return fail(ExitCode::error, "source-version",
                fmt::format("neither the headers nor the release {} say which source the kernel "
                            "was built from",
                            host.kernel.release))
        .at_file(host.headers.string())
        .hint("give the kernel's own source with --source");
  const std::string package = source_package(*series);
  host.source = resolve_in_root(host.root, source_tarball(*series));
  const std::string wanted = exact_package(package, version);
  if (!fs::exists(host.source, code)) {
    missing.add(version.empty()
                    ? fmt::format("the source package {}", package)
                    : fmt::format("the source package {} of version {}", package, version),
                wanted);
    return {};
  }
  if (!feature.empty()) {
    const std::string patch = feature_patch(*series, feature);
    host.patch = resolve_in_root(host.root, patch);
    if (!fs::exists(host.patch, code))
      missing.add(fmt::format("the patches of the feature set {}, {} (debian/patches-{} of the "
                              "source package linux {}, one after the other)",
                              feature, patch, feature, version),
                  "");
  }
  const std::string found = package_version(host.root, package);
  if (!version.empty() && !found.empty() && found != version)
    return fail(ExitCode::error, "source-version",
                fmt::format("the kernel was built from {} {}, but version {} is installed", package,
                            version, found))
        .at_file(host.source.string())
        .hint(install_command({wanted}));
  return {};
}

Result<void> find_source(const HostOptions& options, Host& host, const std::string& version,
                         Missing& missing) {
  std::error_code code;
  CommonHeaders common;
  if (const auto makefile = read_text(host.headers / "Makefile"))
    common = common_headers(*makefile);
  if (!common.directory.empty()) host.common = resolve_in_root(host.root, common.directory);
  if (options.source.empty()) return find_source_package(host, version, common.feature, missing);
  host.source = fs::absolute(options.source);
  if (!fs::exists(host.source, code))
    missing.add(fmt::format("the source {}", host.source.string()), "");
  return {};
}

// The compiler must be the one that the configuration names, to the letter: another version lays
// code out differently, and then nothing matches.
Result<void> check_compiler(const std::string& config_text, Host& host, Missing& missing) {
  const std::string wanted = config_string(config_text, "CONFIG_CC_VERSION_TEXT");
  host.kernel.compiler = wanted;
  host.compiler = wanted.substr(0, wanted.find(' '));
  if (wanted.empty())
    return fail(ExitCode::error, "config-unreadable",
                "the configuration does not say which compiler built the kernel")
        .at_file(host.config.string())
        .hint("give the kernel's own configuration with --config");
  const std::string package = compiler_package(host.compiler, wanted);
  const auto run = run_program({host.compiler, "--version"});
  if (!run) {
    missing.add(fmt::format("the compiler that built the kernel, {}", wanted), package);
    return {};
  }
  const std::string found = run->output.substr(0, run->output.find('\n'));
  if (found != wanted)
    return fail(ExitCode::error, "compiler-differs",
                fmt::format("the kernel was built by {}, but {} is installed", wanted, found))
        .at_file(host.compiler)
        .hint(install_command({package}));
  return {};
}

// Debian's linux-kbuild has the build tools compiled; it is named without the ABI number, so it may
// be of a neighbouring version, and then they are built from the source instead.
void find_tools(Host& host, const std::string& version) {
  std::error_code code;
  const fs::path tools = resolve_in_root(
      host.root, fs::path("/") / fs::relative(host.headers, host.root, code) / "tools");
  const std::string kbuild = tools.parent_path().filename().string();
  if (!version.empty() && fs::exists(tools / "objtool/objtool", code) &&
      package_version(host.root, kbuild) == version)
    host.tools = tools.parent_path();
}

bool find_headers(Host& host) {
  std::error_code code;
  const std::string& release = host.kernel.release;
  host.headers = resolve_in_root(host.root, fmt::format("/lib/modules/{}/build", release));
  if (!fs::exists(host.headers / ".config", code))
    host.headers = resolve_in_root(host.root, fmt::format("/usr/src/{}", headers_package(release)));
  return fs::exists(host.headers / ".config", code) &&
         fs::exists(host.headers / "Module.symvers", code);
}

// "CONFIG_SMP=y" and "# CONFIG_SMP is not set"; comments say nothing.
std::set<std::string> config_options(const std::string& text) {
  std::set<std::string> options;
  for (std::string& line : split_lines(text))
    if (line.starts_with("CONFIG_") ||
        (line.starts_with("# CONFIG_") && line.ends_with(" is not set")))
      options.insert(std::move(line));
  return options;
}

// What is generated from a configuration comes with the headers, and code for another one would read
// structures that the kernel has not got.
Result<void> check_options(const std::string& config_text, const Host& host) {
  const auto shipped = read_text(host.headers / ".config");
  if (!shipped) return propagate(shipped);
  const std::set<std::string> given = config_options(config_text);
  const std::set<std::string> own = config_options(*shipped);
  if (given == own) return {};
  std::string differing;
  for (const std::string& line : own)
    if (!given.contains(line)) differing += fmt::format("headers: {}\n", line);
  for (const std::string& line : given)
    if (!own.contains(line)) differing += fmt::format("given:   {}\n", line);
  return fail(ExitCode::error, "config-differs",
              "the configuration is not the one that the kernel's headers were made with")
      .at_file(host.config.string())
      .detail(std::move(differing))
      .hint("leave out --config, or give the headers of the kernel that was built with it");
}

// Of the headers that were found: all that depends on them. `verdict`: the last thing that is
// there but wrong; what is missing comes before it.
Result<void> read_headers(const HostOptions& options, Host& host, Missing& missing,
                          Result<void>& verdict) {
  std::string version;
  read_identity(host, version);
  host.config = options.config.empty() ? host.headers / ".config" : fs::absolute(options.config);
  const auto config_text = read_text(host.config);
  if (!config_text)
    return propagate(config_text).hint("give the kernel's own configuration with --config");
  for (auto found :
       {find_source(options, host, version, missing), check_options(*config_text, host),
        check_compiler(*config_text, host, missing)})
    if (!found) verdict = std::move(found);
  if (options.source.empty()) find_tools(host, version);
  return {};
}

}  // namespace

fs::path resolve_in_root(const fs::path& root, const fs::path& path) {
  fs::path done = "/";
  std::vector<fs::path> todo;
  const auto push = [&todo](const fs::path& parts) {
    std::vector<fs::path> list(parts.begin(), parts.end());
    todo.insert(todo.end(), list.rbegin(), list.rend());
  };
  push(path);
  constexpr int kMostLinks = 40;  // as the kernel's own limit, MAXSYMLINKS
  int links = 0;
  while (!todo.empty()) {
    const fs::path part = todo.back();
    todo.pop_back();
    if (part.empty() || part == "/" || part == ".") continue;
    if (part == "..") {
      done = done.parent_path();
      continue;
    }
    std::error_code code;
    const fs::path here = root / done.relative_path() / part;
    if (fs::is_symlink(here, code) && ++links <= kMostLinks) {
      const fs::path target = fs::read_symlink(here, code);
      if (target.is_absolute()) done = "/";
      push(target);
      continue;
    }
    done /= part;
  }
  return root / done.relative_path();
}

Result<Host> find_host(const HostOptions& options) {
  Host host;
  host.root = options.root.empty() ? fs::path("/") : fs::absolute(options.root);
  host.kernel.release = options.release;
  if (host.kernel.release.empty()) {
    utsname names{};
    uname(&names);
    host.kernel.release = names.release;
  }
  const std::string& release = host.kernel.release;
  Missing missing;
  Result<void> verdict;
  if (!find_headers(host)) {
    missing.add(fmt::format("the headers of kernel {}", release), headers_package(release));
  } else if (auto read = read_headers(options, host, missing, verdict); !read) {
    return propagate(read);
  }
  for (const char* program : {"make", "patch", "xz", "diff"})
    if (!run_program({program, "--version"}))
      missing.add(fmt::format("the program {}", program), package_of_program(program));
  if (!missing.things.empty())
    return fail(ExitCode::error, "kernel-parts-missing",
                fmt::format("to make an update for {}, this is missing: {}", release,
                            fmt::join(missing.things, "; ")))
        .at_file(host.root.string())
        .hint(missing.packages.empty() ? "check the path given with --source"
                                       : install_command(missing.packages));
  if (!verdict) return propagate(verdict);
  return host;
}

}  // namespace splicer
