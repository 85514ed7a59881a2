// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/visible_entries.h"

#include <unordered_set>
#include <utility>

namespace splicer {

namespace {

NameIndex index_of(const std::vector<FileVersion>& versions, const IncludeGraph& graph,
                   const std::set<std::string>& sources, unsigned jobs) {
  std::set<std::string> paths;
  for (const FileVersion& version : versions) paths.insert(version.path);
  const std::set<std::string> included = graph.included(paths);
  std::vector<IndexedFile> files;
  files.reserve(versions.size());
  for (const FileVersion& version : versions)
    files.push_back(
        {version.path, included.contains(version.path), sources.contains(version.path)});
  return NameIndex::build(
      files, [&](std::size_t i) { return versions[i].text; }, jobs);
}

}  // namespace

VisibleEntries::VisibleEntries(const NameIndex& index, const IncludeGraph& graph,
                               const std::set<std::string>& sources,
                               std::vector<FileVersion> versions, const ReadSource& read,
                               unsigned jobs)
    : pasting_(index.pasting()) {
  std::set<std::string, std::less<>> replaced;
  for (const FileVersion& version : versions) replaced.insert(version.path);
  const std::set<std::string> readable = graph.read_by(sources);
  std::unordered_set<std::string_view> indexed;
  for (NameIndex::Number i = 0; i < index.files(); ++i) indexed.insert(index.path(i));
  for (const std::string& path : readable)
    if (!indexed.contains(path) && !replaced.contains(path)) versions.push_back({path, read(path)});
  learn_pasting_of(index, versions, read, jobs);
  patched_ = index_of(versions, graph, sources, jobs);
  for (const NameIndex* one : {&index, static_cast<const NameIndex*>(&*patched_)}) {
    Part& part = parts_.emplace_back();
    part.index = one;
    part.visible.resize(one->files());
    for (NameIndex::Number i = 0; i < one->files(); ++i) {
      const std::string path(one->path(i));
      part.visible[i] =
          readable.contains(path) && (one == &*patched_ || !replaced.contains(path)) ? 1 : 0;
    }
    part.mentions = std::make_unique<Mentions>(*one, pasting_);
  }
}

// The index knows how macros join names in the files that it was made from. Where another version
// has anything new, it may bear on all others.
void VisibleEntries::learn_pasting_of(const NameIndex& index,
                                      const std::vector<FileVersion>& versions,
                                      const ReadSource& read, unsigned jobs) {
  bool more = false;
  std::vector<const FileVersion*> before;
  for (const FileVersion& version : versions) {
    if (version.is_after || !version.text) continue;
    before.push_back(&version);
    TokenPasting here;
    here.learn(*version.text, pasting_);
    more = pasting_.merge(here) || more;
  }
  if (!more) return;
  std::vector<std::string> paths;
  for (NameIndex::Number i = 0; i < index.files(); ++i) paths.emplace_back(index.path(i));
  pasting_.merge(learn_pasting(
      paths.size() + before.size(),
      [&](std::size_t i) {
        return i < paths.size() ? read(paths[i]) : before[i - paths.size()]->text;
      },
      jobs));
}

std::vector<VisibleEntry> VisibleEntries::mentioning(std::string_view name) const {
  std::vector<VisibleEntry> found;
  for (const Part& part : parts_)
    for (const NameIndex::Number entry : part.mentions->of(name))
      if (part.visible[part.index->file_of(entry)] != 0) found.push_back({part.index, entry});
  return found;
}

std::vector<VisibleEntry> VisibleEntries::naming(std::string_view word) const {
  std::vector<VisibleEntry> found;
  for (const Part& part : parts_) {
    const auto number = part.index->word(word);
    if (!number) continue;
    for (const NameIndex::Number entry : part.index->naming(*number))
      if (part.visible[part.index->file_of(entry)] != 0) found.push_back({part.index, entry});
  }
  return found;
}

std::vector<std::string> VisibleEntries::unread() const {
  std::vector<std::string> paths;
  for (const Part& part : parts_)
    for (NameIndex::Number i = 0; i < part.index->files(); ++i)
      if (part.visible[i] != 0 && part.index->is_unread(i)) paths.emplace_back(part.index->path(i));
  return paths;
}

}  // namespace splicer
