// SPDX-License-Identifier: GPL-2.0-or-later
//
// Names from a package that are put together with a directory to a path.
//
//     is_safe_path("pre/kernel/fork.o")      true
//     is_safe_path("../fork.o")              false
//     is_safe_path("/fork.o")                false
//     is_safe_path("a//b")                   false
#pragma once

#include <cstddef>
#include <string_view>

namespace splicer {

inline constexpr std::size_t kMaxSafePath = 255;

// A relative path of printable ASCII without backslashes, at most kMaxSafePath long, whose
// components are neither empty nor "." nor "..": it never leads out of the directory it is put
// behind, and a terminal shows it as it is.
bool is_safe_path(std::string_view path);

}  // namespace splicer
