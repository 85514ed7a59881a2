// SPDX-License-Identifier: GPL-2.0-or-later
//
// One walk over a stretch of an object beside the same stretch in a kernel: the bytes between the
// relocated fields must be equal, and each field must be proved.
//
//     pre   48 8b 05 [00 00 00 00] c3        R_X86_64_PC32 jiffies - 4
//     run   48 8b 05 [10 32 54 00] c3
//           equal     prove()      equal
//
// What "proved" means is the caller's: a reference of matched code binds a symbol, one inside a
// constant leads to another constant, one of a branch may be left for later.
//
// Invariant: the walk ends without a difference only if every byte of the stretch was compared or
// lies in exactly one field that was proved.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "matcher/base/address.h"
#include "matcher/elf/elf_object.h"

namespace splicer {

// The first byte at which a and b, of one length, differ.
inline std::optional<std::uint64_t> first_difference(Bytes a, Bytes b) {
  if (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0) return std::nullopt;
  const auto [where, other] = std::mismatch(a.begin(), a.end(), b.begin());
  return static_cast<std::uint64_t>(where - a.begin());
}

struct StretchDifference {
  enum class Kind {
    bytes,  // plain bytes differ
    field,  // a field was not proved: `reason` says why
    stray,  // a field overlaps the one before, or runs out of the stretch
  };
  Kind kind{};
  std::uint64_t at = 0;  // from the beginning of the stretch
  std::string reason;
};

// Walks [begin, end) of `section`, which has to lie inside it, against `run`, which has to be as
// long. `prove(relocation, field, at)` gets each field as `run` has it, and where that is from the
// beginning of the stretch; it returns the reason if it cannot be proved. R_X86_64_NONE patches
// nothing and is passed over. Takes time in proportion to the stretch, and log(relocations).
template <typename Prove>
std::optional<StretchDifference> compare_stretch(const ElfObject& object, std::uint32_t section,
                                                 SectionOffset begin, SectionOffset end, Bytes run,
                                                 Prove prove) {
  using Kind = StretchDifference::Kind;
  const std::uint64_t size = end - begin;
  const Bytes pre = object.section(section).bytes.subspan(begin.value(), size);
  std::uint64_t at = 0;
  const auto plain = [&](std::uint64_t until) -> std::optional<StretchDifference> {
    const auto differs = first_difference(pre.subspan(at, until - at), run.subspan(at, until - at));
    if (!differs) return std::nullopt;
    return StretchDifference{Kind::bytes, at + *differs, {}};
  };
  for (const Relocation& relocation : object.relocations_in(section, begin, end)) {
    const unsigned width = relocation_width(relocation.type).value_or(0);
    if (width == 0) continue;
    const std::uint64_t field = relocation.offset - begin;
    if (field < at || width > size - field) return StretchDifference{Kind::stray, field, {}};
    if (auto differs = plain(field)) return differs;
    if (std::optional<std::string> reason = prove(relocation, run.subspan(field, width), field))
      return StretchDifference{Kind::field, field, std::move(*reason)};
    at = field + width;
  }
  return plain(size);
}

}  // namespace splicer
