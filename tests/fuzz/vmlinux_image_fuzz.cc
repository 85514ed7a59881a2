// SPDX-License-Identifier: GPL-2.0-or-later
//
// Any bytes as a vmlinux: refused, or an image in which each symbol's memory can be asked for.
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "matcher/image/vmlinux_image.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size >= 4 && data[0] != 0x7f) return 0;  // what is packed is another target's
  const int fd = memfd_create("vmlinux", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != static_cast<ssize_t>(size)) std::abort();
  const auto image = splicer::open_vmlinux_image("/proc/self/fd/" + std::to_string(fd));
  close(fd);
  if (!image) return 0;
  std::array<std::uint8_t, 16> some{};
  for (const splicer::KernelSymbol& symbol : (*image)->symbols().all())
    (void)(*image)->read(symbol.address, some);
  return 0;
}
