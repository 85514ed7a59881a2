// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/live/device_holder.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"

namespace splicer {
namespace {

class DeviceHolder : public testing::Test {
 protected:
  DeviceHolder() {
    folder_.write("proc/12/comm", "init\n");
    folder_.link("proc/12/fd/0", "/dev/null");
    folder_.write("proc/812/comm", "splice-apply\n");
    folder_.link("proc/812/fd/3", "/dev/splice");
    folder_.link("proc/self/fd/3", "/dev/splice");
  }
  std::string holder(const std::string& device = "/dev/splice") const {
    return device_holder(device, folder_ / "proc", folder_ / "sys").value_or("nobody");
  }
  TemporaryFolder folder_;
};

TEST_F(DeviceHolder, IsNamed) {
  EXPECT_EQ(holder(), "pid 812 (splice-apply)");
  EXPECT_EQ(holder("/dev/other"), "nobody");
}

TEST_F(DeviceHolder, NobodyHoldsTheModule) {
  folder_.write("sys/module/splice/refcnt", "0\n");
  EXPECT_EQ(holder(), "nobody");
  folder_.write("sys/module/splice/refcnt", "2\n");
  EXPECT_EQ(holder(), "pid 812 (splice-apply)");
}

TEST_F(DeviceHolder, AProcessThatIsGone) {
  EXPECT_EQ(device_holder("/dev/splice", folder_ / "none", folder_ / "none"), std::nullopt);
}

}  // namespace
}  // namespace splicer
