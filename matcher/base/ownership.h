// SPDX-License-Identifier: GPL-2.0-or-later
//
// Does a file or folder count that root is to believe? Not if somebody else could have written it.
//
//     if (const char* why = why_not_ours(fd, S_IFREG)) return untrusted(path, why);   // "is somebody else's"
#pragma once

#include <sys/types.h>

namespace splicer {

// Of an open descriptor, so that what was looked at is what is read. `type`: S_IFREG or S_IFDIR. Half a
// sentence; nullptr if it counts: it is of that type, owned by root or by who runs this, and nobody else may
// write it. (Where an access list lets somebody write, the group's bit is set: acl(5).) What cannot be
// looked at does not count.
const char* why_not_ours(int descriptor, mode_t type);

}  // namespace splicer
