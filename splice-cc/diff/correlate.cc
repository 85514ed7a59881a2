// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/diff/correlate.h"

#include <algorithm>
#include <map>
#include <string>

namespace splicer {

namespace {

bool is_data(const Atom& atom) {
  return atom.kind == AtomKind::writable || atom.kind == AtomKind::read_only;
}

// Has an identity of its own by a name that the compiler did not number.
bool is_named(const AtomTable& table, const Atom& atom) {
  if (atom.kind == AtomKind::merged || atom.symbols.empty()) return false;
  return !(is_data(atom) && !unnumbered(atom.name).empty()) && table.symbol_at_start(atom);
}

bool same_kind(const AtomTable& pre, const Atom& a, const AtomTable& post, const Atom& b) {
  return a.kind == b.kind && (a.kind == AtomKind::code ||
                              pre.object().section(a.section).is_nobits() ==
                                  post.object().section(b.section).is_nobits() ||
                              a.kind == AtomKind::writable);
}

// Names that stand once among the atoms. Two static variables of one name and without a number do
// not happen in one object; if they do, they are left to no twin.
std::map<std::string, std::uint32_t> by_name(const AtomTable& table) {
  std::map<std::string, std::uint32_t> names;
  std::vector<std::string> twice;
  for (std::uint32_t i = 0; i < table.all().size(); ++i) {
    const Atom& atom = table.at(i);
    if (!is_named(table, atom)) continue;
    if (!names.emplace(atom.name, i).second) twice.push_back(atom.name);
  }
  for (const std::string& name : twice) names.erase(name);
  return names;
}

// The numbered variables that an atom mentions, by their unnumbered name, in order of mention.
std::map<std::string, std::vector<std::uint32_t>> mentions(const AtomTable& table,
                                                           const Atom& atom) {
  std::map<std::string, std::vector<std::uint32_t>> found;
  for (const Reference& reference : atom.references) {
    if (reference.undefined) continue;
    const Atom& target = table.at(reference.atom);
    if (!is_data(target)) continue;
    const std::string base = unnumbered(target.name);
    if (base.empty()) continue;
    auto& list = found[base];
    if (std::find(list.begin(), list.end(), reference.atom) == list.end())
      list.push_back(reference.atom);
  }
  return found;
}

// A variable whose twin does not matter: a fresh copy behaves as well.
bool may_be_fresh(const AtomTable& table, const Atom& atom) {
  const KernelSection* row = kernel_section(table.object().section(atom.section).name);
  return atom.kind == AtomKind::read_only || atom.size == 0 || (row != nullptr && row->fresh_copy);
}

class Correlator {
 public:
  Correlator(const AtomTable& pre, const AtomTable& post)
      : pre_(pre), post_(post), twins_(pre.all().size(), post.all().size()) {}

  Twins run() {
    pair_names();
    pair_equal_constants();
    // Mentions in functions that have twins; what is paired may itself mention more (tables of
    // pointers), so until nothing changes.
    while (pair_mentions()) {
    }
    pair_leftovers();
    return std::move(twins_);
  }

 private:
  void pair_names() {
    const auto before = by_name(pre_);
    for (const auto& [name, post] : by_name(post_)) {
      const auto pre = before.find(name);
      if (pre != before.end() && same_kind(pre_, pre_.at(pre->second), post_, post_.at(post)))
        twins_.pair(pre->second, post);
    }
  }

  // Numbered constants of one content: __func__.2 of before may be __func__.3 of after, and the
  // number goes to another function's. One is as good as the other for whoever reads it.
  void pair_equal_constants() {
    const auto before = constants(pre_);
    for (const auto& [content, post] : constants(post_)) {
      const auto pre = before.find(content);
      if (pre != before.end() && pre->second.size() == 1 && post.size() == 1)
        twins_.pair(pre->second[0], post[0]);
    }
  }

  // By unnumbered name and bytes; those that point to something are left out.
  static std::map<std::pair<std::string, std::string>, std::vector<std::uint32_t>> constants(
      const AtomTable& table) {
    std::map<std::pair<std::string, std::string>, std::vector<std::uint32_t>> found;
    for (std::uint32_t i = 0; i < table.all().size(); ++i) {
      const Atom& atom = table.at(i);
      const std::string base = unnumbered(atom.name);
      if (atom.kind != AtomKind::read_only || base.empty() || !atom.references.empty()) continue;
      const Bytes bytes = table.bytes(atom);
      found[{base, std::string(bytes.begin(), bytes.end())}].push_back(i);
    }
    return found;
  }

  bool pair_mentions() {
    bool progress = false;
    for (std::uint32_t i = 0; i < post_.all().size(); ++i) {
      const auto twin = twins_.pre_of(i);
      if (!twin) continue;
      const auto before = mentions(pre_, pre_.at(*twin));
      for (const auto& [base, after] : mentions(post_, post_.at(i))) {
        const auto list = before.find(base);
        if (list == before.end()) continue;
        progress = pair_lists(list->second, after) || progress;
      }
    }
    return progress;
  }

