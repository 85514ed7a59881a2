// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/name_search.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_set>
#include <utility>

#include "splice-cc/headers/c_scanner.h"
#include "splice-cc/headers/header_pieces.h"
#include "splice-cc/headers/new_includes.h"
#include "splice-cc/headers/visible_entries.h"

namespace splicer {

namespace {

// With more, nearly everything is reached: not worth the search.
constexpr std::size_t kMostNames = 50000;

// What of a header changes: names, and #include lines, in either version.
struct ChangedPieces {
  bool nameless = false;  // some of it has no name
  std::set<std::string, std::less<>> names;
  std::vector<IncludeChange> includes;
};

ChangedPieces changed_pieces(const HeaderChange& change) {
  ChangedPieces changed;
  const auto before = cut_header(change.before);
  const auto after = cut_header(change.after);
  if (!before || !after) {
    changed.nameless = without_comments(change.before) != without_comments(change.after);
    return changed;
  }
  std::map<std::string_view, int> balance;
  for (const HeaderPiece& piece : *before) --balance[piece.text];
  for (const HeaderPiece& piece : *after) ++balance[piece.text];
  // What only moved may have been moved across something that it means.
  const auto same = [&](const HeaderPiece& piece) { return balance[piece.text] == 0; };
  std::vector<std::string_view> order;
  for (const HeaderPiece& piece : *before)
    if (same(piece)) order.push_back(piece.text);
  std::size_t kept = 0;
  std::set<std::string_view> moved;
  for (const HeaderPiece& piece : *after)
    if (same(piece) && piece.text != order[kept++]) moved.insert({piece.text, order[kept - 1]});
  for (const auto& [version, pieces] :
       {std::pair(&change.before, &*before), std::pair(&change.after, &*after)}) {
    std::size_t includes = 0;
    for (const HeaderPiece& piece : *pieces) {
      const std::size_t above = includes;
      if (piece.kind == PieceKind::include) ++includes;
      if (same(piece) && !moved.contains(piece.text)) continue;
      if (!piece.include.empty()) {
        changed.includes.push_back({change.path, piece.include, *version, above});
      } else if (piece.anonymous) {
        changed.nameless = true;
      } else {
        changed.names.insert(piece.names.begin(), piece.names.end());
      }
    }
  }
  return changed;
}

// One search. Each name is looked up once, when it comes in.
class NameSearch {
 public:
  NameSearch(const SearchedTree& tree, const std::vector<HeaderChange>& changes,
             const std::set<std::string>& sources)
      : tree_(tree),
        sources_(sources),
        entries_(tree.index, tree.graph, sources, versions(tree, changes), tree.read, tree.jobs) {
    std::map<std::string, std::string> changed;
    for (const HeaderChange& change : changes) changed.emplace(change.path, change.after);
    for (const HeaderChange& change : changes)
      start_from(changed_pieces(change), change.path, changed);
  }

  std::set<std::string> run() {
    while (!todo_.empty()) {
      if (wanted_.size() > kMostNames) return sources_;
      const std::string name = std::move(todo_.back());
      todo_.pop_back();
      for (const VisibleEntry& entry : entries_.mentioning(name)) reach(entry);
    }
    for (const std::string& path : nameless_) reach_source(path);
    for (const std::string& path : tree_.graph.reached_from(nameless_)) reach_source(path);
    for (const std::string& path : entries_.unread()) reach_source(path);
    return std::move(reached_);
  }

 private:
  static std::vector<FileVersion> versions(const SearchedTree& tree,
                                           const std::vector<HeaderChange>& changes) {
    std::vector<FileVersion> versions;
    std::set<std::string> changed;
    for (const HeaderChange& change : changes) {
      versions.push_back({change.path, change.before});
      versions.push_back({change.path, change.after, true});
      changed.insert(change.path);
    }
    for (const std::string& path : tree.differing)
      if (!changed.contains(path)) versions.push_back({path, tree.read(path)});
    return versions;
  }

  void start_from(const ChangedPieces& changed, const std::string& path,
                  const std::map<std::string, std::string>& all_changed) {
    if (changed.nameless) nameless_.insert(path);
    for (const std::string& name : changed.names) want(name);
    if (changed.includes.empty()) return;
    const IncludeEffect effect =
        effect_of_includes(changed.includes, {entries_, tree_.graph, tree_.read, all_changed});
    if (effect.unknown) nameless_.insert(path);
    for (const std::string& name : effect.names) want(name);
    for (const VisibleEntry& entry : effect.entries) reach(entry);
    for (const std::string& source : effect.readers_of) reach_source(source);
    for (const std::string& source : tree_.graph.reached_from(effect.readers_of))
      reach_source(source);
  }

  void want(std::string_view name) {
    if (!name.empty() && wanted_.emplace(name).second) todo_.emplace_back(name);
  }

  void reach_source(std::string_view path) {
    if (const std::string source(path); sources_.contains(source)) reached_.insert(source);
  }

  // An entry whose meaning may change.
  void reach(const VisibleEntry& entry) {
    if (!seen_[entry.index].insert(entry.number).second) return;
    if (entry.is(NameIndex::kWhole)) {
      reach_source(entry.path());
    } else if (entry.is(NameIndex::kAnonymous)) {
      nameless_.emplace(entry.path());
    } else {
      for (const std::string_view name : entry.names()) want(name);
    }
  }

  const SearchedTree& tree_;
  const std::set<std::string>& sources_;
  VisibleEntries entries_;
  std::unordered_set<std::string> wanted_;
  std::vector<std::string> todo_;
  std::map<const NameIndex*, std::unordered_set<NameIndex::Number>> seen_;
  // Files of which more is meant than names: they reach all that read them. Changed headers with a
  // change that has no name, and headers that mention a wanted name outside of any declaration.
  std::set<std::string> nameless_;
  std::set<std::string> reached_;
};

}  // namespace

bool changes_code(const HeaderChange& change) {
  const ChangedPieces changed = changed_pieces(change);
  return changed.nameless || !changed.names.empty() || !changed.includes.empty();
}

std::set<std::string> search_by_name(const SearchedTree& tree,
                                     const std::vector<HeaderChange>& changes,
                                     const std::set<std::string>& sources) {
  return NameSearch(tree, changes, sources).run();
}

}  // namespace splicer
