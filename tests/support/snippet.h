// SPDX-License-Identifier: GPL-2.0-or-later
//
// Small objects from the real compiler, with the flags that matter of the kernel's own build.
//
//     const SnippetPair pair("int f(void) { return 1; }", "int f(void) { return 2; }");
//     EXPECT_THAT(pair.replaced(), ElementsAre("f"));
//
// Special sections come from inline assembly, as in the kernel.
#pragma once

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "splice-cc/diff/unit_diff.h"
#include "tests/support/temporary_folder.h"

namespace splicer {

// C when the name ends in .c, otherwise assembly. A text that does not compile ends the test
// program.
ElfObject compile(const std::string& text, const std::string& name = "snippet.c");

// The atom of that name; the test program ends when there is none, or more.
std::uint32_t atom_named(const AtomTable& table, const std::string& name);
std::vector<std::string> atom_names(const AtomTable& table);

// A unit's two builds, compared on demand.
class SnippetPair {
 public:
  SnippetPair(const std::string& pre, const std::string& post, const std::string& name = "unit.c",
              const std::string& target = "vmlinux");

  const UnitPair& operator*() const { return *pair_; }
  const UnitPair* operator->() const { return pair_.get(); }
  // The refusal, if one of its findings refuses.
  Result<UnitDiff> diff(const std::set<std::string>& wanted = {}) const {
    UnitDiff diff = diff_unit(*pair_, wanted);
    if (std::ranges::any_of(diff.findings, &Finding::refuse)) return refuse_findings(diff.findings);
    return diff;
  }
  std::unique_ptr<UnitPair> take() { return std::move(pair_); }
  std::vector<std::string> replaced() const;  // names
  std::vector<std::string> included() const;
  std::string why(const std::string& function) const;
  std::string refusal() const;  // the error's code, or ""
  // The name in the pre object of the atom that is the twin of this one in the post object.
  std::string twin_of(const std::string& post_name) const;

 private:
  std::unique_ptr<UnitPair> pair_;
};

}  // namespace splicer
