// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/image/image.h"

#include <algorithm>

namespace splicer {

Result<void> Image::read_from_view(RunAddress address, std::span<std::uint8_t> out,
                                   const char* missing, const char* hint) const {
  const Bytes there = view(address, out.size());
  if (there.size() < out.size())
    return fail(ExitCode::error, "image-read", missing).at_address(address).hint(hint);
  std::ranges::copy(there, out.begin());
  return {};
}

}  // namespace splicer
