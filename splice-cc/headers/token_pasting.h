// SPDX-License-Identifier: GPL-2.0-or-later
//
// Token pasting: which parts of names macros bring along when they put names together with ##.
//
//     #define DO(op)            spin_##op(&lock)     "spin_" is a part, and so is the argument
//     #define PASTE(a, b)       a##b                 both arguments are
//     #define PER(x)            PASTE(per_cpu_, x)   "per_cpu_", and what PER is called with
//     #define DEFINE_SHOW_ATTRIBUTE(__name) ...      include/linux/seq_file.h: __name##_open is
//       .open = __name ## _open,                     made of "_open" and the caller's word
//
// A name that is in no text may be used all the same: per_cpu_foo by PER(foo). It is made of parts
// like these and of words that are in the text.
//
// Invariant: an identifier that is an operand of ## in any expansion of a macro is a word of the
// file that called it, or one of the parts.
// Cost: each text is read once a round; the kernel's headers need four rounds or so.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace splicer {

class TokenPasting {
 public:
  // Adds what the #defines of a text say, given what is known of the macros that they call. Do it
  // with all texts until merge() returns false: nothing was new.
  void learn(std::string_view text, const TokenPasting& known);
  bool merge(const TokenPasting& other);

  // All of it as text, and back.
  std::string saved() const;
  static TokenPasting from_saved(std::string_view text);

  bool contains(std::string_view word) const { return parts_.contains(word); }
  const std::set<std::string, std::less<>>& parts() const { return parts_; }
  // Names of three parts and more: a##_##b is {"", "_", ""}, empty where any word may be.
  using Chain = std::vector<std::string>;
  const std::set<Chain>& chains() const { return chains_; }
  // Does that macro put such a chain together, or lead to one that does?
  bool is_chaining(std::string_view macro) const { return chaining_.contains(macro); }
  const std::set<std::string, std::less<>>& chaining() const { return chaining_; }

 private:
  // `define` is all that follows the word.
  void learn_define(std::string_view define, const TokenPasting& known);
  // Calls of macros that put their arguments together, in the body of `name`.
  void learn_calls(const std::string& name, const std::vector<std::string>& parameters,
                   const std::vector<std::string_view>& body, const TokenPasting& known);
  // Is the name that is called at body[i] a parameter, or put together, and so one of many?
  bool may_be_any(const std::vector<std::string>& parameters,
                  const std::vector<std::string_view>& body, std::size_t i) const;
  void add_operand(const std::string& name, const std::vector<std::string>& parameters,
                   std::string_view word);
  void learn_chains(const std::string& name, const std::vector<std::string>& parameters,
                    const std::vector<std::string_view>& body, const TokenPasting& known);

  std::map<std::string, std::set<std::size_t>, std::less<>> pasted_;  // parameters of macros
  std::set<std::string, std::less<>> parts_;
  std::set<Chain> chains_;
  std::set<std::string, std::less<>> chaining_;
};

}  // namespace splicer
