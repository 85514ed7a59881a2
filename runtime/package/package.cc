// SPDX-License-Identifier: GPL-2.0-or-later
//
// An update package as a whole: the manifest, the table of members in it, and the id over both.
//
// The manifest's "members" lists name, size and SHA-256 of all other members, so a digest over the
// manifest without its "id" is one over the entire content. It is taken over the JSON as this code
// would print it (sorted keys, no spaces), not as it is in the file: two files of one meaning
// have one id.
#include "runtime/package/package.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "matcher/base/file.h"
#include "matcher/base/safe_path.h"
#include "matcher/base/wording.h"
#include "runtime/package/digest.h"
#include "runtime/package/json_reader.h"
#include "runtime/package/tarball.h"

namespace splicer {

namespace {

using nlohmann::json;

constexpr const char* kManifest = "manifest.json";
constexpr std::size_t kMaxManifest = 16u << 20;

Failure refuse(const char* code, std::string message, const std::string& file) {
  return fail(ExitCode::bad_package, code, std::move(message))
      .at_file(file)
      .hint("get the package again, or make it again with splice-create");
}

// What the id is derived from.
std::string canonical(json manifest) {
  manifest.erase("id");
  return manifest.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string derive_id(const json& manifest) {
  const std::string text = canonical(manifest);
  return sha256_hex(text).substr(0, kIdPlaceholder.size());
}

// Whatever they are called and wherever they are meant for. The patches are members.
std::string derive_fix_id(const Manifest& manifest, const Members& members) {
  std::vector<std::string> digests;
  for (const PackagePatch& patch : manifest.patches)
    digests.push_back(sha256_hex(members.at(patch.member)));
  std::ranges::sort(digests);
  return sha256_hex(fmt::format("{}\n", fmt::join(digests, "\n"))).substr(0, kIdPlaceholder.size());
}

json members_table(const Members& members) {
  json table = json::array();
  for (const auto& [name, bytes] : members)
    table.push_back({{"name", name}, {"size", bytes.size()}, {"sha256", sha256_hex(bytes)}});
  return table;
}

// Every row of the table has its member, of that size and digest, and no member is left over.
Result<void> check_members(const json& manifest, const Members& members, const std::string& file) {
  const auto table = manifest.find("members");
  if (table == manifest.end() || !table->is_array())
    return refuse("package-manifest", "manifest.json: members is not a list", file);
  std::set<std::string> named;
  for (const json& row : *table) {
    const bool well_formed = row.is_object() && row.contains("name") && row["name"].is_string() &&
                             row.contains("size") && row["size"].is_number_unsigned() &&
                             row.contains("sha256") && row["sha256"].is_string();
    if (!well_formed || !is_safe_path(row["name"].get_ref<const std::string&>()))
      return refuse("package-manifest", "manifest.json: a row of members is malformed", file);
    const auto& name = row["name"].get_ref<const std::string&>();
    if (!named.insert(name).second)
      return refuse("package-member-duplicate", fmt::format("the manifest names {} twice", name),
                    file);
    const auto member = members.find(name);
    if (member == members.end())
      return refuse("package-truncated", fmt::format("member {} is missing", name), file);
    const std::vector<std::uint8_t>& bytes = member->second;
    if (row["size"].get<std::uint64_t>() != bytes.size()) {
      return refuse("package-member-size",
                    fmt::format("member {} has {}, the manifest says {}", name,
                                counted(bytes.size(), "byte"), row["size"].get<std::uint64_t>()),
                    file);
    }
    if (row["sha256"].get_ref<const std::string&>() != sha256_hex(bytes)) {
      return refuse("package-member-digest",
                    fmt::format("member {} was changed after the package was made: its SHA-256 "
                                "differs",
                                name),
                    file)
          .hint(fmt::format("compare sha256sum {} with the sender's, and get the package again",
                            file));
    }
  }
  for (const auto& [name, bytes] : members)
    if (!named.contains(name))
      return refuse("package-manifest", fmt::format("the manifest does not name member {}", name),
                    file);
  return {};
}

// Every member that the manifest uses is in the package.
Result<void> check_uses(const Package& package, const std::string& file) {
  std::vector<std::string> used;
  for (const PackagePatch& patch : package.manifest.patches) used.push_back(patch.member);
  for (const PackageTarget& target : package.manifest.targets) {
    used.push_back(target.new_member);
    for (const PackageUnit& unit : target.units) used.push_back(unit.pre);
  }
  for (const std::string& member :
       {package.manifest.core, package.manifest.frame, package.manifest.livepatch})
    if (!member.empty()) used.push_back(member);
  for (const std::string& name : used)
    if (!package.members.contains(name))
      return refuse("package-manifest",
                    fmt::format("manifest.json uses {}, which is not a member", name), file);
  return {};
}

}  // namespace

Result<std::vector<std::uint8_t>> write_package(Package& package) {
  if (package.members.contains(kManifest))
    return refuse("package-member-duplicate",
                  "a package to be written must not bring its own manifest.json", kManifest);
  package.manifest.id = package.manifest.fix_id = kIdPlaceholder;
  if (auto whole = check_uses(package, kManifest); !whole) return propagate(whole);
  package.manifest.fix_id = derive_fix_id(package.manifest, package.members);
  json manifest = manifest_json(package.manifest);
  manifest["members"] = members_table(package.members);
  package.manifest.id = derive_id(manifest);
  manifest["id"] = package.manifest.id;

  // A name that is not UTF-8 becomes U+FFFD when printed: the id is that of what is printed.
  const std::string text = manifest.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
  Members members = package.members;
  std::vector<std::uint8_t>& bytes = members[kManifest];
  bytes.assign(text.begin(), text.end());
  auto tar = pack_tar(members);
  if (!tar) return tar;
  // What is written can be read: the reader's checks hold for the writer too.
  if (auto again = parse_package(*tar, "the new package"); !again) return propagate(again);
  return tar;
}

Result<Package> parse_package(std::vector<std::uint8_t> tar, const std::string& name) {
  auto members = unpack_tar(tar, name);
  if (!members) return propagate(members);
  const auto found = members->find(kManifest);
  if (found == members->end())
    return refuse("package-manifest",
                  "the archive has no manifest.json: it is not an update package", name);
  if (found->second.size() > kMaxManifest)
    return refuse("package-member-size", "manifest.json is larger than a manifest can be", name);
  const auto document = parse_json_object(
      {reinterpret_cast<const char*>(found->second.data()), found->second.size()});
  if (!document) return refuse("package-manifest", "manifest.json is not a JSON object", name);
  members->erase(found);

  auto manifest = parse_manifest(*document, name);
  if (!manifest) return propagate(manifest);
  Package package{std::move(*manifest), std::move(*members)};
  if (auto good = check_members(*document, package.members, name); !good) return propagate(good);
  if (auto good = check_uses(package, name); !good) return propagate(good);
  if (derive_fix_id(package.manifest, package.members) != package.manifest.fix_id)
    return refuse("package-id", "the package's fix_id is not that of its patches", name);
  if (const std::string id = derive_id(*document); id != package.manifest.id) {
    return refuse("package-id",
                  fmt::format("the package says its id is {}, but its content has the id {}",
                              package.manifest.id, id),
                  name);
  }
  return package;
}

Result<std::vector<std::uint8_t>> read_package_file(const std::string& path) {
  const auto unreadable = [&](const std::string& message) {
    return fail(ExitCode::error, "file-unreadable", message)
        .at_file(path)
        .hint("name the file that splice-create wrote");
  };
  if (path == "-") {
    Contents piped = read_contents(STDIN_FILENO, kMaxPackageBytes);
    if (piped.error == 0) return std::move(piped.bytes);
    return unreadable(fmt::format("the package cannot be read from standard input: {}",
                                  std::strerror(piped.error)));
  }
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!file || fstat(file.get(), &status) != 0)
    return unreadable(fmt::format("the package cannot be read: {}", std::strerror(errno)));
  if (!S_ISREG(status.st_mode)) return unreadable("the package is not a regular file");
  Contents contents;
  if (static_cast<std::uint64_t>(status.st_size) <= kMaxPackageBytes)
    contents = read_contents(file.get(), kMaxPackageBytes);
  else
    contents.error = EFBIG;
  if (contents.error == EFBIG) {
    return refuse("package-member-size",
                  fmt::format("the file has {} bytes; a package has at most {}", status.st_size,
                              kMaxPackageBytes),
                  path);
  }
  if (contents.error != 0)
    return unreadable(fmt::format("the package cannot be read: {}", std::strerror(contents.error)));
  return std::move(contents.bytes);
}

Result<Package> read_package(const std::string& path) {
  auto bytes = read_package_file(path);
  if (!bytes) return propagate(bytes);
  return parse_package(std::move(*bytes), path);
}

}  // namespace splicer
