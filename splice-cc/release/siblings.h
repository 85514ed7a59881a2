// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which other changes of a release a part of it needs to compile and to link. The compiler names what is missing,
// and the hunks that bring it are those that define or declare that name:
//
//     fs/exec.c:940:15: error: implicit declaration of function 'exe_file_deny_write_access'
//         the hunk of include/linux/fs.h with a line "+static inline int exe_file_deny_write_access("
//     net/ipv6/route.c:99:9: error: too few arguments to function 'f'
//         the hunks of net/ipv6/route.c that mention f, and the one that declares it
//
// Invariant: only hunks are chosen whose changed lines have a name from the messages, and, where these do not
// suffice, the rest of the headers that they are of. Cost: linear in the hunks, for each name.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "splice-cc/source/hunks.h"

namespace splicer {

// What one message complains of.
struct Complaint {
  enum class Kind {
    name,        // it is missing, or is another than the use of it takes it for
    member,      // of the structure `structure`
    header,      // a file that is not there: "linux/new.h"
    tracepoint,  // its arguments are others
    parameter,   // a structure that a pointer to a function with other parameters names
    shown,  // a member in a line of source that is complained of, which may have another type now
  };
  Kind kind = Kind::name;
  std::string file;  // that the message is about, if it says so
  std::string name;
  std::string structure;
};

// Of messages of gcc, and names that the kernel has no symbol of, each in a line "symbol NAME". Any text may be
// given. Linear in the text.
std::vector<Complaint> complaints_of(const std::string& messages);

// Numbers of hunks that answer the complaints and are not in `chosen`. `own`: the file that this is for; headers
// that it cannot be meant to read do not count.
std::set<std::size_t> siblings(const std::vector<Hunk>& hunks, const std::set<std::size_t>& chosen,
                               const std::string& own, const std::vector<Complaint>& complaints);

}  // namespace splicer
