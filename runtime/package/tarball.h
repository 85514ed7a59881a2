// SPDX-License-Identifier: GPL-2.0-or-later
//
// A tar archive in memory: members by name to bytes, and back.
//
//     auto bytes = pack_tar({{"new/vmlinux.ko", code}, {"manifest.json", text}});
//     auto members = unpack_tar(*bytes, "splice-ID.tar");
//
// Packing is deterministic: sorted names, mtime 0, owner 0, mode 0644, pax headers only where a
// name needs one. Unpacking takes nothing on trust: it writes no file, keeps no more bytes than the
// archive holds, and refuses whatever pack_tar() would not have written.
//
// Invariant: the members that unpack_tar() returns are regular files with relative names free of
// "..", each once, and the archive ends as a tar archive does: two blocks of zeros and no
// other byte behind them.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/result.h"

namespace splicer {

using Members = std::map<std::string, std::vector<std::uint8_t>>;

inline constexpr std::size_t kMaxPackageBytes = 256u << 20;
inline constexpr std::size_t kMaxMembers = 65536;

// Errors: "package-member-path", "package-member-size".
Result<std::vector<std::uint8_t>> pack_tar(const Members& members);

// `file` is used in errors. Errors (ExitCode::bad_package): "package-truncated",
// "package-member-path", "package-member-type", "package-member-duplicate", "package-member-size".
Result<Members> unpack_tar(std::span<const std::uint8_t> tar, const std::string& file);

}  // namespace splicer
