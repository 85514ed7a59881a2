// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any bytes as the store's state and as its marker: refused by code, or the same again when written.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "runtime/store/installed.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto installed = splicer::parse_installed(text, "state.json")) {
    const auto again = splicer::parse_installed(splicer::installed_text(*installed), "again");
    if (!again || *again != *installed) std::abort();
  } else if (installed.error().code != "store-malformed") {
    std::abort();
  }
  if (const auto marker = splicer::parse_marker(text, "applying.json")) {
    const auto again = splicer::parse_marker(splicer::marker_text(*marker), "again");
    if (!again || *again != *marker) std::abort();
  } else if (marker.error().code != "store-malformed") {
    std::abort();
  }
  return 0;
}
