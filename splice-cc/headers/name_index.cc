// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/headers/name_index.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "matcher/base/file.h"
#include "matcher/base/parallel.h"
#include "splice-cc/headers/c_scanner.h"
#include "splice-cc/headers/header_pieces.h"

namespace splicer {

namespace {

using Number = NameIndex::Number;
using Reader = std::function<std::optional<std::string>(std::size_t)>;

// Changes when what is kept changes, so that an older file is made again.
constexpr Number kFormat = 3;

// The head of the data: how many of each there are.
struct Head {
  Number format = kFormat;
  Number entries = 0;
  Number names = 0;
  Number words = 0;
  Number mentions = 0;
  Number files = 0;
  Number slots = 0;
};
constexpr std::size_t kHead = sizeof(Head) / sizeof(Number);

// The same in every run, as it is kept.
std::uint64_t hash_of(std::string_view word) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : word) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash ^ hash >> 32;
}

// A hash table of the words, half of it empty.
std::vector<Number> slots_of(const std::vector<std::string_view>& words) {
  std::vector<Number> slots(std::bit_ceil(2 * words.size() + 1));
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::size_t slot = hash_of(words[i]) % slots.size();
    while (slots[slot] != 0) slot = (slot + 1) % slots.size();
    slots[slot] = static_cast<Number>(i + 1);
  }
  return slots;
}

// A number for each word, in the order in which they come.
class Vocabulary {
 public:
  Number add(std::string_view word) {
    if (const auto found = known_.find(word); found != known_.end()) return found->second;
    const auto number = static_cast<Number>(known_.size());
    known_.emplace(word, number);
    return number;
  }

  // The words in their order; `rank[number]` is the place of each.
  std::vector<std::string_view> sorted(std::vector<Number>& rank) const {
    std::vector<std::pair<std::string_view, Number>> words(known_.begin(), known_.end());
    std::ranges::sort(words);
    rank.resize(words.size());
    std::vector<std::string_view> texts;
    texts.reserve(words.size());
    for (const auto& [text, number] : words) {
      rank[number] = static_cast<Number>(texts.size());
      texts.push_back(text);
    }
    return texts;
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::unordered_map<std::string, Number, Hash, std::equal_to<>> known_;
};

// An entry before its words have numbers.
struct PlainEntry {
  Number flags = 0;
  std::set<std::string, std::less<>> names;
  std::vector<std::string_view> mentions;
};

// The same with numbers, one after the other: flags, count, names, count, mentions.
using FlatEntries = std::vector<Number>;

std::vector<std::string_view> words_of(std::string_view text) {
  std::unordered_set<std::string_view> words;
  each_word(text, [&](std::string_view word) { words.insert(word); });
  return {words.begin(), words.end()};
}

PlainEntry whole_entry(std::string_view text) {
  PlainEntry entry;
  entry.flags = NameIndex::kWhole;
  entry.mentions = words_of(text);
  each_directive(text, [&](std::string_view directive, std::string_view behind) {
    if (directive != "define" && directive != "undef") return;
    if (const std::string_view name = first_word(trimmed(behind)); !name.empty())
      entry.names.emplace(name);
  });
  return entry;
}

// "#ifndef X", then "#define X 1", whatever is around them.
bool is_default(const HeaderPiece& piece) {
  const std::size_t line = piece.text.rfind('\n') + 1;
  if (!std::string_view(piece.text).substr(line).starts_with("define")) return false;
  const std::string condition = "#ifndef " + *piece.names.begin() + "\n";
  return std::string_view(piece.text).substr(0, line).ends_with(condition);
}

PlainEntry entry_of(const HeaderPiece& piece) {
  PlainEntry entry;
  if (piece.kind == PieceKind::macro && is_default(piece)) entry.flags |= NameIndex::kDefault;
  if (piece.kind == PieceKind::macro) entry.flags |= NameIndex::kMacro;
  if (piece.kind == PieceKind::type) entry.flags |= NameIndex::kType;
  if (piece.anonymous) entry.flags |= NameIndex::kAnonymous;
  entry.names = piece.names;
  entry.mentions.assign(piece.mentions.begin(), piece.mentions.end());
  return entry;
}

// Cuts the text of each file, as far as that is wanted, into entries.
class Building {
 public:
  Building(const std::vector<IndexedFile>& files, const Reader& read, unsigned jobs)
      : files_(files), of_file_(files.size()), unread_(files.size()) {
    for_each_in_threads(files.size(), jobs, [&](std::size_t i) { add_file(i, read(i)); });
  }

