// SPDX-License-Identifier: GPL-2.0-or-later
//
// The list of objects that a sweep works on, and the image that it works on.
//
// A list has one line an object, as sweep-units prints it: "TARGET UNIT PATH".
//
// Invariant: the objects are in the order of the file, so that runs repeat.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "matcher/base/command_line.h"
#include "matcher/base/result.h"
#include "matcher/image/image.h"

namespace splicer {

struct ListedObject {
  std::string target;
  std::string unit;
  std::string path;
};

struct ListedKernel {
  std::vector<ListedObject> objects;
  std::unique_ptr<Image> image;
};

// The options and the argument that open_listed() reads, of a command for kernel files only.
void add_listed_options(Command& command);

// What a command line names: the list (its argument "list"), and --image: "live", or a kernel file
// together with those modules of --modules (lib/modules/REL) that the list is about and those that
// they need (modules.dep). Errors: "usage", and those of opening the files.
Result<ListedKernel> open_listed(const Command& command);

}  // namespace splicer
