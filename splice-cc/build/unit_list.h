// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which object a source file becomes, and what that object is linked into: asked from kbuild,
// directory by directory, for this configuration.
//
//     UnitList units(kbuild);
//     units.find("drivers/net/tun.c")   -> {drivers/net/tun.o, target "tun"}
//     units.find("drivers/net/wan/x.c") -> nothing: this configuration does not build it
//
// A Makefile may name objects of directories below its own (xfs) or elsewhere (kvm:
// ../../../virt/kvm), so the answer is looked for in the file's own directory, then in those above,
// then in every directory whose Makefile looks elsewhere.
//
// Which sources of the tree are built at all is asked often, by every patch to a header, and is
// kept.
//
// Invariant: a unit that find() returns is reached by kbuild from the top folder.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "splice-cc/build/kbuild.h"
#include "splice-cc/build/unit.h"

namespace splicer {

class UnitList {
 public:
  explicit UnitList(const Kbuild& kbuild) : kbuild_(kbuild) {}

  // Nothing if this configuration does not build the source; `shared` is set where several modules
  // contain the object. Asks kbuild once a directory and tree. Errors: "kbuild-folder".
  Result<std::optional<Unit>> find(const std::string& source);

  // Every unit that kbuild reaches and whose source is a file of the tree, in the order of their
  // names; objects of several modules are left out, as an update cannot have them. Asks `jobs`
  // folders at a time, which takes minutes once a tree. Errors: "kbuild-folder".
  Result<std::vector<Unit>> all(unsigned jobs);

  // The sources of all units that kbuild reaches, those of several modules among them: every source
  // that find() knows, whatever Makefile names it. Kept in the tree's store; asks as all() does
  // when it is not there. Errors: "kbuild-folder", "file-unwritable".
  Result<std::set<std::string>> sources(unsigned jobs);
  bool has_sources() const;  // are they in the store?

 private:
  struct Folder {
    std::set<std::string> subfolders;
    std::map<std::string, Unit> units;  // by normalised object name
    std::set<std::string> twice;        // objects that several modules contain
  };
  // All folders that kbuild reaches, each behind one that names it, with the answers of all.
  struct Reached {
    std::string folder;
    std::string named_by;
  };
  Result<std::vector<Reached>> walk(unsigned jobs);
  Result<const Folder*> folder(const std::string& name);
  Result<std::string> answer(const std::string& name, bool locked) const;
  Result<bool> reached(const std::string& name);
  const std::vector<std::string>& folders_that_look_elsewhere();

  const Kbuild& kbuild_;
  std::map<std::string, Folder> folders_;
  std::map<std::string, bool> reached_;
  std::map<std::string, std::string> entry_;  // of reached folders
  std::optional<std::vector<std::string>> elsewhere_;
};

}  // namespace splicer
