// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/match/site_listing.h"

#include <fmt/core.h>

#include "matcher/base/bytes.h"
#include "matcher/match/encodings.h"

namespace splicer {

namespace {

std::string kinds_of(const SiteGroup& group) {
  std::string kinds;
  for (const Site& site : group.sites) {
    if (!kinds.empty()) kinds += ", ";
    kinds += site_kind_name(site.kind);
  }
  return kinds;
}

// Its bytes, those of relocated fields as dots, and what the fields are about.
std::string encoding_text(const ElfObject& object, const Encoding& encoding) {
  std::string bytes = hex(encoding.bytes);
  std::string fields;
  for (const Relocation& relocation : encoding.relocations) {
    const unsigned width = relocation_width(relocation.type).value_or(0);
    for (std::uint64_t at = relocation.offset.value();
         at < relocation.offset + width && at < encoding.bytes.size(); ++at)
      bytes.replace(3 * at, 2, "..");
    const bool negative = relocation.addend < 0;
    const auto distance = static_cast<std::uint64_t>(relocation.addend);
    fields += fmt::format("  ({}{}{:#x})", object.symbol(relocation.symbol).name,
                          negative ? '-' : '+', negative ? 0 - distance : distance);
  }
  return bytes + fields;
}

bool fits(const Encoding& encoding, Bytes run) {
  std::vector<bool> free(encoding.bytes.size());
  for (const Relocation& relocation : encoding.relocations)
    for (std::uint64_t at = relocation.offset.value();
         at < relocation.offset + relocation_width(relocation.type).value_or(0) && at < free.size();
         ++at)
      free[at] = true;
  for (const std::uint32_t at : encoding.lock_prefixes)
    free[at] = run[at] == 0xf0 || run[at] == 0x3e;
  for (std::size_t i = 0; i < run.size(); ++i)
    if (!free[i] && encoding.bytes[i] != run[i]) return false;
  return true;
}

}  // namespace

std::vector<std::string> list_sites(const ElfObject& object, const SiteTables& sites,
                                    const Image& image, const FunctionMatch& function) {
  std::vector<std::string> lines;
  if (function.code == RunAddress()) return lines;
  const Symbol& symbol = object.symbol(function.symbol);
  const Encodings encodings(object, sites, image);
  for (const SiteGroup& group : sites.in(symbol.section)) {
    if (group.begin < symbol.value || group.begin >= symbol.value + symbol.size) continue;
    const std::uint64_t offset = group.begin - symbol.value;
    const RunAddress address = function.code + offset;
    std::vector<std::uint8_t> run(group.end - group.begin);
    if (!image.read(address, run)) continue;
    lines.push_back(fmt::format("{}+{:#x}: {}, {} bytes, now {}", function.name, offset,
                                kinds_of(group), run.size(), hex(run)));
    bool first = true;
    for (const Encoding& encoding : encodings.of(symbol.section, group, address, run)) {
      lines.push_back(fmt::format("  {:<9} {}{}", first ? "as built" : "permitted",
                                  encoding_text(object, encoding),
                                  fits(encoding, run) ? "  <- now" : ""));
      first = false;
    }
  }
  return lines;
}

}  // namespace splicer
