// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/release/changelog.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "runtime/package/cve.h"
#include "splice-cc/headers/c_scanner.h"

namespace splicer {

namespace {

// One item of an entry, its lines joined.
struct Item {
  std::string version;
  std::string text;
};

// "linux (6.1.187-1) bookworm-security; urgency=high": 6.1.187-1.
std::optional<std::string> heading_version(std::string_view line) {
  if (line.empty() || line[0] == ' ' || line[0] == '\t') return std::nullopt;
  const std::size_t open = line.find(" (");
  const std::size_t close = line.find(')', open == std::string_view::npos ? 0 : open);
  if (open == std::string_view::npos || close == std::string_view::npos) return std::nullopt;
  return std::string(line.substr(open + 2, close - open - 2));
}

std::size_t indentation(std::string_view line) {
  return std::min(line.find_first_not_of(" \t"), line.size());
}

bool begins_item(std::string_view line) {
  const std::string_view rest = line.substr(indentation(line));
  return rest.starts_with("- ") || rest.starts_with("* ");
}

class Entries {
 public:
  Entries(const std::string& from, const std::string& to) : from_(from), to_(to) {}

  // False behind the last entry that is wanted.
  bool read(std::string_view line) {
    if (auto version = heading_version(line)) {
      end();
      if (*version == from_) {
        found_from_ = true;
        return false;
      }
      inside_ = inside_ || *version == to_;
      version_ = std::move(*version);
      return true;
    }
    if (!inside_) return true;
    const std::size_t indent = indentation(line);
    if (begins_item(line)) {
      end();
      open_ = true;
      indent_ = indent;
      text_ = line.substr(indent + 2);
    } else if (open_ && indent < line.size() && indent > indent_) {
      text_ += fmt::format(" {}", trimmed(line));
    } else {
      end();
    }
    return true;
  }
  void end() {
    if (open_) items_.push_back({version_, std::move(text_)});
    open_ = false;
    text_.clear();
  }
  bool has_both() const { return inside_ && found_from_; }
  bool has_newer() const { return inside_; }
  const std::vector<Item>& items() const { return items_; }

 private:
  const std::string& from_;
  const std::string& to_;
  bool inside_ = false;
  bool found_from_ = false;
  bool open_ = false;
  std::size_t indent_ = 0;
  std::string version_;
  std::string text_;
  std::vector<Item> items_;
};

// "[arm64,armhf] ", taken off the front.
std::vector<std::string> take_architectures(std::string_view& text) {
  std::vector<std::string> names;
  while (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) break;
    std::string_view list = text.substr(1, close - 1);
    while (!list.empty()) {
      const std::size_t end = std::min(list.find_first_of(", "), list.size());
      if (end != 0) names.emplace_back(list.substr(0, end));
      list.remove_prefix(std::min(list.size(), end + 1));
    }
    text = trimmed(text.substr(close + 1));
  }
  return names;
}

// "... (CVE-2026-1, CVE-2026-2)" without its end.
std::string_view without_ids(std::string_view text) {
  for (std::size_t open = text.rfind('('); open != std::string_view::npos && open != 0;
       open = text.rfind('(', open - 1))
    if (!cve_ids_in(text.substr(open, text.find(')', open) - open)).empty())
      text = trimmed(text.substr(0, open));
  return text;
}

// The title in `Revert "TITLE"`; empty for other lines.
std::string reverted_title(std::string_view title) {
  constexpr std::string_view kRevert = "Revert \"";
  if (!title.starts_with(kRevert)) return {};
  title.remove_prefix(kRevert.size());
  return std::string(title.substr(0, title.rfind('"')));
}

// By time: entries are the newest first, and within one the oldest line comes first. A line is reverted if
// another one behind it says so.
void mark_reverted(const std::vector<Item>& items, std::vector<ChangelogLine>& lines,
                   const std::vector<std::size_t>& item_of) {
  std::map<std::string, std::size_t> order;  // of versions; 0: the newest
  for (const Item& item : items) order.try_emplace(item.version, order.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    std::string_view text = items[i].text;
    take_architectures(text);
    const std::string title = reverted_title(without_ids(text));
    if (title.empty()) continue;
    for (std::size_t j = 0; j < lines.size(); ++j) {
      const std::size_t here = order[items[i].version];
      const std::size_t there = order[lines[j].version];
      if (lines[j].title == title && (here < there || (here == there && i > item_of[j])))
        lines[j].reverted = true;
    }
  }
}

}  // namespace

Result<std::vector<ChangelogLine>> changelog_between(std::string_view text, const std::string& from,
                                                     const std::string& to) {
  Entries entries(from, to);
  for (bool more = true; more && !text.empty();) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    more = entries.read(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  entries.end();
  if (!entries.has_both())
    return fail(ExitCode::error, "release-version",
                fmt::format("the changelog of {} has no version {}", to,
                            entries.has_newer() ? from : to + " before " + from))
        .hint("give two versions of one package, the older one with --from");
  std::vector<ChangelogLine> lines;
  std::vector<std::size_t> item_of;
  for (std::size_t i = 0; i < entries.items().size(); ++i) {
    const Item& item = entries.items()[i];
    ChangelogLine line{item.version, {}, {}, cve_ids_in(item.text), false};
    if (line.cves.empty()) continue;
    std::string_view rest = item.text;
    line.architectures = take_architectures(rest);
    line.title = without_ids(rest);
    lines.push_back(std::move(line));
    item_of.push_back(i);
  }
  mark_reverted(entries.items(), lines, item_of);
  return lines;
}

bool is_for_x86(const std::vector<std::string>& architectures) {
  // As Debian's architectures and the kernel's are called, up to where they differ among themselves.
  constexpr std::array<std::string_view, 14> kOthers = {
      "alpha", "arm",    "csky", "hppa",   "i386",    "ia64", "loong",
      "m68k",  "microb", "mips", "parisc", "powerpc", "ppc",  "riscv"};
  constexpr std::array<std::string_view, 4> kMore = {"s390", "sh4", "sparc", "um"};
  const auto is_other = [&](const std::string& name) {
    const auto begins = [&name](std::string_view other) { return name.starts_with(other); };
    return std::ranges::any_of(kOthers, begins) || std::ranges::any_of(kMore, begins);
  };
  return architectures.empty() || !std::ranges::all_of(architectures, is_other);
}

}  // namespace splicer
