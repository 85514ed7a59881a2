// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/name_search.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "matcher/base/parallel.h"
#include "splice-cc/headers/c_scanner.h"
#include "splice-cc/headers/header_pieces.h"
#include "splice-cc/headers/token_pasting.h"

namespace splicer {

namespace {

// With more, nearly everything is reached: not worth the search.
constexpr std::size_t kMostNames = 4000;

using Words = std::unordered_set<std::string_view>;

// Names to look for, and all the words that a macro could make one of.
class WantedNames {
 public:
  // True if it is new.
  bool add(const std::string& name) {
    if (name.empty() || !names_.insert(name).second) return false;
    fresh_.push_back(name);
    return true;
  }
  bool too_many() const { return names_.size() > kMostNames; }

  // Works out by which words the names that were added since may be mentioned.
  void learn(const TokenPasting& pasting) {
    pasting_ = &pasting;
    for (const std::string& name : fresh_) {
      words_.insert(name);
      const std::string_view whole = name;
      for (std::size_t begin = 0; begin < whole.size(); ++begin) {
        if (begin != 0 && !pasting.contains(std::string(whole.substr(0, begin)))) continue;
        for (std::size_t end = begin + 1; end <= whole.size(); ++end)
          if (end == whole.size() || pasting.contains(std::string(whole.substr(end))))
            words_.insert(std::string(whole.substr(begin, end - begin)));
      }
      for (std::size_t i = 1; i < whole.size(); ++i)
        halves_[std::string(whole.substr(0, i))].insert(std::string(whole.substr(i)));
      std::vector<std::string> words;
      for (const TokenPasting::Chain& chain : pasting.chains())
        learn_splits(whole, chain, 0, words);
    }
    fresh_.clear();
  }

  // Is any name among these words, or made of them?
  bool mentioned_in(const Words& words) const {
    // A file with a name that is put together of many parts calls a macro that does it.
    const bool chains = std::any_of(words.begin(), words.end(), [&](std::string_view word) {
      return pasting_ != nullptr && pasting_->is_chaining(word);
    });
    std::vector<const std::unordered_set<std::string>*> open;
    for (const std::string_view word : words) {
      const std::string text(word);
      if (words_.contains(text)) return true;
      if (const auto found = splits_.find(text);
          chains && found != splits_.end() &&
          std::any_of(found->second.begin(), found->second.end(), [&](const auto& others) {
            return std::all_of(others.begin(), others.end(),
                               [&](const std::string& other) { return words.contains(other); });
          }))
        return true;
      if (const auto half = halves_.find(text); half != halves_.end())
        open.push_back(&half->second);
    }
    return std::any_of(open.begin(), open.end(), [&](const auto* rests) {
      return std::any_of(words.begin(), words.end(),
                         [&](std::string_view word) { return rests->contains(std::string(word)); });
    });
  }

 private:
  // All ways in which the rest of a name is what a macro puts together, from its chain[at] on.
  // `words`: what its parameters are so far.
  void learn_splits(std::string_view rest, const TokenPasting::Chain& chain, std::size_t at,
                    std::vector<std::string>& words) {
    if (at == chain.size()) {
      if (!rest.empty()) return;
      for (std::size_t key = 0; key < words.size(); ++key) {
        std::vector<std::string> others;
        for (std::size_t i = 0; i < words.size(); ++i)
          if (i != key) others.push_back(words[i]);
        splits_[words[key]].push_back(std::move(others));
      }
    } else if (!chain[at].empty()) {
      if (rest.starts_with(chain[at]))
        learn_splits(rest.substr(chain[at].size()), chain, at + 1, words);
    } else {
      for (std::size_t size = 1; size <= rest.size(); ++size) {
        words.emplace_back(rest.substr(0, size));
        learn_splits(rest.substr(size), chain, at + 1, words);
        words.pop_back();
      }
    }
  }

  const TokenPasting* pasting_ = nullptr;
  std::set<std::string> names_;
  std::vector<std::string> fresh_;
  std::unordered_set<std::string> words_;
  std::unordered_map<std::string, std::unordered_set<std::string>> halves_;
  // By one word of a chain: the others that must be there with it.
  std::unordered_map<std::string, std::vector<std::vector<std::string>>> splits_;
};

Words words_of(std::string_view text) {
  Words words;
  each_word(text, [&](std::string_view word) { words.insert(word); });
  return words;
}

// The names of what changes in a patched header; nothing if some of it has none.
std::optional<std::set<std::string>> changed_names(const HeaderChange& change) {
  const auto before = cut_header(change.before);
  const auto after = cut_header(change.after);
  if (!before || !after) return std::nullopt;
  std::set<std::string> names;
  std::map<std::string_view, int> balance;
  for (const HeaderPiece& piece : *before) --balance[piece.text];
  for (const HeaderPiece& piece : *after) ++balance[piece.text];
  const auto changed = [&](const HeaderPiece& piece) { return balance[piece.text] != 0; };
  const auto add = [&](const HeaderPiece& piece) {
    names.insert(piece.names.begin(), piece.names.end());
    return !piece.anonymous;
  };
  std::vector<const HeaderPiece*> kept_before;
  std::vector<const HeaderPiece*> kept_after;
  for (const auto& [pieces, kept] :
       {std::pair(&*before, &kept_before), std::pair(&*after, &kept_after)}) {
    for (const HeaderPiece& piece : *pieces) {
      if (!changed(piece)) {
        kept->push_back(&piece);
      } else if (!add(piece)) {
        return std::nullopt;
      }
    }
  }
  // What only moved may have been moved across something that it means.
  for (std::size_t i = 0; i < kept_before.size(); ++i)
    if (kept_before[i]->text != kept_after[i]->text &&
        !(add(*kept_before[i]) && add(*kept_after[i])))
      return std::nullopt;
  return names;
}

// One search, in the order of its functions. `origins` are the changes that it starts from,
// `changes` all of the patch: of their headers both texts are read.
class NameSearch {
 public:
  NameSearch(const std::vector<HeaderChange>& origins, const std::vector<HeaderChange>& changes,
             const std::set<std::string>& sources, const IncludeGraph& graph,
             const ReadSource& read, unsigned jobs)
      : changes_(changes), sources_(sources), graph_(graph), read_(read), jobs_(jobs) {
    for (const HeaderChange& change : origins) {
      if (const auto names = changed_names(change)) {
        for (const std::string& name : *names) wanted_.add(name);
      } else {
        nameless_.insert(change.path);
      }
    }
    // All that any of the sources may read, themselves among them.
    const std::set<std::string> all = graph.read_by(sources);
    files_.assign(all.begin(), all.end());
    included_ = graph.included(all);
  }

