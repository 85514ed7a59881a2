// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/package/package.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "runtime/package/tarball.h"
#include "tests/support/sample_package.h"
#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

using nlohmann::json;

std::vector<std::uint8_t> sample_tar() {
  Package package = sample_package();
  return write_package(package).value();
}

// A sample whose members a test spoils after it was written.
std::vector<std::uint8_t> spoilt(const std::function<void(Members&)>& spoil) {
  Members members = unpack_tar(sample_tar(), "sample").value();
  spoil(members);
  return pack_tar(members).value();
}

std::vector<std::uint8_t> with_manifest(const std::function<void(json&)>& spoil) {
  return spoilt([&](Members& members) {
    json manifest = json::parse(members["manifest.json"]);
    spoil(manifest);
    members["manifest.json"] = bytes_of(manifest.dump());
  });
}

std::string code_of(std::vector<std::uint8_t> tar) {
  const auto package = parse_package(std::move(tar), "x.tar");
  if (package) return "";
  EXPECT_EQ(package.error().exit, ExitCode::bad_package);
  EXPECT_EQ(package.error().file, "x.tar");
  return package.error().code;
}

TEST(Package, RoundTrip) {
  Package written = sample_package();
  const auto tar = write_package(written);
  ASSERT_TRUE(tar) << tar.error().message;
  EXPECT_EQ(written.manifest.id.size(), kIdPlaceholder.size());
  const auto package = parse_package(*tar, "x.tar");
  ASSERT_TRUE(package) << package.error().message;
  EXPECT_EQ(package->members, written.members);
  EXPECT_EQ(package->manifest.id, written.manifest.id);
  EXPECT_EQ(package->manifest.targets[1].functions[0].name, "tun_get");
}

// What the patches are called and which kernel they are for does not count; what is in them does.
TEST(Package, TheFixIsThatOfThePatches) {
  const auto fix_of = [](const std::function<void(Package&)>& change) {
    Package package = sample_package();
    change(package);
    EXPECT_TRUE(write_package(package));
    return package.manifest.fix_id;
  };
  const std::string plain = fix_of([](Package&) {});
  EXPECT_EQ(fix_of([](Package& package) {
              package.manifest.kernel.release = "6.12.0-1-amd64";
              package.manifest.name = "x";
              package.manifest.patches[0] = {"patch/0001-other.patch", "another title"};
              auto patch = package.members.extract("patch/0001-fix.patch");
              patch.key() = "patch/0001-other.patch";
              package.members.insert(std::move(patch));
            }),
            plain);
  EXPECT_NE(fix_of([](Package& package) { package.members["patch/0001-fix.patch"].push_back(10); }),
            plain);
  EXPECT_EQ(code_of(with_manifest([](json& m) { m["fix_id"] = "0000000000000000"; })),
            "package-id");
}

TEST(Package, SameContentSameFile) {
  EXPECT_EQ(sample_tar(), sample_tar());
  // An id that was there before plays no part.
  Package package = sample_package();
  package.manifest.id = "ffffffffffffffff";
  EXPECT_EQ(*write_package(package), sample_tar());
}

TEST(Package, OtherContentOtherId) {
  Package one = sample_package();
  Package other = sample_package();
  other.members["new/tun.ko"][0] ^= 1;
  ASSERT_TRUE(write_package(one));
  ASSERT_TRUE(write_package(other));
  EXPECT_NE(one.manifest.id, other.manifest.id);
}

TEST(Package, WriterRefusesWhatReaderWould) {
  Package package = sample_package();
  package.members.erase("new/tun.ko");
  EXPECT_EQ(write_package(package).error().code, "package-manifest");
  package = sample_package();
  package.members["manifest.json"] = {};
  EXPECT_EQ(write_package(package).error().code, "package-member-duplicate");
  package = sample_package();
  package.manifest.targets[0].functions[0].unit = "../x";
  EXPECT_EQ(write_package(package).error().code, "package-manifest");
}

TEST(Package, TruncatedAtEveryBlock) {
  const auto tar = sample_tar();
  for (std::size_t size = 0; size < tar.size(); size += 512)
    EXPECT_EQ(code_of({tar.begin(), tar.begin() + static_cast<std::ptrdiff_t>(size)}),
              "package-truncated")
        << size;
}