  // Two lists of equal length pair in order; otherwise only what agrees in size, from both ends,
  // and only if that leaves no choice.
  bool pair_lists(const std::vector<std::uint32_t>& before,
                  const std::vector<std::uint32_t>& after) {
    bool progress = false;
    if (before.size() == after.size()) {
      for (std::size_t i = 0; i < before.size(); ++i)
        if (pre_.at(before[i]).size == post_.at(after[i]).size)
          progress = twins_.pair(before[i], after[i]) || progress;
      return progress;
    }
    for (const std::uint32_t post : after) {
      if (twins_.pre_of(post)) continue;
      std::vector<std::uint32_t> fits;
      for (const std::uint32_t pre : before)
        if (!twins_.post_of(pre) && alike(pre, post)) fits.push_back(pre);
      const auto rivals = std::count_if(after.begin(), after.end(), [&](std::uint32_t other) {
        return !twins_.pre_of(other) && !fits.empty() && alike(fits[0], other);
      });
      if (fits.size() == 1 && rivals == 1) progress = twins_.pair(fits[0], post) || progress;
    }
    return progress;
  }

  bool alike(std::uint32_t pre, std::uint32_t post) const {
    const Atom& a = pre_.at(pre);
    const Atom& b = post_.at(post);
    if (a.size != b.size || a.kind != b.kind) return false;
    const Bytes before = pre_.bytes(a);
    const Bytes after = post_.bytes(b);
    return std::equal(before.begin(), before.end(), after.begin(), after.end());
  }

  // What no mention decided: if one of a name is left on either side, they are each other's.
  void pair_leftovers() {
    std::map<std::string, std::vector<std::uint32_t>> before;
    std::map<std::string, std::vector<std::uint32_t>> after;
    collect(pre_, before, [this](std::uint32_t i) { return twins_.post_of(i).has_value(); });
    collect(post_, after, [this](std::uint32_t i) { return twins_.pre_of(i).has_value(); });
    for (const auto& [base, post] : after) {
      const auto pre = before.find(base);
      if (pre == before.end()) continue;
      if (post.size() == 1 && pre->second.size() == 1 &&
          (may_be_fresh(post_, post_.at(post[0])) || have_a_reader(pre->second[0], post[0]))) {
        twins_.pair(pre->second[0], post[0]);
        continue;
      }
      for (const std::uint32_t one : post)
        if (!may_be_fresh(post_, post_.at(one)) && !is_rate_limit(base, one, pre->second))
          twins_.ambiguous.insert(one);
    }
  }

  // Does some code mention both, each in its version? Otherwise the one may be another function's, and
  // mean something else.
  bool have_a_reader(std::uint32_t before, std::uint32_t after) const {
    const auto mentions_it = [](const Atom& atom, std::uint32_t target) {
      return std::ranges::any_of(atom.references, [&](const Reference& reference) {
        return !reference.undefined && reference.atom == target;
      });
    };
    for (std::uint32_t i = 0; i < post_.all().size(); ++i)
      if (const auto twin = twins_.pre_of(i);
          twin && mentions_it(post_.at(i), after) && mentions_it(pre_.at(*twin), before))
        return true;
    return false;
  }

  // The state of a limited message, as printk_ratelimited() names it (linux/printk.h): with a fresh
  // one the message may come some times more. Another variable of that name has another content.
  bool is_rate_limit(const std::string& base, std::uint32_t post,
                     const std::vector<std::uint32_t>& before) const {
    return base == "_rs" && post_.at(post).references.empty() &&
           std::ranges::all_of(before, [&](std::uint32_t pre) { return alike(pre, post); });
  }

  template <typename HasTwin>
  static void collect(const AtomTable& table,
                      std::map<std::string, std::vector<std::uint32_t>>& names, HasTwin has_twin) {
    for (std::uint32_t i = 0; i < table.all().size(); ++i) {
      if (!is_data(table.at(i)) || has_twin(i)) continue;
      const std::string base = unnumbered(table.at(i).name);
      if (!base.empty()) names[base].push_back(i);
    }
  }

  const AtomTable& pre_;
  const AtomTable& post_;
  Twins twins_;
};

}  // namespace

bool Twins::pair(std::uint32_t pre, std::uint32_t post) {
  if (of_pre_[pre] || of_post_[post]) return false;
  of_pre_[pre] = post;
  of_post_[post] = pre;
  return true;
}

std::set<std::string> joined_differently(const AtomTable& pre, const AtomTable& post,
                                         const Twins& twins) {
  struct Piece {
    std::set<std::string> names;
    std::set<SectionOffset> entries;  // aliases have one
  };
  const auto functions = [](const AtomTable& table, std::uint32_t atom) {
    Piece piece;
    if (table.at(atom).kind == AtomKind::code)
      for (const std::uint32_t index : table.at(atom).symbols)
        if (const Symbol& symbol = table.object().symbol(index); symbol.is_function()) {
          piece.names.insert(symbol.name);
          piece.entries.insert(symbol.value);
        }
    return piece;
  };
  std::map<std::string, std::uint32_t> pieces;  // of pre, by function
  for (std::uint32_t i = 0; i < pre.all().size(); ++i)
    for (const std::string& name : functions(pre, i).names) pieces.emplace(name, i);
  std::set<std::string> joined;
  for (std::uint32_t i = 0; i < post.all().size(); ++i) {
    const Piece piece = functions(post, i);
    for (const std::string& name : piece.names) {
      const auto was = pieces.find(name);
      if (was != pieces.end() && twins.pre_of(i) != was->second &&
          (piece.entries.size() > 1 || functions(pre, was->second).entries.size() > 1))
        joined.insert(name);
    }
  }
  return joined;
}

Twins correlate(const AtomTable& pre, const AtomTable& post) { return Correlator(pre, post).run(); }

}  // namespace splicer