  // Those of `sources` that the origins may reach; nothing if too many names are wanted.
  std::optional<std::set<std::string>> run() {
    learn_pasting();
    for (bool more = true; more;) {
      if (wanted_.too_many()) return std::nullopt;
      wanted_.learn(pasting_);
      more = spread();
    }
    return reached();
  }

 private:
  // How macros put names together, until no text has anything new.
  void learn_pasting() {
    for (bool more = true; more;) {
      more = false;
      std::mutex mutex;
      const TokenPasting known = pasting_;
      for_each_in_threads(files_.size(), jobs_, [&](std::size_t i) {
        const auto text = read_(files_[i]);
        if (!text) return;
        TokenPasting here;
        here.learn(*text, known);
        const std::lock_guard guard(mutex);
        more = pasting_.merge(here) || more;
      });
    }
  }

  // Wants the names of all pieces of headers that mention a wanted name. True if some are new.
  bool spread() {
    std::mutex mutex;
    std::set<std::string> found;
    for_each_in_threads(files_.size(), jobs_, [&](std::size_t i) {
      const std::string& path = files_[i];
      if (!included_.contains(path)) return;
      for (const std::string& text : texts_of(path)) {
        if (!wanted_.mentioned_in(words_of(text))) continue;
        auto pieces = cut_header(text);
        const std::lock_guard guard(mutex);
        if (!pieces) {
          nameless_.insert(path);
          continue;
        }
        for (HeaderPiece& piece : *pieces) {
          if (!wanted_.mentioned_in({piece.mentions.begin(), piece.mentions.end()})) continue;
          if (piece.anonymous) {
            nameless_.insert(path);
          } else {
            found.insert(piece.names.begin(), piece.names.end());
          }
        }
      }
    });
    bool more = false;
    for (const std::string& name : found) more = wanted_.add(name) || more;
    return more;
  }

  // A patched header's both versions, or the text of any other file.
  std::vector<std::string> texts_of(const std::string& path) const {
    for (const HeaderChange& change : changes_)
      if (change.path == path) return {change.before, change.after};
    if (auto text = read_(path)) return {std::move(*text)};
    return {};
  }

  std::set<std::string> reached() const {
    std::set<std::string> reached;
    for (const std::string& path : graph_.reached_from(nameless_))
      if (sources_.contains(path)) reached.insert(path);
    const std::vector<std::string> list(sources_.begin(), sources_.end());
    std::mutex mutex;
    for_each_in_threads(list.size(), jobs_, [&](std::size_t i) {
      const auto text = read_(list[i]);
      if (text && !wanted_.mentioned_in(words_of(*text)) && !nameless_.contains(list[i])) return;
      const std::lock_guard guard(mutex);
      reached.insert(list[i]);
    });
    return reached;
  }

  const std::vector<HeaderChange>& changes_;
  const std::set<std::string>& sources_;
  const IncludeGraph& graph_;
  const ReadSource& read_;
  unsigned jobs_;
  std::vector<std::string> files_;
  std::set<std::string> included_;  // those of files_ that some file includes
  WantedNames wanted_;
  TokenPasting pasting_;
  // Files of which more is meant than names: they reach all that read them. Changed headers with a
  // change that has no name, and headers that mention a wanted name outside of any declaration.
  std::set<std::string> nameless_;
};

}  // namespace

std::set<std::string> search_by_name(const std::vector<HeaderChange>& changes,
                                     const std::set<std::string>& sources,
                                     const IncludeGraph& graph, const ReadSource& read,
                                     unsigned jobs) {
  if (auto found = NameSearch(changes, changes, sources, graph, read, jobs).run())
    return std::move(*found);
  // One header may mean too much where few read it. What uses a change mentions a name that comes
  // from one header or another, so each is looked at by itself, among those that read it.
  std::set<std::string> reached;
  for (const HeaderChange& change : changes) {
    std::set<std::string> readers;
    for (std::string& path : graph.reached_from({change.path}))
      if (sources.contains(path)) readers.insert(std::move(path));
    std::optional<std::set<std::string>> found;
    if (changes.size() > 1) found = NameSearch({change}, changes, readers, graph, read, jobs).run();
    reached.merge(found ? *found : readers);
  }
  return reached;
}

}  // namespace splicer
