// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/base/decompress.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/core.h>

#include <memory>

namespace splicer {

namespace {

Failure malformed(const std::string& what) {
  return fail(ExitCode::error, "compressed-malformed", what)
      .hint("give a whole file, compressed with gzip, bzip2, lzma, xz, lz4 or zstd");
}

bool support_filters(archive* reader) {
  for (const auto support : {archive_read_support_filter_gzip, archive_read_support_filter_bzip2,
                             archive_read_support_filter_lzma, archive_read_support_filter_xz,
                             archive_read_support_filter_lz4, archive_read_support_filter_zstd})
    if (support(reader) != ARCHIVE_OK) return false;
  return true;
}

}  // namespace

Result<std::vector<std::uint8_t>> decompress(Bytes data, const std::string& what,
                                             std::size_t limit) {
  const std::unique_ptr<archive, int (*)(archive*)> reader(archive_read_new(), archive_read_free);
  archive_entry* entry = nullptr;
  if (!reader || !support_filters(reader.get()) ||
      archive_read_support_format_raw(reader.get()) != ARCHIVE_OK ||
      archive_read_open_memory(reader.get(), data.data(), data.size()) != ARCHIVE_OK ||
      archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK)
    return malformed(what + " is compressed in an unknown way");
  std::vector<std::uint8_t> out;
  std::vector<std::uint8_t> piece(1 << 20);
  for (;;) {
    const la_ssize_t got = archive_read_data(reader.get(), piece.data(), piece.size());
    if (got == 0) return out;
    if (got < 0) return malformed(what + " is damaged");
    if (static_cast<std::size_t>(got) > limit - out.size())
      return malformed(fmt::format("{} unpacks to more than {} bytes", what, limit));
    out.insert(out.end(), piece.begin(), piece.begin() + got);
  }
}

}  // namespace splicer
