// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/elf/module_name.h"

#include <gtest/gtest.h>

namespace splicer {
namespace {

TEST(ModuleName, Example) {
  // [values matcher/elf/module_name.h]
  EXPECT_EQ(module_name_of("kernel/drivers/net/virtio-net.ko.xz"), "virtio_net");
  EXPECT_EQ(module_name_of("drivers/net/tun.o"), "tun");
  // [end]
}

TEST(ModuleName, OfTheFileAlone) {
  EXPECT_EQ(module_name_of("some-directory.d/a-b-c.ko"), "a_b_c");
  EXPECT_EQ(module_name_of("tun"), "tun");
  EXPECT_EQ(module_name_of("directory/"), "");
}

}  // namespace
}  // namespace splicer
