// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any bytes as a kernel image, and as the payload of one: refused, or ELF of a bounded size.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "matcher/image/bzimage.h"
#include "tests/support/kernel_samples.h"

namespace {

constexpr std::size_t kLimit = 8u << 20;

void try_file(splicer::Bytes file) {
  const auto kernel = splicer::unpack_kernel(file, "fuzz", kLimit);
  if (kernel && (kernel->size() > kLimit || kernel->size() <= 4)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try_file({data, size});
  try_file(splicer::bzimage_of({data, data + size}));
  return 0;
}
