// SPDX-License-Identifier: GPL-2.0-or-later
//
// The list of objects that a sweep works on, and the image that it works on.
//
// A list has one line an object, as sweep-units prints it: "TARGET UNIT PATH".
//
// Invariant: what load_list() gives is in the order of the file, so that runs repeat.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "matcher/image.h"
#include "matcher/result.h"

namespace splicer {

struct ListedObject {
  std::string target;
  std::string unit;
  std::string path;
};

Result<std::vector<ListedObject>> load_list(const std::string& path);

// "live", or a kernel file together with those modules of `folder` (lib/modules/REL) that the list
// is about and those that they need (modules.dep).
Result<std::unique_ptr<Image>> open_for(const std::vector<ListedObject>& objects,
                                        const std::string& image, const std::string& folder);

}  // namespace splicer
