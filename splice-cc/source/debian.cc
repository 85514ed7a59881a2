// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/source/debian.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <array>
#include <map>
#include <memory>
#include <regex>

namespace splicer {

namespace fs = std::filesystem;

std::string package_of_program(const std::string& program) {
  static const std::map<std::string, std::string> packages = {{"diff", "diffutils"},
                                                              {"xz", "xz-utils"}};
  const auto found = packages.find(program);
  return found == packages.end() ? program : found->second;
}

std::string install_command(const std::vector<std::string>& packages) {
  return fmt::format("apt-get install {}", fmt::join(packages, " "));
}

std::string exact_package(const std::string& name, const std::string& version) {
  return version.empty() ? name : name + "=" + version;
}

std::optional<std::string> kernel_series(const std::string& version, const std::string& release) {
  static const std::regex series("^([0-9]+\\.[0-9]+)");
  for (const std::string& text : {version, release})
    if (std::smatch match; std::regex_search(text, match, series)) return match[1];
  return std::nullopt;
}

// As root, apt would have its own user write the file, who may not in a folder of ours.
std::vector<std::string> fetch_command(const std::string& package) {
  return {"apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package};
}

std::vector<std::string> unpack_command(const fs::path& file, const fs::path& folder) {
  return {"dpkg-deb", "-x", file.string(), folder.string()};
}

std::string headers_package(const std::string& release) { return "linux-headers-" + release; }

std::string source_package(const std::string& series) { return "linux-source-" + series; }

std::string source_tarball(const std::string& series) {
  return fmt::format("/usr/src/{}.tar.xz", source_package(series));
}

std::string feature_patch(const std::string& series, const std::string& feature) {
  return fmt::format("/usr/src/linux-patch-{}-{}.patch.xz", series, feature);
}

std::string compiler_package(const std::string& compiler, const std::string& banner) {
  std::smatch match;
  static const std::regex debian("\\(Debian ([^)]+)\\)");
  return exact_package(compiler,
                       std::regex_search(banner, match, debian) ? match[1].str() : std::string());
}

CommonHeaders common_headers(const std::string& makefile) {
  std::smatch match;
  static const std::regex include("include (/usr/src/linux-headers-[^ /]+-common-?([a-z0-9]*))/");
  if (!std::regex_search(makefile, match, include)) return {};
  return {match[1], match[2]};
}

std::string changelog_path(const std::string& package) {
  return fmt::format("/usr/share/doc/{}/changelog.Debian.gz", package);
}

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

}  // namespace splicer
