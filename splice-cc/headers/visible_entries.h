// SPDX-License-Identifier: GPL-2.0-or-later
//
// Visible entries: the name index of a tree as a search sees it, with patched files in the versions
// that matter instead of the tree's own, with what only these include, and without what none of the
// sources can read.
//
//     VisibleEntries entries(index, graph, sources, versions, jobs);
//     for (const VisibleEntry& entry : entries.mentioning("ip6_dst_hold")) entry.path();
//
// Invariant: what it leaves out of the index is no text that compiling a source can read.
// Cost: the files of `versions` are cut and indexed; the index itself is not copied.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "splice-cc/headers/mentions.h"
#include "splice-cc/headers/name_index.h"

namespace splicer {

struct VisibleEntry {
  const NameIndex* index = nullptr;
  NameIndex::Number number = 0;

  std::string_view path() const { return index->path(index->file_of(number)); }
  bool is(NameIndex::Number flag) const { return (index->flags_of(number) & flag) != 0; }
  std::vector<std::string_view> names() const {
    std::vector<std::string_view> names;
    for (const NameIndex::Number word : index->names_of(number))
      names.push_back(index->text_of(word));
    return names;
  }
};

// A file and its text in one version.
struct FileVersion {
  std::string path;
  std::optional<std::string> text;  // nothing if it cannot be read
  // With the patch that is looked at. Its macros change, so what they join is found by their names.
  bool is_after = false;
};

class VisibleEntries {
 public:
  // `index` must outlive it. `versions` stand in place of the files of these paths in it; `read`
  // gives all other texts.
  VisibleEntries(const NameIndex& index, const IncludeGraph& graph,
                 const std::set<std::string>& sources, std::vector<FileVersion> versions,
                 const ReadSource& read, unsigned jobs);
  VisibleEntries(const VisibleEntries&) = delete;
  VisibleEntries& operator=(const VisibleEntries&) = delete;

  // An entry may be there more than once.
  std::vector<VisibleEntry> mentioning(std::string_view name) const;
  std::vector<VisibleEntry> naming(std::string_view word) const;
  // Files that could not be read.
  std::vector<std::string> unread() const;

 private:
  struct Part {
    const NameIndex* index = nullptr;
    std::vector<char> visible;  // by file
    std::unique_ptr<Mentions> mentions;
  };
  void learn_pasting_of(const NameIndex& index, const std::vector<FileVersion>& versions,
                        const ReadSource& read, unsigned jobs);

  std::optional<NameIndex> patched_;
  TokenPasting pasting_;
  std::vector<Part> parts_;
};

}  // namespace splicer
