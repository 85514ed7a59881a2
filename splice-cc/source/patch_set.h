// SPDX-License-Identifier: GPL-2.0-or-later
//
// Patches as they come: mails of git format-patch, plain `diff -u`, -p0 or -p1, several files in
// one, several patches in order.
//
//     auto patches = PatchSet::load({"0001-fix.patch", "0002-more.patch"});
//     patches->files()                        // what they change, relative to the tree
//     patches->apply(folder, &warnings);      // with patch(1); fuzz is told
//
// Applying is left to patch(1), which has seen every kind of diff; here a patch is only taken apart
// into its files, to know what it touches and to leave out what no kernel is built from. patch(1)
// chooses by rules of its own between the two names in a header; so it gets headers that we write.
//
// Invariant: every path is relative, without "..", so nothing outside the folder is ever touched,
// and patch(1) changes the files that files() names and no others.
#pragma once

#include <filesystem>
#include <set>
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
  std::vector<PatchFile> files;
};

class PatchSet {
 public:
  // `source`: the tree that the paths are looked up in, to tell -p0 from -p1.
  // Errors: "patch-unreadable", "patch-malformed", "patch-path", "patch-binary",
  // "build-rules-changed".
  static Result<PatchSet> load(const std::vector<std::string>& paths,
                               const std::filesystem::path& source);
  static Result<Patch> parse(const std::string& text, const std::string& name,
                             const std::filesystem::path& source);

  const std::vector<Patch>& patches() const { return patches_; }
  // Kernel source files that they change.
  std::set<std::string> files() const;
  // Applies all of them in `folder`. Errors: "patch-does-not-apply".
  Result<void> apply(const std::filesystem::path& folder, const std::filesystem::path& scratch,
                     std::vector<std::string>* warnings) const;

 private:
  std::vector<Patch> patches_;
};

// Documents, self-tests, samples and other architectures: no part of this kernel.
bool is_kernel_source(const std::string& path);

}  // namespace splicer
