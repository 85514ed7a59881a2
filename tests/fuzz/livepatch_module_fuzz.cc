// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any bytes as the frame, and as the new code, of an otherwise right update: no module, or always the same one.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "tests/support/sample_livepatch.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const char* member : {"livepatch/frame.o", "new/vmlinux.ko", "new/tun.ko"}) {
    splicer::SampleLivepatch update;
    update.write_members();
    update.package.members[member].assign(data, data + size);
    const auto first = update.make_of_members();
    if (!first && (first.error().code.empty() || first.error().message.empty())) std::abort();
    const auto second = update.make_of_members();
    if (first.has_value() != second.has_value() || (first && *first != *second)) std::abort();
  }
  return 0;
}