  std::vector<Number> numbers(std::string& letters) const {
    std::vector<Number> rank;
    const std::vector<std::string_view> words = vocabulary_.sorted(rank);
    Head head;
    head.words = static_cast<Number>(words.size());
    head.files = static_cast<Number>(files_.size());
    std::vector<Number> file;
    std::vector<Number> flags;
    std::vector<Number> names_begin = {0};
    std::vector<Number> names;
    std::vector<std::vector<Number>> mentions(words.size());
    std::vector<std::vector<Number>> naming(words.size());
    for (std::size_t i = 0; i < of_file_.size(); ++i) {
      const FlatEntries& flat = of_file_[i];
      for (std::size_t at = 0; at < flat.size();) {
        const auto entry = static_cast<Number>(file.size());
        file.push_back(static_cast<Number>(i));
        flags.push_back(flat[at++]);
        for (std::size_t end = at + 1 + flat[at]; ++at < end;) {
          names.push_back(rank[flat[at]]);
          naming[rank[flat[at]]].push_back(entry);
        }
        names_begin.push_back(static_cast<Number>(names.size()));
        for (std::size_t end = at + 1 + flat[at]; ++at < end;)
          mentions[rank[flat[at]]].push_back(entry);
      }
    }
    head.entries = static_cast<Number>(file.size());
    head.names = static_cast<Number>(names.size());
    const std::vector<Number> slots = slots_of(words);
    head.slots = static_cast<Number>(slots.size());
    for (const auto& row : mentions) head.mentions += static_cast<Number>(row.size());

    std::vector<Number> all(kHead);
    std::memcpy(all.data(), &head, sizeof head);
    for (const auto* part : {&file, &flags, &names_begin, &names})
      all.insert(all.end(), part->begin(), part->end());
    const auto add_rows = [&](const std::vector<std::vector<Number>>& rows) {
      Number begin = 0;
      for (const auto& row : rows) {
        all.push_back(begin);
        begin += static_cast<Number>(row.size());
      }
      all.push_back(begin);
      for (const auto& row : rows) all.insert(all.end(), row.begin(), row.end());
    };
    add_rows(mentions);
    add_rows(naming);
    const auto add_text = [&](std::string_view text) {
      all.push_back(static_cast<Number>(letters.size()));
      letters += text;
    };
    for (const std::string_view word : words) add_text(word);
    add_text({});
    for (const IndexedFile& one : files_) add_text(one.path);
    add_text({});
    all.insert(all.end(), unread_.begin(), unread_.end());
    all.insert(all.end(), slots.begin(), slots.end());
    return all;
  }

 private:
  void add_file(std::size_t i, const std::optional<std::string>& text) {
    if (!text) {
      unread_[i] = 1;
      return;
    }
    if (files_[i].whole) add_entries(i, {whole_entry(*text)});
    if (!files_[i].in_pieces) return;
    std::vector<PlainEntry> entries;
    const auto pieces = cut_header(*text);
    if (pieces) {
      for (const HeaderPiece& piece : *pieces) entries.push_back(entry_of(piece));
    } else {
      entries.push_back({NameIndex::kAnonymous, {}, words_of(*text)});
    }
    add_entries(i, entries);
  }

  void add_entries(std::size_t i, const std::vector<PlainEntry>& entries) {
    FlatEntries& flat = of_file_[i];
    const std::lock_guard guard(mutex_);
    for (const PlainEntry& entry : entries) {
      flat.push_back(entry.flags);
      flat.push_back(static_cast<Number>(entry.names.size()));
      for (const std::string& name : entry.names) flat.push_back(vocabulary_.add(name));
      flat.push_back(static_cast<Number>(entry.mentions.size()));
      for (const std::string_view word : entry.mentions) flat.push_back(vocabulary_.add(word));
    }
  }

  const std::vector<IndexedFile>& files_;
  std::mutex mutex_;
  Vocabulary vocabulary_;
  std::vector<FlatEntries> of_file_;
  std::vector<Number> unread_;
};

// Not against an enemy, who could write the objects beside it as well: against a file that was cut
// off.
std::uint64_t checksum(std::string_view text) {
  std::uint64_t sum = text.size();
  for (; text.size() >= sizeof sum; text.remove_prefix(sizeof sum)) {
    std::uint64_t part = 0;
    std::memcpy(&part, text.data(), sizeof part);
    sum = (sum ^ part) * 0x9e3779b97f4a7c15;
    sum ^= sum >> 32;
  }
  for (const char c : text) sum = (sum ^ static_cast<unsigned char>(c)) * 0x9e3779b97f4a7c15;
  return sum;
}

void append(std::string& text, const void* bytes, std::size_t size) {
  text.append(static_cast<const char*>(bytes), size);
}

}  // namespace

TokenPasting learn_pasting(std::size_t count, const Reader& read, unsigned jobs) {
  TokenPasting all;
  for (bool more = true; more;) {
    more = false;
    std::mutex mutex;
    const TokenPasting known = all;
    for_each_in_threads(count, jobs, [&](std::size_t i) {
      const auto text = read(i);
      if (!text) return;
      TokenPasting here;
      here.learn(*text, known);
      const std::lock_guard guard(mutex);
      more = all.merge(here) || more;
    });
  }
  return all;
}

