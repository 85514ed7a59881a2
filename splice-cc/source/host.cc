// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/source/host.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/core.h>
#include <sys/utsname.h>

#include <array>
#include <memory>
#include <regex>
#include <vector>

#include "matcher/base/file.h"
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

std::string join(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

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

// The version in the first line of a Debian changelog, "linux (6.1.176-1) bookworm; ...".
std::string changelog_version(const fs::path& compressed) {
  const std::unique_ptr<archive, decltype(&archive_read_free)> reader(archive_read_new(),
                                                                      archive_read_free);
  archive_read_support_filter_all(reader.get());
  archive_read_support_format_raw(reader.get());
  archive_entry* entry = nullptr;
  if (archive_read_open_filename(reader.get(), compressed.c_str(), 65536) != ARCHIVE_OK ||
      archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK)
    return {};
  std::array<char, 512> start{};
  const la_ssize_t got = archive_read_data(reader.get(), start.data(), start.size() - 1);
  if (got <= 0) return {};
  const std::string text(start.data(), static_cast<std::size_t>(got));
  std::smatch match;
  const std::regex version("^[^ ]+ \\(([^)]+)\\)");
  return std::regex_search(text, match, version) ? match[1].str() : "";
}

std::string package_version(const fs::path& root, const std::string& package) {
  return changelog_version(
      resolve_in_root(root, "/usr/share/doc/" + package + "/changelog.Debian.gz"));
}

// The headers' own account of what they belong to. Which of these files has UTS_VERSION differs
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

// Debian's headers package includes the Makefile of the headers that all kernels of a build share,
// "linux-headers-VERSION-common", or "-common-FEATURESET" where patches of a feature set are in.
std::string find_common(Host& host) {
  const auto makefile = read_text(host.headers / "Makefile");
  std::smatch match;
  static const std::regex include("include (/usr/src/linux-headers-[^ /]+-common-?([a-z0-9]*))/");
  if (!makefile || !std::regex_search(*makefile, match, include)) return {};
  host.common = resolve_in_root(host.root, match[1].str());
  return match[2];
}

void find_source(const HostOptions& options, Host& host, const std::string& version,
                 Missing& missing, Result<void>& verdict) {
  std::error_code code;
  const std::string feature = find_common(host);
  if (!options.source.empty()) {
    host.source = fs::absolute(options.source);
    if (!fs::exists(host.source, code))
      missing.add(fmt::format("the source {}", host.source.string()), "");
    return;
  }
  std::smatch match;
  static const std::regex series("^([0-9]+\\.[0-9]+)");
  const std::string line = std::regex_search(version, match, series) ? match[1].str() : "6.1";
  const std::string package = "linux-source-" + line;
  host.source = resolve_in_root(host.root, fmt::format("/usr/src/{}.tar.xz", package));
  const std::string wanted = fmt::format("{}={}", package, version);
  if (!fs::exists(host.source, code)) {
    missing.add(fmt::format("the source package {} of version {}", package, version), wanted);
    return;
  }
  if (!feature.empty()) {
    const std::string patch = fmt::format("/usr/src/linux-patch-{}-{}.patch.xz", line, feature);
    host.patch = resolve_in_root(host.root, patch);
    if (!fs::exists(host.patch, code))
      missing.add(fmt::format("the patches of the feature set {}, {} (debian/patches-{} of the "
                              "source package linux {}, one after the other)",
                              feature, patch, feature, version),
                  "");
  }
  const std::string found = package_version(host.root, package);
  if (!version.empty() && !found.empty() && found != version) {
    verdict = fail(ExitCode::error, "source-version",
                   fmt::format("the kernel was built from {} {}, but version {} is here", package,
                               version, found))
                  .at_file(host.source.string())
                  .hint(fmt::format("apt-get install {}", wanted));
  }
}

// The compiler must be the one that the configuration names, to the letter: another version lays
// code out differently, and then nothing matches.
void check_compiler(const std::string& config_text, Host& host, Missing& missing,
                    Result<void>& verdict) {
  const std::string wanted = config_string(config_text, "CONFIG_CC_VERSION_TEXT");
  host.kernel.compiler = wanted;
  host.compiler = wanted.substr(0, wanted.find(' '));
  if (wanted.empty()) {
    verdict = fail(ExitCode::error, "config-unreadable",
                   "the configuration does not say which compiler built the kernel")
                  .at_file(host.config.string())
                  .hint("give the kernel's own configuration with --config");
    return;
  }
  std::smatch match;
  static const std::regex debian("\\(Debian ([^)]+)\\)");
  const std::string package = std::regex_search(wanted, match, debian)
                                  ? fmt::format("{}={}", host.compiler, match[1].str())
                                  : host.compiler;
  const auto run = run_program({host.compiler, "--version"});
  if (!run) {
    missing.add(fmt::format("the compiler that built the kernel, {}", wanted), package);
    return;
  }
  const std::string found = run->output.substr(0, run->output.find('\n'));
  if (found != wanted) {
    verdict = fail(ExitCode::error, "compiler-differs",
                   fmt::format("the kernel was built by {}, but {} is here", wanted, found))
                  .at_file(host.compiler)
                  .hint(fmt::format("apt-get install {}", package));
  }
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
  std::error_code code;

  host.headers = resolve_in_root(host.root, fmt::format("/lib/modules/{}/build", release));
  if (!fs::exists(host.headers / ".config", code))
    host.headers = resolve_in_root(host.root, fmt::format("/usr/src/linux-headers-{}", release));
  std::string version;
  if (!fs::exists(host.headers / ".config", code) ||
      !fs::exists(host.headers / "Module.symvers", code)) {
    missing.add(fmt::format("the headers of kernel {}", release),
                fmt::format("linux-headers-{}", release));
  } else {
    read_identity(host, version);
    host.config = options.config.empty() ? host.headers / ".config" : fs::absolute(options.config);
    const auto config_text = read_text(host.config);
    if (!config_text)
      return propagate(config_text).hint("give the kernel's own configuration with --config");
    const auto shipped = read_text(host.headers / ".config");
    host.own_config = shipped && *shipped != *config_text;
    find_source(options, host, version, missing, verdict);
    check_compiler(*config_text, host, missing, verdict);
    // Debian's linux-kbuild has the build tools compiled; it is named without the ABI number, so it
    // may be of a neighbouring version, and then they are built from the source instead.
    const fs::path tools = resolve_in_root(
        host.root, fs::path("/") / fs::relative(host.headers, host.root, code) / "tools");
    const std::string kbuild = tools.parent_path().filename().string();
    if (!version.empty() && !host.own_config && options.source.empty() &&
        fs::exists(tools / "objtool/objtool", code) &&
        package_version(host.root, kbuild) == version)
      host.tools = tools.parent_path();
  }
  for (const char* program : {"make", "patch", "xz", "diff"}) {
    if (!run_program({program, "--version"}))
      missing.add(fmt::format("the program {}", program),
                  std::string_view(program) == "xz"     ? "xz-utils"
                  : std::string_view(program) == "diff" ? "diffutils"
                                                        : program);
  }
  if (!missing.things.empty())
    return fail(ExitCode::error, "kernel-parts-missing",
                fmt::format("to make an update for {}, this is missing: {}", release,
                            join(missing.things, "; ")))
        .at_file(host.root.string())
        .hint(missing.packages.empty()
                  ? "look at the path given with --source"
                  : fmt::format("apt-get install {}", join(missing.packages, " ")));
  if (!verdict) return propagate(verdict);
  return host;
}

}  // namespace splicer
