// SPDX-License-Identifier: GPL-2.0-or-later
//
// Which parts of names macros bring along when they put names together.
//
//     #define DO(op)        spin_##op(&lock)           "spin_" is a part, op's argument another
//     #define PASTE(a, b)   a##b                       both arguments are
//     #define PER(x)        PASTE(per_cpu_, x)         "per_cpu_", and what PER is called with
//
// A name that stands in no text may be used all the same: per_cpu_foo by PER(foo). It is made of
// parts like these and of words that do stand in the text.
//
// Invariant: an identifier that is an operand of ## in any expansion of a macro is a word of the
// file that called it, or one of the parts.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace splicer {

class MacroParts {
 public:
  // Adds what the #defines of a text say, given what is known of the macros that they call. To be
  // done with all texts until merge() finds nothing new.
  void learn(std::string_view text, const MacroParts& known);
  bool merge(const MacroParts& other);

  bool contains(const std::string& word) const { return parts_.contains(word); }
  // What is put together of three and more: a##_##b is {"", "_", ""}, empty where any word may be.
  using Chain = std::vector<std::string>;
  const std::set<Chain>& chains() const { return chains_; }
  // Does that macro put such a chain together, or lead to one that does?
  bool is_chaining(std::string_view macro) const { return chaining_.contains(macro); }

 private:
  // Calls of macros that put their arguments together, in the body of `name`.
  void learn_calls(const std::string& name, const std::vector<std::string>& parameters,
                   const std::vector<std::string_view>& body, const MacroParts& known);
  // Is the name that is called at body[i] a parameter, or put together, and so one of many?
  bool may_be_any(const std::vector<std::string>& parameters,
                  const std::vector<std::string_view>& body, std::size_t i) const;
  void add_operand(const std::string& name, const std::vector<std::string>& parameters,
                   std::string_view word);
  void learn_chains(const std::string& name, const std::vector<std::string>& parameters,
                    const std::vector<std::string_view>& body, const MacroParts& known);

  std::map<std::string, std::set<std::size_t>, std::less<>> pasted_;  // parameters of macros
  std::set<std::string, std::less<>> parts_;
  std::set<Chain> chains_;
  std::set<std::string, std::less<>> chaining_;
};

}  // namespace splicer
