// SPDX-License-Identifier: GPL-2.0-or-later
//
// Who is at work in the kernel: the process that has /dev/splice open.
//
//     device_holder("/dev/splice")        "pid 812 (splice-apply)"
//
// It is asked before the device is opened, because an open of a device that is in a call waits in the
// kernel until that is over, where no signal that is held back is heard (mutex_lock_killable() in
// kmod/device.c).
//
// Invariant: nothing is opened or stopped here. A process of another PID namespace is not seen.
#pragma once

#include <optional>
#include <string>

namespace splicer {

// Another process that has the file open, or nothing. `proc` is "/proc" but for tests. Takes a
// readlink(2) for each open file of the machine, unless the core module is held by nobody at all.
std::optional<std::string> device_holder(const std::string& device,
                                         const std::string& proc = "/proc",
                                         const std::string& sys = "/sys");

}  // namespace splicer