NameIndex NameIndex::build(const std::vector<IndexedFile>& files, const Reader& read,
                           unsigned jobs) {
  NameIndex index;
  index.numbers_ = Building(files, read, jobs).numbers(index.letters_);
  index.pasting_ = learn_pasting(files.size(), read, jobs);
  index.divide();
  return index;
}

bool NameIndex::divide() {
  Head head;
  if (numbers_.size() < kHead) return false;
  std::memcpy(static_cast<void*>(&head), numbers_.data(), sizeof head);
  if (head.format != kFormat) return false;
  std::size_t at = kHead;
  const auto take = [&](std::size_t count) {
    const std::size_t begin = std::exchange(at, at + count);
    return at <= numbers_.size() ? Numbers(numbers_).subspan(begin, count) : Numbers();
  };
  file_ = take(head.entries);
  flags_ = take(head.entries);
  names_begin_ = take(std::size_t{head.entries} + 1);
  names_ = take(head.names);
  mention_begin_ = take(std::size_t{head.words} + 1);
  mentions_ = take(head.mentions);
  naming_begin_ = take(std::size_t{head.words} + 1);
  naming_ = take(head.names);
  word_begin_ = take(std::size_t{head.words} + 1);
  path_begin_ = take(std::size_t{head.files} + 1);
  unread_ = take(head.files);
  slots_ = take(head.slots);
  return at == numbers_.size();
}

// A checksum and the sizes of three parts, then the parts.
std::string NameIndex::saved() const {
  const std::string pasting = pasting_.saved();
  const std::array<std::uint64_t, 3> sizes = {numbers_.size() * sizeof(Number), letters_.size(),
                                              pasting.size()};
  std::string body;
  body.reserve(sizeof sizes + sizes[0] + sizes[1] + sizes[2]);
  append(body, sizes.data(), sizeof sizes);
  append(body, numbers_.data(), sizes[0]);
  body += letters_;
  body += pasting;
  const std::uint64_t sum = checksum(body);
  body.insert(0, reinterpret_cast<const char*>(&sum), sizeof sum);
  return body;
}

std::optional<NameIndex> NameIndex::load(const std::string& text) {
  std::uint64_t sum = 0;
  std::array<std::uint64_t, 3> sizes = {};
  if (text.size() < sizeof sum + sizeof sizes) return std::nullopt;
  std::memcpy(&sum, text.data(), sizeof sum);
  std::string_view body = std::string_view(text).substr(sizeof sum);
  if (sum != checksum(body)) return std::nullopt;
  std::memcpy(sizes.data(), body.data(), sizeof sizes);
  body.remove_prefix(sizeof sizes);
  NameIndex index;
  index.numbers_.resize(sizes[0] / sizeof(Number));
  std::memcpy(index.numbers_.data(), body.data(), sizes[0]);
  index.letters_ = body.substr(sizes[0], sizes[1]);
  index.pasting_ = TokenPasting::from_saved(body.substr(sizes[0] + sizes[1]));
  if (!index.divide()) return std::nullopt;
  return index;
}

std::optional<NameIndex> NameIndex::kept(const Tree& tree) {
  const auto text = read_text(tree.store / "names");
  return text ? load(*text) : std::nullopt;
}

Result<void> NameIndex::keep(const Tree& tree) const {
  return write_file(tree.store / "names", saved());
}

Result<NameIndex> NameIndex::make(const Tree& tree, const IncludeGraph& graph,
                                  const std::set<std::string>& sources, unsigned jobs) {
  const std::set<std::string> read = graph.read_by(sources);
  const std::set<std::string> included = graph.included(read);
  std::vector<IndexedFile> files;
  files.reserve(read.size());
  for (const std::string& path : read)
    files.push_back({path, included.contains(path), sources.contains(path)});
  NameIndex index = build(
      files,
      [&](std::size_t i) -> std::optional<std::string> {
        auto text = read_text(tree.source / files[i].path);
        return text ? std::optional(std::move(*text)) : std::nullopt;
      },
      jobs);
  for (Number i = 0; i < index.files(); ++i)
    if (index.is_unread(i)) return unreadable_file(tree.source / index.path(i), EIO);
  return index;
}

std::optional<Number> NameIndex::word(std::string_view text) const {
  for (std::size_t slot = hash_of(text) % slots_.size(); slots_[slot] != 0;
       slot = (slot + 1) % slots_.size())
    if (text_of(slots_[slot] - 1) == text) return slots_[slot] - 1;
  return std::nullopt;
}

}  // namespace splicer
