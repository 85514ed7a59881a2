// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/new_includes.h"

#include <algorithm>
#include <map>

#include "splice-cc/headers/c_scanner.h"
#include "splice-cc/headers/header_pieces.h"
#include "splice-cc/headers/sure_includes.h"

namespace splicer {

namespace {

// A header with so many readers at most is looked at by its readers, one with more by names.
constexpr std::size_t kFewReaders = 50;

bool is_once(const HeaderPiece& piece) {
  return piece.kind == PieceKind::directive && piece.text.ends_with("pragma once");
}

// The words that decide what a piece is where it stands. The text of a macro is read where it is
// used.
std::set<std::string, std::less<>> decisive_words(const HeaderPiece& piece) {
  if (piece.kind != PieceKind::macro) return piece.mentions;
  std::set<std::string, std::less<>> words;
  // Its own line is the last one.
  const std::size_t end = piece.text.rfind('\n');
  if (end != std::string::npos)
    each_word(std::string_view(piece.text).substr(0, end),
              [&](std::string_view word) { words.emplace(word); });
  return words;
}

class Effects {
 public:
  explicit Effects(const IncludeContext& context)
      : context_(context), sure_(context.graph, context.read, context.changed) {}

  void add(const IncludeChange& change) {
    const std::set<std::string> above = sure_.above(change.path, change.text, change.above);
    std::set<std::string> known = IncludeGraph::forced();
    for (const std::string& path : above)
      if (sure_.is_read_once(path)) known.insert(path);
    const std::set<std::string> meant = context_.graph.meant_by(change.path, change.include);
    if (meant.empty()) effect_.unknown = true;
    for (const std::string& path : context_.graph.read_by(meant, known)) {
      if (effect_.unknown) return;  // all that read the header: no more to find out
      add_file(path, above);
    }
  }

  IncludeEffect take() { return std::move(effect_); }

 private:
  void add_file(const std::string& path, const std::set<std::string>& above) {
    const auto text = context_.read(path);
    if (!text) {
      // A new one is a change by itself.
      effect_.unknown = effect_.unknown || !context_.changed.contains(path);
      return;
    }
    const auto pieces = cut_header(*text);
    if (!pieces) {
      effect_.unknown = true;
      return;
    }
    for (const HeaderPiece& piece : *pieces) {
      if (is_once(piece)) continue;
      if (piece.makes_code || piece.kind == PieceKind::directive ||
          (piece.kind == PieceKind::include && piece.include.empty()))
        effect_.unknown = true;
      if (piece.kind == PieceKind::include) continue;  // what it brings is looked at by itself
      add_dependence(piece, path, above);
      // What is static cannot be declared once more.
      if (piece.kind == PieceKind::macro ||
          (piece.kind == PieceKind::value && !piece.mentions.contains("static")))
        for (const std::string& name : piece.names)
          add_mentions(name, path, piece.kind == PieceKind::macro);
    }
  }

  // A piece that depends on a macro of another file, which may be read in between.
  void add_dependence(const HeaderPiece& piece, const std::string& path,
                      const std::set<std::string>& above) {
    for (const std::string& word : decisive_words(piece)) {
      const std::vector<Definer>& all = definers(word);
      const auto is_first = [&](const Definer& one) {
        return one.path == path || above.contains(one.path) || sure_.of(path).contains(one.path);
      };
      const bool defined = std::ranges::any_of(all, is_first);
      for (const Definer& one : all) {
        // Once there is one, an #ifndef leaves it.
        if (is_first(one) || (defined && one.is_default)) continue;
        if (readers(one.path) <= kFewReaders) {
          effect_.readers_of.insert(one.path);
        } else if (piece.anonymous) {
          effect_.unknown = true;
        } else {
          effect_.names.insert(piece.names.begin(), piece.names.end());
        }
      }
    }
  }

  // A file that defines a macro.
  struct Definer {
    std::string path;
    bool is_default = false;
  };
  const std::vector<Definer>& definers(const std::string& word) {
    const auto [place, is_new] = definers_.try_emplace(word);
    if (is_new)
      for (const VisibleEntry& entry : context_.entries.naming(word))
        if (entry.is(NameIndex::kMacro | NameIndex::kWhole))
          place->second.push_back({std::string(entry.path()), entry.is(NameIndex::kDefault)});
    return place->second;
  }

  std::size_t readers(const std::string& path) {
    const auto [place, is_new] = readers_.try_emplace(path);
    if (is_new) place->second = context_.graph.reached_from({path}).size();
    return place->second;
  }

  void add_mentions(const std::string& name, const std::string& path, bool is_macro) {
    const bool everywhere = is_macro || is_declared_elsewhere(name, path);
    for (const VisibleEntry& entry : context_.entries.mentioning(name)) {
      const std::string other(entry.path());
      if (other == path || (!everywhere && !entry.is(NameIndex::kWhole))) continue;
      if (!names(entry, name) && sure_.is_read_once(path) &&
          sure_.before_code_of(other).contains(path))
        continue;
      effect_.entries.push_back(entry);
    }
  }

  static bool names(const VisibleEntry& entry, std::string_view name) {
    const std::vector<std::string_view> names = entry.names();
    return std::ranges::find(names, name) != names.end();
  }

  // As a function or a variable.
  bool is_declared_elsewhere(const std::string& name, const std::string& path) const {
    const std::vector<VisibleEntry> naming = context_.entries.naming(name);
    return std::ranges::any_of(naming, [&](const VisibleEntry& entry) {
      return entry.path() != path &&
             !entry.is(NameIndex::kMacro | NameIndex::kType | NameIndex::kWhole);
    });
  }

  const IncludeContext& context_;
  SureReads sure_;
  IncludeEffect effect_;
  std::map<std::string, std::vector<Definer>> definers_;
  std::map<std::string, std::size_t> readers_;
};

}  // namespace

IncludeEffect effect_of_includes(const std::vector<IncludeChange>& changes,
                                 const IncludeContext& context) {
  Effects effects(context);
  for (const IncludeChange& change : changes) effects.add(change);
  return effects.take();
}

}  // namespace splicer
