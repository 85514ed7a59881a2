// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/base/ownership.h"

#include <sys/stat.h>
#include <unistd.h>

namespace splicer {

const char* why_not_ours(int descriptor, mode_t type) {
  struct stat status {};
  if (fstat(descriptor, &status) != 0) return "cannot be looked at";
  if ((status.st_mode & S_IFMT) != type)
    return type == S_IFDIR ? "is no folder" : "is no regular file";
  if (status.st_uid != geteuid() && status.st_uid != 0) return "is somebody else's";
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) return "can be written by others";
  return nullptr;
}

}  // namespace splicer
