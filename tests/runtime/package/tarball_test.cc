// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/package/tarball.h"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <numeric>

namespace splicer {
namespace {

const Members kMembers{{"b", {1, 2, 3}}, {"a/deep/name", std::vector<std::uint8_t>(1000, 7)}};

TEST(Tarball, Example) {
  const std::vector<std::uint8_t> code = {0xc3};
  const std::vector<std::uint8_t> text = {'{', '}'};
  // [example runtime/package/tarball.h]
  auto bytes = pack_tar({{"new/vmlinux.ko", code}, {"manifest.json", text}});
  auto members = unpack_tar(*bytes, "splice-ID.tar");
  // [end]
  EXPECT_EQ(members->at("new/vmlinux.ko"), code);
  EXPECT_EQ(members->at("manifest.json"), text);
}

// An archive as a stranger would write it: each step may set anything.
using Entry = std::function<void(archive_entry*)>;

std::vector<std::uint8_t> foreign_tar(const std::vector<Entry>& entries) {
  std::vector<std::uint8_t> out(1 << 20);
  std::size_t used = 0;
  archive* writer = archive_write_new();
  archive_write_set_format_pax_restricted(writer);
  archive_write_open_memory(writer, out.data(), out.size(), &used);
  for (const Entry& fill : entries) {
    archive_entry* entry = archive_entry_new();
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_size(entry, 0);
    fill(entry);
    archive_write_header(writer, entry);
    archive_entry_free(entry);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  out.resize(used);
  return out;
}

std::string code_of(const std::vector<std::uint8_t>& tar) {
  const auto members = unpack_tar(tar, "x.tar");
  if (members) return "";
  EXPECT_EQ(members.error().exit, ExitCode::bad_package);
  EXPECT_EQ(members.error().file, "x.tar");
  EXPECT_FALSE(members.error().advice.empty());
  return members.error().code;
}

// Writes the checksum of the header block at `offset` anew (POSIX ustar: the sum of all bytes with
// the field itself as spaces).
void mend_checksum(std::vector<std::uint8_t>& tar, std::size_t offset) {
  std::uint8_t* header = tar.data() + offset;
  std::memset(header + 148, ' ', 8);
  const unsigned sum = std::accumulate(header, header + 512, 0u);
  std::snprintf(reinterpret_cast<char*>(header) + 148, 8, "%06o", sum);
}

TEST(Tarball, RoundTrip) {
  const auto tar = pack_tar(kMembers);
  ASSERT_TRUE(tar);
  const auto members = unpack_tar(*tar, "x.tar");
  ASSERT_TRUE(members) << members.error().message;
  EXPECT_EQ(*members, kMembers);
}

TEST(Tarball, EmptyArchiveIsWhole) {
  const auto tar = pack_tar({});
  ASSERT_TRUE(tar);
  EXPECT_EQ(code_of(*tar), "");
}

TEST(Tarball, SameMembersSameBytes) { EXPECT_EQ(*pack_tar(kMembers), *pack_tar(kMembers)); }

TEST(Tarball, LongNamesSurvive) {
  const Members members{{std::string(120, 'd') + "/" + std::string(130, 'f'), {9}}};
  const auto tar = pack_tar(members);
  ASSERT_TRUE(tar);
  EXPECT_EQ(*unpack_tar(*tar, "x.tar"), members);
}

TEST(Tarball, TruncatedAnywhereIsRefused) {
  const auto tar = pack_tar(kMembers);
  ASSERT_TRUE(tar);
  for (std::size_t size = 0; size < tar->size(); size += 64) {
    std::vector<std::uint8_t> part(tar->begin(), tar->begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_EQ(code_of(part), "package-truncated") << size;
  }
}

TEST(Tarball, TrailingGarbageIsRefused) {
  auto tar = *pack_tar(kMembers);
  tar.insert(tar.end(), 511, 0);
  tar.push_back(1);
  EXPECT_EQ(code_of(tar), "package-truncated");
}

TEST(Tarball, SecondArchiveBehindIsRefused) {
  auto tar = *pack_tar(kMembers);
  const auto second = tar;
  tar.insert(tar.end(), second.begin(), second.end());
  EXPECT_EQ(code_of(tar), "package-truncated");
}

TEST(Tarball, PathsThatLeaveAreRefused) {
  for (const char* path :
       {"/etc/passwd", "../up", "a/../../b", "a/..", "./a", "a//b", "a\\b", "bell\a", "a/./b"})
    EXPECT_EQ(
        code_of(foreign_tar({[&](archive_entry* e) { archive_entry_set_pathname(e, path); }})),
        "package-member-path")
        << path;
}

TEST(Tarball, DuplicateIsRefused) {
  const Entry a = [](archive_entry* e) { archive_entry_set_pathname(e, "a"); };
  EXPECT_EQ(code_of(foreign_tar({a, a})), "package-member-duplicate");
}

TEST(Tarball, OnlyRegularFiles) {
  const auto named = [](auto set) {
    return std::vector<Entry>{[set](archive_entry* e) {
      archive_entry_set_pathname(e, "a");
      set(e);
    }};
  };
  EXPECT_EQ(code_of(foreign_tar(named([](archive_entry* e) {
              archive_entry_set_filetype(e, AE_IFLNK);
              archive_entry_set_symlink(e, "/etc/passwd");
            }))),
            "package-member-type");
  EXPECT_EQ(code_of(foreign_tar(
                named([](archive_entry* e) { archive_entry_set_hardlink(e, "/etc/passwd"); }))),
            "package-member-type");
  for (const unsigned type : {AE_IFCHR, AE_IFBLK, AE_IFIFO})
    EXPECT_EQ(
        code_of(foreign_tar(named([&](archive_entry* e) { archive_entry_set_filetype(e, type); }))),
        "package-member-type");
}

TEST(Tarball, DirectoryIsRefused) {
  const std::string code = code_of(foreign_tar({[](archive_entry* e) {
    archive_entry_set_pathname(e, "a");
    archive_entry_set_filetype(e, AE_IFDIR);
  }}));
  EXPECT_TRUE(code == "package-member-path" || code == "package-member-type") << code;
}

TEST(Tarball, SizesThatLieAreRefusedBeforeMemoryIsTaken) {
  auto tar = *pack_tar({{"a", {1}}});
  // 8 GiB - 1 in the size field of the header: 11 octal digits at offset 124.
  std::memcpy(tar.data() + 124, "77777777777", 11);
  mend_checksum(tar, 0);
  EXPECT_EQ(code_of(tar), "package-member-size");
  std::memcpy(tar.data() + 124, "00001000000", 11);  // 256 KiB, in a file of 2 KiB
  mend_checksum(tar, 0);
  EXPECT_EQ(code_of(tar), "package-truncated");
}

TEST(Tarball, CompressedOrOtherFilesAreNoArchive) {
  std::vector<std::uint8_t> noise(4096);
  std::iota(noise.begin(), noise.end(), std::uint8_t{0});
  EXPECT_EQ(code_of(noise), "package-truncated");
  noise[0] = 0x1f;  // gzip
  noise[1] = 0x8b;
  EXPECT_EQ(code_of(noise), "package-truncated");
}

TEST(Tarball, PackRefusesWhatUnpackWould) {
  EXPECT_EQ(pack_tar({{"../a", {}}}).error().code, "package-member-path");
  EXPECT_EQ(pack_tar({{"", {}}}).error().code, "package-member-path");
}

}  // namespace
}  // namespace splicer
