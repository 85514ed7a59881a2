// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/elf/module_name.h"

#include <algorithm>

namespace splicer {

std::string module_name_of(const std::filesystem::path& file) {
  std::string name = file.filename().string();
  name.resize(std::min(name.size(), name.find('.')));
  std::ranges::replace(name, '-', '_');
  return name;
}

}  // namespace splicer
