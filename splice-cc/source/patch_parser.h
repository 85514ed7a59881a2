// SPDX-License-Identifier: GPL-2.0-or-later
//
// One patch, taken apart into its files: mails of git format-patch, plain `diff -u`, -p0 or -p1,
// several files in one.
//
//     --- a/kernel/fork.c        path "kernel/fork.c", as -p1; text: the hunks under a header that
//     +++ b/kernel/fork.c        names a/kernel/fork.c and b/kernel/fork.c
//     @@ -12,7 +12,9 @@
//
// Whether a path is meant with -p0 or -p1 is found by what is in the source tree. Of the hunks only
// their lengths are read; patch(1) does the rest.
//
// Invariant: every path is relative, without "..", and each file's text has exactly the lines that
// its hunks announce.
// Cost: linear in the patch; a look-up or two in the source tree for each file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "matcher/base/result.h"

namespace splicer {

struct PatchFile {
  std::string path;  // after stripping, relative to the tree
  bool added = false;
  bool removed = false;
  std::string text;  // its part of the patch, under a header of ours that names `path`
};

struct Patch {
  std::string name;   // the file's name
  std::string title;  // Subject of the mail, or the name
  std::string text;   // all of it, as given
  std::string prose;  // its lines that belong to no hunk: a mail's head and body, an advisory
  std::vector<PatchFile> files;
};

// `source`: the tree that the paths are looked up in, to tell -p0 from -p1.
// Errors: "patch-malformed", "patch-path", "patch-binary", "patch-rename".
Result<Patch> parse_patch(const std::string& text, const std::string& name,
                          const std::filesystem::path& source);

}  // namespace splicer
