// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/hunk_parts.h"

#include <algorithm>
#include <numeric>

#include "matcher/base/file.h"
#include "splice-cc/headers/c_scanner.h"

namespace splicer {

namespace {

class Join {
 public:
  explicit Join(std::size_t count) : first_(count) { std::iota(first_.begin(), first_.end(), 0U); }
  std::size_t root(std::size_t hunk) const {
    while (first_[hunk] != hunk) hunk = first_[hunk];
    return hunk;
  }
  void unite(std::size_t a, std::size_t b) {
    const std::size_t one = root(a);
    const std::size_t other = root(b);
    first_[std::max(one, other)] = std::min(one, other);
  }

 private:
  std::vector<std::size_t> first_;  // an earlier hunk of the part, or itself
};

void describe(const std::vector<Hunk>& hunks, std::size_t number, const HunkParts& all,
              const std::vector<std::string>& lines, HunkPart& part) {
  const Hunk& hunk = hunks[number];
  for (const Construct& construct : all.constructs.at(hunk.path)) {
    if (!touches(construct, hunk)) continue;
    part.heads += construct.head + "\n";
    for (unsigned line = construct.first; line <= construct.last && line <= lines.size(); ++line)
      part.text += lines[line - 1] + "\n";
  }
  for (const std::string& line : hunk.added)
    if (!line.empty() && (is_word_character(line[0]) || line[0] == '#')) part.heads += line + "\n";
  part.text += hunk.text;
}

}  // namespace

bool touches(const Construct& construct, const Hunk& hunk) {
  const auto point = std::ranges::lower_bound(hunk.points, 2 * construct.first);
  return point != hunk.points.end() && *point <= 2 * construct.last;
}

HunkParts parts_of(const std::vector<Hunk>& hunks, const std::filesystem::path& source) {
  HunkParts all;
  std::map<std::string, std::vector<std::size_t>> of_file;
  std::map<std::string, std::vector<std::string>> lines;
  for (std::size_t i = 0; i < hunks.size(); ++i) of_file[hunks[i].path].push_back(i);
  Join join(hunks.size());
  for (const auto& [path, own] : of_file) {
    std::vector<Construct>& constructs = all.constructs[path];
    if (const auto text = read_text(source / path)) {
      constructs = top_level(*text);
      lines[path] = split_lines(*text);
    }
    for (const Construct& construct : constructs) {
      const std::size_t* owner = nullptr;
      for (const std::size_t& hunk : own) {
        if (!touches(construct, hunks[hunk])) continue;
        if (owner != nullptr) join.unite(*owner, hunk);
        owner = &hunk;
      }
    }
  }
  std::map<std::size_t, std::size_t> numbers;
  all.part_of.resize(hunks.size());
  for (std::size_t i = 0; i < hunks.size(); ++i) {
    const auto [entry, fresh] = numbers.try_emplace(join.root(i), all.parts.size());
    if (fresh) all.parts.emplace_back();
    all.part_of[i] = entry->second;
    HunkPart& part = all.parts[entry->second];
    part.hunks.insert(i);
    describe(hunks, i, all, lines[hunks[i].path], part);
  }
  return all;
}

}  // namespace splicer
