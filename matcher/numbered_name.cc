// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/numbered_name.h"

#include <cctype>

namespace splicer {

std::string unnumbered(std::string_view name) {
  std::string base(name);
  const auto strip_digits = [&base] {
    const std::size_t size = base.size();
    while (!base.empty() && std::isdigit(static_cast<unsigned char>(base.back())) != 0)
      base.pop_back();
    return base.size() != size;
  };
  bool numbered = false;
  if (strip_digits()) {
    if (base.ends_with('.')) {
      base.pop_back();
      numbered = true;
    } else if (base.starts_with("__UNIQUE_ID_")) {
      return base;
    }
  }
  if (!numbered) return {};
  if (base.starts_with("__UNIQUE_ID_")) strip_digits();
  return base;
}

}  // namespace splicer
