// SPDX-License-Identifier: GPL-2.0-or-later
//
// The table of fixes (fix_table.h) as text, JSON and HTML.
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "splice-cc/release/fix_table.h"

namespace splicer {

namespace {

std::string escaped(std::string_view text) {
  std::string all;
  for (const char c : text) switch (c) {
      case '&':
        all += "&amp;";
        break;
      case '<':
        all += "&lt;";
        break;
      case '>':
        all += "&gt;";
        break;
      case '"':
        all += "&quot;";
        break;
      default:
        all += c;
    }
  return all;
}

// "fs/btrfs/relocation.c: merge_reloc_roots"; of many files the first ones.
std::string place_of(const FixRow& row) {
  constexpr std::size_t kMostShown = 3;
  std::string place;
  std::size_t shown = 0;
  for (const std::string& file : row.files)
    if (shown++ < kMostShown) place += (place.empty() ? "" : ", ") + file;
  if (row.files.size() > kMostShown)
    place += fmt::format(" and {} more", row.files.size() - kMostShown);
  if (!row.functions.empty()) place += fmt::format(": {}", fmt::join(row.functions, ", "));
  return place;
}

}  // namespace

const char* name_of(FixState state) {
  switch (state) {
    case FixState::in:
      return "in";
    case FixState::not_built:
      return "not built here";
    case FixState::left_out:
      return "left out";
    default:
      return "unknown";
  }
}

std::string table_text(const std::vector<FixRow>& rows) {
  std::string text;
  for (const FixRow& row : rows) {
    text +=
        fmt::format("{:<16} {:<14} {}\n", row.cve, name_of(row.state), fmt::join(row.titles, "; "));
    if (const std::string place = place_of(row); !place.empty())
      text += fmt::format("{:<32}{}\n", "", place);
    if (!row.why.empty()) text += fmt::format("{:<32}why: {}\n", "", row.why);
    if (!row.remedy.empty()) text += fmt::format("{:<32}remedy: {}\n", "", row.remedy);
  }
  return text;
}

nlohmann::json table_json(const std::vector<FixRow>& rows) {
  nlohmann::json table = nlohmann::json::array();
  for (const FixRow& row : rows) {
    nlohmann::json one = {{"cve", row.cve}, {"titles", row.titles}, {"state", name_of(row.state)},
                          {"by", row.by},   {"files", row.files},   {"functions", row.functions}};
    if (!row.why.empty()) one["why"] = row.why;
    if (!row.remedy.empty()) one["remedy"] = row.remedy;
    table.push_back(std::move(one));
  }
  return table;
}

std::string table_html(const std::vector<FixRow>& rows, const std::string& title) {
  std::string text = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title>\n"
      "<style>body{{font-family:sans-serif}}td,th{{text-align:left;vertical-align:top;"
      "padding:2px 8px;border-bottom:1px solid #ccc}}</style></head>\n"
      "<body><h1>{0}</h1>\n<table>\n"
      "<tr><th>CVE</th><th>State</th><th>Fix</th><th>Where</th><th>Why</th><th>Remedy</th></tr>\n",
      escaped(title));
  for (const FixRow& row : rows)
    text +=
        fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                    escaped(row.cve), name_of(row.state),
                    escaped(fmt::format("{}", fmt::join(row.titles, "; "))), escaped(place_of(row)),
                    escaped(row.why), escaped(row.remedy));
  return text + "</table></body></html>\n";
}

}  // namespace splicer
