// SPDX-License-Identifier: GPL-2.0-or-later
//
// A kernel module's name, from the name of its file or of its object.
//
//     module_name_of("kernel/drivers/net/virtio-net.ko.xz")      "virtio_net"
//     module_name_of("drivers/net/tun.o")                        "tun"
#pragma once

#include <filesystem>
#include <string>

namespace splicer {

// As in /proc/modules: the file's name without its endings, with "_" for "-" (scripts/Makefile.lib,
// KBUILD_MODNAME).
std::string module_name_of(const std::filesystem::path& file);

}  // namespace splicer
