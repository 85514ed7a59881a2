// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/diff/describe.h"

#include <fmt/core.h>

#include "matcher/base/wording.h"

namespace splicer {

namespace {

const char* kind_name(AtomKind kind) {
  switch (kind) {
    case AtomKind::code:
      return "code";
    case AtomKind::writable:
      return "writable";
    case AtomKind::read_only:
      return "read-only";
    case AtomKind::merged:
      return "merged";
    case AtomKind::anonymous:
      return "anonymous";
  }
  return "unknown";
}

}  // namespace

std::vector<std::string> describe_atoms(const AtomTable& table) {
  std::vector<std::string> lines;
  for (const Atom& atom : table.all())
    lines.push_back(fmt::format(
        "{} {}+{:#x} {} {}{}", kind_name(atom.kind), table.object().section(atom.section).name,
        atom.begin, counted(atom.size, "byte"), atom.name,
        atom.references.empty()
            ? ""
            : fmt::format(", {}", counted(atom.references.size(), "reference"))));
  return lines;
}

std::vector<std::string> describe_twins(const UnitPair& pair) {
  std::vector<std::string> lines;
  for (std::uint32_t i = 0; i < pair.post->all().size(); ++i) {
    const Atom& atom = pair.post->at(i);
    if (const auto twin = pair.twins->pre_of(i)) {
      lines.push_back(fmt::format("{} continues {}", atom.name, pair.pre->at(*twin).name));
    } else if (pair.twins->ambiguous.contains(i)) {
      lines.push_back(fmt::format(
          "{} is new, though the kernel may have it: no twin can be told from another", atom.name));
    } else if (!atom.symbols.empty()) {
      lines.push_back(fmt::format("{} is new", atom.name));
    }
  }
  for (std::uint32_t i = 0; i < pair.pre->all().size(); ++i)
    if (const Atom& atom = pair.pre->at(i); !pair.twins->post_of(i) && !atom.symbols.empty())
      lines.push_back(fmt::format("{} is gone", atom.name));
  return lines;
}

}  // namespace splicer
