// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/source/hunks.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "matcher/base/file.h"

namespace splicer {

namespace {

constexpr std::string_view kHead = "@@ -";

// "@@ -12,7 +12,9 @@": 12. parse_patch() has read it before.
unsigned old_begin(const std::string& head) {
  constexpr unsigned kMost = 1U << 28U;  // lines: a patch may be at most 64 MiB long
  unsigned begin = 0;
  std::from_chars(head.data() + kHead.size(), head.data() + head.size(), begin);
  return std::min(begin, kMost);
}

char kind_of(const std::string& line) { return line.empty() ? ' ' : line[0]; }

// The line of the old file that the hunk's first line is, or comes before: "@@ -12,0 +13,2 @@" adds behind line
// 12.
unsigned first_old(const std::vector<std::string>& lines, unsigned begin) {
  const bool any = std::any_of(lines.begin() + 1, lines.end(), [](const std::string& line) {
    return kind_of(line) != '+' && kind_of(line) != '\\';
  });
  return any ? std::max(begin, 1U) : begin + 1;
}

void read_lines(const std::vector<std::string>& lines, Hunk& hunk) {
  unsigned old = first_old(lines, hunk.begin);
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const char kind = kind_of(lines[i]);
    if (kind == '\\') continue;
    if (kind == '+') hunk.added.push_back(lines[i].substr(1));
    if (kind == '-') hunk.removed.push_back(lines[i].substr(1));
    if (kind == '+' || kind == '-') hunk.points.push_back(kind == '+' ? 2 * old - 1 : 2 * old);
    if (kind != '+') ++old;
  }
}

}  // namespace

std::vector<Hunk> hunks_of(const PatchSet& patches) {
  std::vector<Hunk> hunks;
  for (std::size_t p = 0; p < patches.patches().size(); ++p) {
    const Patch& patch = patches.patches()[p];
    for (std::size_t f = 0; f < patch.files.size(); ++f) {
      const std::vector<std::string> lines = split_lines(patch.files[f].text);
      for (std::size_t i = 0; i < lines.size();) {
        if (!lines[i].starts_with(kHead)) {
          ++i;
          continue;
        }
        Hunk hunk{p, f, patch.files[f].path, old_begin(lines[i]), {}, {}, {}, {}};
        std::vector<std::string> own;
        // No line inside a hunk begins with '@'.
        do {
          hunk.text += lines[i] + "\n";
          own.push_back(lines[i++]);
        } while (i < lines.size() && !lines[i].starts_with(kHead));
        read_lines(own, hunk);
        hunks.push_back(std::move(hunk));
      }
    }
  }
  return hunks;
}

PatchSet with_hunks(const PatchSet& patches, const std::vector<Hunk>& hunks,
                    const std::set<std::size_t>& kept) {
  std::vector<Patch> left;
  for (std::size_t p = 0; p < patches.patches().size(); ++p) {
    Patch patch = patches.patches()[p];
    std::vector<PatchFile> files;
    std::string text = patch.prose;
    for (std::size_t f = 0; f < patch.files.size(); ++f) {
      PatchFile file = patch.files[f];
      file.text.resize(std::min(file.text.find(kHead), file.text.size()));
      const std::size_t head = file.text.size();
      for (const std::size_t number : kept)
        if (hunks[number].patch == p && hunks[number].file == f) file.text += hunks[number].text;
      if (file.text.size() == head) continue;
      text += file.text;
      files.push_back(std::move(file));
    }
    if (files.empty()) continue;
    patch.files = std::move(files);
    patch.text = std::move(text);
    left.push_back(std::move(patch));
  }
  return PatchSet(std::move(left));
}

OldPlace old_place(const std::vector<Hunk>& hunks, const std::set<std::size_t>& kept,
                   const std::string& path, unsigned line) {
  long moved = 0;  // how much further down a line is in the new file
  for (const std::size_t number : kept) {
    const Hunk& hunk = hunks[number];
    if (hunk.path != path) continue;
    const std::vector<std::string> lines = split_lines(hunk.text);
    long old = first_old(lines, hunk.begin);
    long now = old + moved;
    if (static_cast<long>(line) < now) break;
    for (std::size_t i = 1; i < lines.size(); ++i) {
      const char kind = kind_of(lines[i]);
      if (kind == '\\') continue;
      if (kind != '-' && now == static_cast<long>(line))
        return {static_cast<unsigned>(old), number};
      now += kind == '-' ? 0 : 1;
      old += kind == '+' ? 0 : 1;
    }
    moved = now - old;
  }
  return {static_cast<unsigned>(std::max(1L, static_cast<long>(line) - moved)), std::nullopt};
}

}  // namespace splicer
