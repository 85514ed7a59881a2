// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/deb_package.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/sample_package.h"

namespace splicer {
namespace {

using testing::HasSubstr;

struct Member {
  std::string content;
  unsigned mode = 0;
  std::int64_t time = 0;
  bool operator==(const Member&) const = default;
};
using Archive = std::vector<std::pair<std::string, Member>>;  // in the order of the archive

// By libarchive, which dpkg does not use; tests/cli/deb_test.sh asks dpkg.
Archive unpack(std::string_view bytes) {
  struct archive* const reader = archive_read_new();
  archive_read_support_format_all(reader);
  archive_read_support_format_raw(reader);
  archive_read_support_filter_all(reader);
  EXPECT_EQ(archive_read_open_memory(reader, bytes.data(), bytes.size()), ARCHIVE_OK);
  Archive found;
  for (struct archive_entry* entry = nullptr;
       archive_read_next_header(reader, &entry) == ARCHIVE_OK;) {
    Member member;
    member.mode = archive_entry_mode(entry) & 07777;
    member.time = archive_entry_mtime(entry);
    EXPECT_EQ(archive_entry_uid(entry), 0);
    char part[4096];
    for (la_ssize_t got = 0; (got = archive_read_data(reader, part, sizeof part)) > 0;)
      member.content.append(part, static_cast<std::size_t>(got));
    found.emplace_back(archive_entry_pathname(entry), std::move(member));
  }
  archive_read_free(reader);
  return found;
}

std::vector<std::string> names(const Archive& archive) {
  std::vector<std::string> all;
  for (const auto& [name, member] : archive) all.push_back(name);
  return all;
}

Member member(const Archive& archive, const std::string& name) {
  for (const auto& [one, member] : archive)
    if (one == name) return member;
  ADD_FAILURE() << "no " << name;
  return {};
}

class DebTest : public testing::Test {
 protected:
  std::string make() const {
    const auto deb = make_deb({manifest_, tar_, signature_, version_, maintainer_, time_});
    EXPECT_TRUE(deb);
    return deb ? std::string(deb->begin(), deb->end()) : std::string();
  }
  Archive control() const { return unpack(member(unpack(make()), "control.tar.xz").content); }
  Archive data() const { return unpack(member(unpack(make()), "data.tar.xz").content); }

  Manifest manifest_ = [] {
    Manifest manifest = sample_package().manifest;
    manifest.id = "42acce30ee7d420c";
    manifest.name = "CVE-2026-1234";
    return manifest;
  }();
  std::vector<std::uint8_t> tar_ = std::vector<std::uint8_t>(70000, 7);
  std::string signature_;
  std::string version_ = "6.1.176-1+1";
  std::string maintainer_ = "Jo <jo@example.org>";
  std::int64_t time_ = 1'700'000'000;
};

TEST_F(DebTest, NamesAndVersions) {
  const Manifest& manifest = manifest_;
  // [values splice-cc/deb_package.h]
  EXPECT_EQ(default_deb_version(manifest), "6.1.176-1+1");
  EXPECT_EQ(deb_package_name(manifest), "splice-update-cve-2026-1234-6.1.0-50-cloud-amd64");
  EXPECT_EQ(deb_file_name(manifest, "2"),
            "splice-update-cve-2026-1234-6.1.0-50-cloud-amd64_2_amd64.deb");
  // [end]
  manifest_.name = "Tun_check+x.1";
  manifest_.kernel.release = "6.1.0~rc1_X";
  EXPECT_EQ(deb_package_name(manifest), "splice-update-tun-check+x.1-6.1.0-rc1-x");
  for (const char* other : {"#1 SMP", "#1 SMP Debian ", "#1 SMP Debian x1 (2026)", ""}) {
    manifest_.kernel.version = other;
    EXPECT_EQ(default_deb_version(manifest), "1") << other;
  }
  for (const char* good : {"1", "6.1.176-1+1", "1.0~rc1"})
    EXPECT_TRUE(is_deb_version(good)) << good;
  for (const char* bad : {"", "a1", "1:1", "1 2", "1/2", "1-", "1\n", "../1"})
    EXPECT_FALSE(is_deb_version(bad)) << bad;
  EXPECT_FALSE(is_deb_version(std::string(200, '1')));
}

TEST_F(DebTest, PartsAsDpkgHasThem) {
  const Archive deb = unpack(make());
  EXPECT_EQ(names(deb),
            (std::vector<std::string>{"debian-binary", "control.tar.xz", "data.tar.xz"}));
  EXPECT_EQ(member(deb, "debian-binary").content, "2.0\n");
  EXPECT_EQ(names(control()),
            (std::vector<std::string>{"./", "./control", "./md5sums", "./postinst", "./prerm"}));
  EXPECT_EQ(member(control(), "./postinst").mode, 0755U);
  const std::string folder = "./usr/lib/splice/updates/" + deb_package_name(manifest_) + "/";
  EXPECT_EQ(member(data(), folder + "id").content, "42acce30ee7d420c 6.1.0-50-cloud-amd64\n");
  EXPECT_EQ(member(data(), folder + "update.tar").content, std::string(70000, 7));
  EXPECT_EQ(member(data(), folder + "update.tar").time, 1'700'000'000);
  EXPECT_THAT(names(data()), testing::Not(testing::Contains(folder + "update.tar.sig")));
  signature_ = "the signature\n";
  EXPECT_EQ(member(data(), folder + "update.tar.sig").content, signature_);
  // Each folder before what is in it.
  std::set<std::string> seen;
  for (const std::string& name : names(data())) {
    const std::string above = name.substr(0, name.find_last_of('/', name.size() - 2) + 1);
    EXPECT_TRUE(name == "./" || seen.contains(above)) << name;
    seen.insert(name);
  }
}

TEST_F(DebTest, ScriptsNameThePackage) {
  EXPECT_THAT(
      member(control(), "./postinst").content,
      HasSubstr("update-package\" configure splice-update-cve-2026-1234-6.1.0-50-cloud-amd64 "));
  EXPECT_THAT(member(control(), "./prerm").content,
              HasSubstr("\"$program\" remove splice-update-cve-2026-1234-6.1.0-50-cloud-amd64\n"));
}

// The control file's fields are those that are written there, whatever a patch is called.
TEST_F(DebTest, TextOfOthersEndsNoLine) {
  manifest_.patches[0].title = "fork: x\nPre-Depends: evil\n\nPackage: other\r\x1b[2J";
  manifest_.kernel.version += "\nEssential: yes";
  maintainer_ = "Jo\nEssential: yes <jo@example.org>";
  manifest_.parts_left_out = {"one\n.\nConflicts: splice"};
  const std::string control = member(this->control(), "./control").content;
  std::vector<std::string> fields;
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = control.find('\n', begin)) != std::string::npos;
       begin = end + 1) {
    const std::string line = control.substr(begin, end - begin);
    ASSERT_FALSE(line.empty());
    if (line[0] != ' ') fields.push_back(line.substr(0, line.find(':')));
  }
  EXPECT_EQ(begin, control.size());
  EXPECT_EQ(fields, (std::vector<std::string>{"Package", "Version", "Architecture", "Maintainer",
                                              "Installed-Size", "Depends", "Enhances", "Provides",
                                              "Section", "Priority", "Description"}));
  EXPECT_THAT(control, HasSubstr("\n  fork: x Pre-Depends: evil  Package: other"));
}

TEST_F(DebTest, SameBytesTwice) {
  const std::string once = make();
  EXPECT_EQ(once, make());
  time_ += 1;
  EXPECT_NE(once, make());
}

}  // namespace
}  // namespace splicer
