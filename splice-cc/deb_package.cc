// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/deb_package.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/chrono.h>
#include <fmt/core.h>
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <map>
#include <memory>

namespace splicer {

namespace {

using Output = std::vector<std::uint8_t>;

constexpr const char* kUpdates = "usr/lib/splice/updates/";

struct ArchiveFree {
  void operator()(struct archive* writer) const { archive_write_free(writer); }
};
struct EntryFree {
  void operator()(struct archive_entry* entry) const { archive_entry_free(entry); }
};

la_ssize_t append(struct archive*, void* client, const void* data, std::size_t size) {
  auto* out = static_cast<Output*>(client);
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  out->insert(out->end(), bytes, bytes + size);
  return static_cast<la_ssize_t>(size);
}

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// In small letters, and a hyphen for what dpkg does not allow in a package's name.
std::string in_package_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    if (is_upper(c))
      name += static_cast<char>(c - 'A' + 'a');
    else
      name += is_lower(c) || is_digit(c) || c == '+' || c == '.' ? c : '-';
  }
  return name;
}

// A text from a patch or a kernel as it may stand on a line of a control file: nothing ends the line.
std::string one_line(std::string_view text) {
  std::string line(text);
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return line;
}

struct File {
  std::span<const std::uint8_t> bytes;
  unsigned mode = 0644;
};
std::span<const std::uint8_t> bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// One archive of libarchive's, into memory.
class Writer {
 public:
  explicit Writer(std::int64_t time)
      : time_(time), archive_(archive_write_new()), entry_(archive_entry_new()) {}
  struct archive* get() {
    return archive_.get();
  }
  bool open() {
    archive_write_set_bytes_per_block(get(), 0);
    return archive_ && entry_ &&
           archive_write_open(get(), &out_, nullptr, append, nullptr) == ARCHIVE_OK;
  }
  bool add(const std::string& name, unsigned mode, std::span<const std::uint8_t> content) {
    struct archive_entry* const entry = entry_.get();
    archive_entry_clear(entry);
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_filetype(entry, name.ends_with('/') ? AE_IFDIR : AE_IFREG);
    archive_entry_set_perm(entry, mode);
    archive_entry_set_mtime(entry, time_, 0);
    archive_entry_set_uid(entry, 0);
    archive_entry_set_gid(entry, 0);
    archive_entry_set_uname(entry, "root");
    archive_entry_set_gname(entry, "root");
    archive_entry_set_size(entry, static_cast<la_int64_t>(content.size()));
    return archive_write_header(get(), entry) == ARCHIVE_OK &&
           (content.empty() || archive_write_data(get(), content.data(), content.size()) ==
                                   static_cast<la_ssize_t>(content.size()));
  }
  Result<Output> close() {
    if (archive_write_close(get()) != ARCHIVE_OK) return failed();
    return std::move(out_);
  }
  Failure failed() {
    const char* why = archive_ ? archive_error_string(get()) : nullptr;
    return fail(ExitCode::error, "deb-write",
                fmt::format("cannot write the Debian package: {}", why ? why : "no memory"))
        .hint("free memory and try again");
  }

 private:
  std::int64_t time_;
  Output out_;
  std::unique_ptr<struct archive, ArchiveFree> archive_;
  std::unique_ptr<struct archive_entry, EntryFree> entry_;
};

// "a/b/c": "./", "./a/", "./a/b/", "./a/b/c"; dpkg wants folders before what is in them.
Result<Output> tar_xz(const std::map<std::string, File>& files, std::int64_t time) {
  std::map<std::string, File> all = {{"./", {{}, 0755}}};
  for (const auto& [path, file] : files) {
    for (std::size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1))
      all["./" + path.substr(0, slash + 1)] = {{}, 0755};
    all["./" + path] = file;
  }
  Writer writer(time);
  archive_write_set_format_gnutar(writer.get());
  archive_write_add_filter_xz(writer.get());
  if (!writer.open()) return writer.failed();
  for (const auto& [path, file] : all)
    if (!writer.add(path, file.mode, file.bytes)) return writer.failed();
  return writer.close();
}

Result<Output> gzip(std::string_view text) {
  Writer writer(0);
  archive_write_set_format_raw(writer.get());
  archive_write_add_filter_gzip(writer.get());
  archive_write_set_filter_option(writer.get(), "gzip", "compression-level", "9");
  archive_write_set_filter_option(writer.get(), "gzip", "timestamp", nullptr);
  if (!writer.open() || !writer.add("text", 0644, bytes(text))) return writer.failed();
  return writer.close();
}

Result<std::string> md5_hex(std::span<const std::uint8_t> content) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_Digest(content.data(), content.size(), digest, &size, EVP_md5(), nullptr) != 1)
    return fail(ExitCode::error, "deb-write",
                "libcrypto computes no MD5, which dpkg has for the files of a package")
        .hint("leave FIPS mode to make the package, or write the update without --deb");
  return fmt::format("{:02x}", fmt::join(digest, digest + size, ""));
}

// Each line of the long description; a full stop stands for an empty one, and what begins with two blanks stays as it
// is.
std::string description(const Manifest& manifest) {
  std::string text =
      fmt::format("live update {} of Linux {}\n", manifest.name, one_line(manifest.kernel.release));
  text +=
      " Installing this package puts an update into the running kernel, and back into\n"
      " it at each boot; removing it takes the update out again. While another kernel\n"
      " runs, it is kept for the boot of its own. It is for this build:\n"
      " .\n";
  text += fmt::format("  {}\n", one_line(manifest.kernel.version));
  if (!manifest.fixes.empty()) {
    text += " .\n It fixes:\n .\n";
    for (const std::string& cve : manifest.fixes) text += fmt::format("  {}\n", one_line(cve));
  }
  text += " .\n It was made from:\n .\n";
  for (const auto& patch : manifest.patches) text += fmt::format("  {}\n", one_line(patch.title));
  if (!manifest.parts_left_out.empty()) {
    text += " .\n Of these patches, this is left out:\n .\n";
    for (const std::string& part : manifest.parts_left_out)
      text += fmt::format("  {}\n", one_line(part));
  }
  return text;
}

