// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/base/safe_path.h"

#include <algorithm>

namespace splicer {

bool is_safe_path(std::string_view path) {
  if (path.empty() || path.size() > kMaxSafePath) return false;
  if (std::ranges::any_of(path, [](char c) { return c < 0x20 || c >= 0x7f || c == '\\'; }))
    return false;
  while (true) {
    const std::size_t slash = path.find('/');
    const std::string_view component = path.substr(0, slash);
    if (component.empty() || component == "." || component == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace splicer
