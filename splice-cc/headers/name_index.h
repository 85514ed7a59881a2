// SPDX-License-Identifier: GPL-2.0-or-later
//
// Name index: which texts mention a word, for all that a kernel of this configuration is compiled
// from. It is made once a tree; a search for what a patched header can reach then reads no files.
//
// An entry is a piece of a file that others include (header_pieces.h), or a whole source:
//
//     include/net/ip6_fib.h   fib6_get()     names fib6_get     mentions ip6_dst_hold, dst ...
//     net/ipv6/route.c        (all of it)    names its macros   mentions each word that it has
//
//     const auto word = index.word("ip6_dst_hold");
//     index.mentioning(*word)        // the entries: fib6_get()
//
// Macros put names together (token_pasting.h), so what they join is kept with the words.
//
// Invariant: an entry mentions each word of its text that is outside of comments.
// Cost: 6.1 in Debian's cloud configuration is read and cut in some seconds, once; loading it is a
// single read of a file.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "matcher/base/result.h"
#include "splice-cc/headers/include_graph.h"
#include "splice-cc/headers/token_pasting.h"
#include "splice-cc/source/tree.h"

namespace splicer {

// A file and what is wanted of it. A path may occur more than once, for several versions of its
// text.
struct IndexedFile {
  std::string path;
  bool in_pieces = false;  // others include it
  bool whole = false;      // it is a source
};

class NameIndex {
 public:
  using Number = std::uint32_t;  // of a word, an entry, or a file
  using Numbers = std::span<const Number>;

  NameIndex(NameIndex&&) = default;
  NameIndex& operator=(NameIndex&&) = default;
  NameIndex(const NameIndex&) = delete;  // the spans look into the vector
  NameIndex& operator=(const NameIndex&) = delete;

  // Flags of an entry.
  static constexpr Number kWhole = 1;     // a source, not a piece
  static constexpr Number kMacro = 2;     // PieceKind::macro
  static constexpr Number kType = 4;      // PieceKind::type
  static constexpr Number kDefault = 16;  // of a macro that is not there yet: #ifndef X, #define X
  static constexpr Number kAnonymous =
      8;  // means more than its names; a text that cannot be cut, too

  // `read(i)` is the text of files[i]; nothing if it cannot be read. Reads each several times, in
  // `jobs` threads.
  static NameIndex build(const std::vector<IndexedFile>& files,
                         const std::function<std::optional<std::string>(std::size_t)>& read,
                         unsigned jobs);
  // Of the tree as it was prepared: all that compiling `sources` may read. Errors:
  // "file-unreadable".
  static Result<NameIndex> make(const Tree& tree, const IncludeGraph& graph,
                                const std::set<std::string>& sources, unsigned jobs);
  // The one of all that is compiled is kept in the tree's store. Nothing if there is none yet, or
  // it is damaged.
  static std::optional<NameIndex> kept(const Tree& tree);
  // Errors: "file-unwritable".
  Result<void> keep(const Tree& tree) const;

  std::optional<Number> word(std::string_view text) const;
  Numbers mentioning(Number word) const { return of_row(mention_begin_, mentions_, word); }
  Numbers naming(Number word) const { return of_row(naming_begin_, naming_, word); }

  std::size_t entries() const { return file_.size(); }
  Number file_of(Number entry) const { return file_[entry]; }
  Number flags_of(Number entry) const { return flags_[entry]; }
  Numbers names_of(Number entry) const { return of_row(names_begin_, names_, entry); }
  std::string_view text_of(Number word) const { return letters(word_begin_, word); }

  std::size_t files() const { return path_begin_.size() - 1; }
  std::string_view path(Number file) const { return letters(path_begin_, file); }
  bool is_unread(Number file) const { return unread_[file] != 0; }
  const TokenPasting& pasting() const { return pasting_; }

 private:
  NameIndex() = default;
  static std::optional<NameIndex> load(const std::string& text);
  std::string saved() const;
  bool divide();  // lays the spans over the data; false if it is not an index
  static Numbers of_row(Numbers begin, Numbers all, Number row) {
    return all.subspan(begin[row], begin[row + 1] - begin[row]);
  }
  std::string_view letters(Numbers begin, Number row) const {
    return std::string_view(letters_).substr(begin[row], begin[row + 1] - begin[row]);
  }

  std::vector<Number> numbers_;  // a head, then what the spans are laid over
  std::string letters_;          // all words, in order; then all paths
  TokenPasting pasting_;
  Numbers file_, flags_, names_begin_, names_;                             // of entries
  Numbers word_begin_, mention_begin_, mentions_, naming_begin_, naming_;  // of words
  Numbers slots_;                // a table of words by their hash: the number and one, or zero
  Numbers path_begin_, unread_;  // of files
};

// How the macros of all these texts join names: learnt until none has anything new.
TokenPasting learn_pasting(std::size_t count,
                           const std::function<std::optional<std::string>(std::size_t)>& read,
                           unsigned jobs);

}  // namespace splicer