std::string control(const DebInput& input, const std::string& name, std::size_t size) {
  const std::string release = in_package_name(input.manifest.kernel.release);
  return fmt::format(
      "Package: {}\nVersion: {}\nArchitecture: amd64\nMaintainer: {}\nInstalled-Size: {}\n"
      "Depends: splice\nEnhances: linux-image-{}\nProvides: splice-update\nSection: kernel\n"
      "Priority: optional\nDescription: {}",
      name, input.version, one_line(input.maintainer), (size + 1023) / 1024, release,
      description(input.manifest));
}

std::string postinst(const std::string& name) {
  return fmt::format(
      "#!/bin/sh\nset -e\ncase \"$1\" in\n"
      "  configure | abort-upgrade | abort-remove | abort-deconfigure)\n"
      "    \"${{DPKG_ROOT:-}}/usr/lib/splice/update-package\" configure {} ;;\nesac\n",
      name);
}
std::string prerm(const std::string& name) {
  return fmt::format(
      "#!/bin/sh\nset -e\nprogram=${{DPKG_ROOT:-}}/usr/lib/splice/update-package\n"
      "if [ \"$1\" = remove ] && [ -x \"$program\" ]; then\n  \"$program\" remove {}\nfi\n",
      name);
}

std::string changelog(const DebInput& input, const std::string& name) {
  return fmt::format(
      "{} ({}) unstable; urgency=high\n\n  * Update {}: {}.\n\n -- {}  {:%a, %d %b %Y %H:%M:%S} "
      "+0000\n",
      name, input.version, input.manifest.id, input.manifest.name, one_line(input.maintainer),
      fmt::gmtime(static_cast<std::time_t>(input.time)));
}

constexpr const char* kCopyright =
    "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
    "Comment: made by splice-create from patches to the Linux kernel, which are in update.tar.\n\n"
    "Files: *\nCopyright: 1991 and later, the authors of the Linux kernel, of the patches and of "
    "Splice\n"
    "License: GPL-2\n On Debian systems, the text of the licence is in\n"
    " /usr/share/common-licenses/GPL-2.\n";

}  // namespace

bool is_deb_version(std::string_view text) {
  constexpr std::size_t kMost = 128;
  return !text.empty() && text.size() <= kMost && is_digit(text[0]) && text.back() != '-' &&
         std::ranges::all_of(text, [](char c) {
           return is_digit(c) || is_lower(c) || is_upper(c) || c == '.' || c == '+' || c == '~' ||
                  c == '-';
         });
}

std::string default_deb_version(const Manifest& manifest) {
  constexpr std::string_view kWord = "Debian ";
  const std::string& text = manifest.kernel.version;
  if (const std::size_t at = text.find(kWord); at != std::string::npos) {
    const std::size_t begin = at + kWord.size();
    std::string version = text.substr(begin, text.find(' ', begin) - begin) + "+1";
    if (is_deb_version(version)) return version;
  }
  return "1";
}

std::string deb_package_name(const Manifest& manifest) {
  return fmt::format("splice-update-{}-{}", in_package_name(manifest.name),
                     in_package_name(manifest.kernel.release));
}

std::string deb_file_name(const Manifest& manifest, const std::string& version) {
  return fmt::format("{}_{}_amd64.deb", deb_package_name(manifest), version);
}

Result<std::vector<std::uint8_t>> make_deb(const DebInput& input) {
  const std::string name = deb_package_name(input.manifest);
  const std::string folder = kUpdates + name + "/";
  const std::string doc = "usr/share/doc/" + name + "/";
  const auto changes = gzip(changelog(input, name));
  if (!changes) return propagate(changes);
  const std::string id =
      fmt::format("{} {}\n", input.manifest.id, one_line(input.manifest.kernel.release));
  std::map<std::string, File> files = {
      {folder + "id", {bytes(id)}},
      {folder + "update.tar", {input.tar}},
      {doc +
           (input.version.find('-') == std::string::npos ? "changelog.gz" : "changelog.Debian.gz"),
       {*changes}},
      {doc + "copyright", {bytes(kCopyright)}}};
  if (!input.signature.empty()) files[folder + "update.tar.sig"] = {bytes(input.signature)};

  std::string sums;
  std::size_t size = 0;
  for (const auto& [path, file] : files) {
    const auto sum = md5_hex(file.bytes);
    if (!sum) return propagate(sum);
    sums += fmt::format("{}  {}\n", *sum, path);
    size += file.bytes.size();
  }
  const std::string fields = control(input, name, size);
  const std::string installs = postinst(name);
  const std::string removes = prerm(name);
  const auto about = tar_xz({{"control", {bytes(fields)}},
                             {"md5sums", {bytes(sums)}},
                             {"postinst", {bytes(installs), 0755}},
                             {"prerm", {bytes(removes), 0755}}},
                            input.time);
  if (!about) return propagate(about);
  const auto data = tar_xz(files, input.time);
  if (!data) return propagate(data);

  Writer deb(input.time);
  archive_write_set_format_ar_bsd(deb.get());
  if (!deb.open() || !deb.add("debian-binary", 0644, bytes("2.0\n")) ||
      !deb.add("control.tar.xz", 0644, *about) || !deb.add("data.tar.xz", 0644, *data))
    return deb.failed();
  return deb.close();
}

}  // namespace splicer
