// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/name_search.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "matcher/base/parallel.h"
#include "splice-cc/headers/header_pieces.h"
#include "splice-cc/headers/token_pasting.h"

namespace splicer {

namespace {

constexpr std::size_t kMostNames = 4000;  // then nearly everything is meant: not worth the search

using Words = std::unordered_set<std::string_view>;

// Names to look for, and all the words that a macro could make one of.
class Wanted {
 public:
  // Gives whether it is new.
  bool add(const std::string& name) {
    if (name.empty() || !names_.insert(name).second) return false;
    fresh_.push_back(name);
    return true;
  }
  bool too_many() const { return names_.size() > kMostNames; }

  // Works out by which words the names that were added since may be mentioned.
  void learn(const MacroParts& in_macros) {
    parts_ = &in_macros;
    for (const std::string& name : fresh_) {
      words_.insert(name);
      const std::string_view whole = name;
      for (std::size_t begin = 0; begin < whole.size(); ++begin) {
        if (begin != 0 && !in_macros.contains(std::string(whole.substr(0, begin)))) continue;
        for (std::size_t end = begin + 1; end <= whole.size(); ++end)
          if (end == whole.size() || in_macros.contains(std::string(whole.substr(end))))
            words_.insert(std::string(whole.substr(begin, end - begin)));
      }
      for (std::size_t i = 1; i < whole.size(); ++i)
        halves_[std::string(whole.substr(0, i))].insert(std::string(whole.substr(i)));
      std::vector<std::string> words;
      for (const MacroParts::Chain& chain : in_macros.chains())
        learn_splits(whole, chain, 0, words);
    }
    fresh_.clear();
  }

  // Is any name among these words, or made of them?
  bool mentioned_in(const Words& words) const {
    // Whoever has a name put together of many pieces calls a macro that does it.
    const bool chains = std::any_of(words.begin(), words.end(), [&](std::string_view word) {
      return parts_ != nullptr && parts_->is_chaining(word);
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
  // `words` stand for its parameters so far.
  void learn_splits(std::string_view rest, const MacroParts::Chain& chain, std::size_t at,
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

  const MacroParts* parts_ = nullptr;
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

// What a patched header's change is called; nothing if no name tells it.
std::optional<std::set<std::string>> changed_names(const HeaderChange& change) {
  const auto before = cut_header(change.before);
  const auto after = cut_header(change.after);
  if (!before || !after) return std::nullopt;
  std::set<std::string> names;
  std::map<std::string_view, int> balance;
  for (const Piece& piece : *before) --balance[piece.text];
  for (const Piece& piece : *after) ++balance[piece.text];
  const auto changed = [&](const Piece& piece) { return balance[piece.text] != 0; };
  const auto add = [&](const Piece& piece) {
    names.insert(piece.names.begin(), piece.names.end());
    return !piece.anonymous;
  };
  std::vector<const Piece*> kept_before;
  std::vector<const Piece*> kept_after;
  for (const auto& [pieces, kept] :
       {std::pair(&*before, &kept_before), std::pair(&*after, &kept_after)}) {
    for (const Piece& piece : *pieces) {
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

// Those of `sources` that what changes in `origins` may reach; nothing if that is too much to tell.
// `changes` are all, whose texts are both read.
std::optional<std::set<std::string>> search(const std::vector<HeaderChange>& origins,
                                            const std::vector<HeaderChange>& changes,
                                            const std::set<std::string>& sources,
                                            const IncludeGraph& graph, const ReadSource& read,
                                            unsigned jobs) {
  Wanted wanted;
  // Files of which more is meant than names tell: they reach all that read them.
  std::set<std::string> spoilt;
  for (const HeaderChange& change : origins) {
    if (const auto names = changed_names(change)) {
      for (const std::string& name : *names) wanted.add(name);
    } else {
      spoilt.insert(change.path);
    }
  }
  // All that any of the sources may read, themselves among them.
  const std::set<std::string> all = graph.read_by(sources);
  const std::set<std::string> included = graph.included(all);
  const std::vector<std::string> files(all.begin(), all.end());

  MacroParts parts;
  for (bool more = true; more;) {
    more = false;
    std::mutex mutex;
    const MacroParts known = parts;
    for_each_in_threads(files.size(), jobs, [&](std::size_t i) {
      const auto text = read(files[i]);
      if (!text) return;
      MacroParts here;
      here.learn(*text, known);
      const std::lock_guard guard(mutex);
      more = parts.merge(here) || more;
    });
  }

  // So does a file whose own text, outside of any declaration, mentions a name.
  for (bool more = true; more;) {
    if (wanted.too_many()) return std::nullopt;
    wanted.learn(parts);
    std::mutex mutex;

    std::vector<Piece> meant;
    for_each_in_threads(files.size(), jobs, [&](std::size_t i) {
      const std::string& path = files[i];
      if (!included.contains(path)) return;
      std::vector<std::string> texts;
      for (const HeaderChange& change : changes)
        if (change.path == path) texts = {change.before, change.after};
      if (texts.empty())
        if (auto text = read(path)) texts.push_back(std::move(*text));
      for (const std::string& text : texts) {
        if (!wanted.mentioned_in(words_of(text))) continue;
        auto pieces = cut_header(text);
        const std::lock_guard guard(mutex);
        if (!pieces) {
          spoilt.insert(path);
          continue;
        }
        for (Piece& piece : *pieces) {
          if (!wanted.mentioned_in({piece.mentions.begin(), piece.mentions.end()})) continue;
          if (piece.anonymous) {
            spoilt.insert(path);
          } else {
            meant.push_back(std::move(piece));
          }
        }
      }
    });
    more = false;
    for (const Piece& piece : meant)
      for (const std::string& name : piece.names) more = wanted.add(name) || more;
  }

  std::set<std::string> reached;
  for (const std::string& path : graph.reached_from(spoilt))
    if (sources.contains(path)) reached.insert(path);
  const std::vector<std::string> list(sources.begin(), sources.end());
  std::mutex mutex;
  for_each_in_threads(list.size(), jobs, [&](std::size_t i) {
    const auto text = read(list[i]);
    if (text && !wanted.mentioned_in(words_of(*text)) && !spoilt.contains(list[i])) return;
    const std::lock_guard guard(mutex);
    reached.insert(list[i]);
  });
  return reached;
}

}  // namespace

std::set<std::string> reached_by_name(const std::vector<HeaderChange>& changes,
                                      const std::set<std::string>& sources,
                                      const IncludeGraph& graph, const ReadSource& read,
                                      unsigned jobs) {
  if (auto found = search(changes, changes, sources, graph, read, jobs)) return std::move(*found);
  // One header may mean too much where few read it. What uses a change mentions a name that comes
  // from one header or another, so each is looked at by itself, among those that read it.
  std::set<std::string> reached;
  for (const HeaderChange& change : changes) {
    std::set<std::string> readers;
    for (std::string& path : graph.reached_from({change.path}))
      if (sources.contains(path)) readers.insert(std::move(path));
    auto found =
        changes.size() == 1 ? std::nullopt : search({change}, changes, readers, graph, read, jobs);
    reached.merge(found ? *found : readers);
  }
  return reached;
}

}  // namespace splicer
