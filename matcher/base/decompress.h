// SPDX-License-Identifier: GPL-2.0-or-later
//
// Undoes the compression in which kernels and modules are shipped.
//
//     auto module = decompress(bytes, "the file", 1 << 30);    // of tun.ko.xz
//
// What compressed the data is recognised from the data. Only the filters that libarchive has built
// in are enabled, never all of them: for some it starts a program, which a hostile file must not do.
//
// Invariant: no more than `limit` bytes come out, whatever goes in.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "matcher/base/bytes.h"
#include "matcher/base/result.h"

namespace splicer {

// The whole of `data` is one compressed stream: gzip, bzip2, lzma, xz, lz4 or zstd. `what` is the
// subject of an error's sentence ("the file" in "the file is damaged"). Errors: "compressed-malformed"; also when it
// unpacks to more than `limit` bytes.
Result<std::vector<std::uint8_t>> decompress(Bytes data, const std::string& what,
                                             std::size_t limit);

}  // namespace splicer