TEST(Package, EveryByteOfEveryMemberCounts) {
  EXPECT_EQ(code_of(spoilt([](Members& m) { m["new/vmlinux.ko"][2999] = 1; })),
            "package-member-digest");
  EXPECT_EQ(code_of(spoilt([](Members& m) { m["new/vmlinux.ko"].push_back(0); })),
            "package-member-size");
  EXPECT_EQ(code_of(spoilt([](Members& m) { m.erase("new/vmlinux.ko"); })), "package-truncated");
  EXPECT_EQ(code_of(spoilt([](Members& m) { m["more"] = {1}; })), "package-manifest");
}

TEST(Package, ManifestMustBeThereAndBeJson) {
  EXPECT_EQ(code_of(spoilt([](Members& m) { m.erase("manifest.json"); })), "package-manifest");
  for (const std::string& text : {std::string(), std::string("{"), std::string("[]"),
                                  std::string("{}{}"), std::string("{\"schema\":1e999}"),
                                  std::string("{\"a\":\"\xff\"}"), std::string(100000, '[')})
    EXPECT_EQ(code_of(spoilt([&](Members& m) { m["manifest.json"] = bytes_of(text); })),
              "package-manifest")
        << text.substr(0, 20);
}

TEST(Package, DeepJsonIsRefused) {
  std::string many = "{\"a\":[0";
  for (unsigned i = 0; i < (1U << 20); i++) many += ",0";
  many += "]}";
  EXPECT_EQ(code_of(spoilt([&](Members& m) { m["manifest.json"] = bytes_of(many); })),
            "package-manifest");
  const std::string deep = "{\"a\":" + std::string(200000, '[') + std::string(200000, ']') + "}";
  EXPECT_EQ(code_of(spoilt([&](Members& m) { m["manifest.json"] = bytes_of(deep); })),
            "package-manifest");
}

TEST(Package, IdIsThatOfTheContent) {
  EXPECT_EQ(code_of(with_manifest([](json& m) { m["id"] = "0123456789abcdef"; })), "package-id");
  EXPECT_EQ(code_of(with_manifest([](json& m) { m["warnings"] = json::array(); })), "package-id");
  // Fields that are not known count too: nobody adds anything unseen.
  EXPECT_EQ(code_of(with_manifest([](json& m) { m["more"] = 1; })), "package-id");
}

TEST(Package, Schema) {
  EXPECT_EQ(code_of(with_manifest([](json& m) { m["schema"] = 9; })), "package-schema");
}

TEST(Package, TableOfMembers) {
  EXPECT_EQ(code_of(with_manifest([](json& m) { m.erase("members"); })), "package-manifest");
  EXPECT_EQ(code_of(with_manifest([](json& m) { m["members"] = 1; })), "package-manifest");
  EXPECT_EQ(code_of(with_manifest([](json& m) { m["members"][0].erase("sha256"); })),
            "package-manifest");
  EXPECT_EQ(code_of(with_manifest([](json& m) { m["members"][0]["name"] = "../x"; })),
            "package-manifest");
  EXPECT_EQ(code_of(with_manifest([](json& m) { m["members"].push_back(m["members"][0]); })),
            "package-member-duplicate");
  EXPECT_EQ(code_of(with_manifest([](json& m) { m["members"][0]["size"] = 1ull << 60; })),
            "package-member-size");
}

TEST(Package, UsesOnlyItsMembers) {
  EXPECT_EQ(code_of(with_manifest([](json& m) { m["core"] = "core/other.ko"; })),
            "package-manifest");
}

class PackageFile : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return (directory_ / name).string(); }
  TemporaryFolder directory_;
};

TEST_F(PackageFile, IsRead) {
  const auto tar = sample_tar();
  directory_.write("x.tar", {reinterpret_cast<const char*>(tar.data()), tar.size()});
  EXPECT_TRUE(read_package(path("x.tar")));
}

TEST_F(PackageFile, MayBeMissingOrNoFile) {
  EXPECT_EQ(read_package(path("none.tar")).error().code, "file-unreadable");
  EXPECT_EQ(read_package(path("")).error().code, "file-unreadable");
  EXPECT_EQ(read_package("/dev/zero").error().code, "file-unreadable");
}

TEST_F(PackageFile, LargerThanAPackageIsNotRead) {
  directory_.write("huge.tar", "x");
  std::filesystem::resize_file(path("huge.tar"), kMaxPackageBytes + 1);  // sparse
  EXPECT_EQ(read_package(path("huge.tar")).error().code, "package-member-size");
}

}  // namespace
}  // namespace splicer
