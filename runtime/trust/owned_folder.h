// SPDX-License-Identifier: GPL-2.0-or-later
//
// A folder of the administrator's, such as /etc/splice, whose files are believed: only if nobody else could
// have written them.
//
//     auto folder = OwnedFolder::find(etc);                  // nothing, if there is none
//     auto text = (*folder)->read("splice.conf", 65536);     // nothing, if there is no such file
//     auto keys = (*folder)->folder("trusted.d");            // (*keys)->names()
//
// All is reached from the open folder and no link is followed, so that what was checked is what is read.
// That there is nothing is an answer; that something cannot be read is an error, since what it would
// have forbidden is not known.
//
// Invariant: what is returned is root's, or the user's who asks for himself, and writable by nobody else.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "matcher/base/file.h"
#include "matcher/base/result.h"

namespace splicer {

class OwnedFolder {
 public:
  // Errors of all of these: "trust-unsafe", "trust-unreadable".
  static Result<std::optional<OwnedFolder>> find(const std::string& path);
  Result<std::optional<OwnedFolder>> folder(const std::string& name) const;
  Result<std::optional<std::string>> read(const std::string& name, std::size_t limit) const;
  // Sorted.
  Result<std::vector<std::string>> names() const;

  std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  OwnedFolder(UniqueFd descriptor, std::string path)
      : descriptor_(std::move(descriptor)), path_(std::move(path)) {}
  static Result<std::optional<OwnedFolder>> open(int above, const std::string& name,
                                                 const std::string& path);
  UniqueFd descriptor_;
  std::string path_;
};

}  // namespace splicer
