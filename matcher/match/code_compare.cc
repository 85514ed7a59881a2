// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/match/code_compare.h"

#include <elf.h>
#include <fmt/core.h>

#include <algorithm>

#include "matcher/elf/nops.h"
#include "matcher/match/layout_compare.h"

namespace splicer {

namespace {

constexpr const char* kNoEncoding = "no permitted encoding of the site is there";

}  // namespace

std::uint64_t Comparison::run_offset(SectionOffset pre_offset) const {
  if (moved.empty()) return pre_offset.value();
  const auto after = std::partition_point(moved.begin(), moved.end(),
                                          [&](const auto& p) { return p.first <= pre_offset; });
  if (after == moved.begin()) return pre_offset.value();
  const auto& [pre, run_at] = *std::prev(after);
  return run_at + (pre_offset - pre);
}

bool Comparison::is_same_place(SectionOffset pre_offset, std::uint64_t run_at) const {
  if (moved.empty() || run_at == run_offset(pre_offset)) return run_at == run_offset(pre_offset);
  // Between two instructions of `moved` there are only nops, so the next one is what runs.
  const auto next = std::partition_point(moved.begin(), moved.end(),
                                         [&](const auto& p) { return p.first < pre_offset; });
  if (next == moved.end() || run_at > next->second || next->second > run.size()) return false;
  while (run_at < next->second) {
    const auto nop = nop_at(run.bytes().subspan(run_at));
    if (!nop) return false;
    run_at += nop->length;
  }
  return run_at == next->second;
}

Result<RunCode> RunCode::read(const Image& image, RunAddress address, std::size_t size) {
  RunCode code;
  code.bytes_ = image.view(address, size);
  if (code.bytes_.size() == size) return code;
  code.copy_.resize(size);
  if (auto done = image.read(address, code.copy_); !done) return propagate(done);
  code.bytes_ = code.copy_;
  return code;
}

Comparison CodeComparer::compare(std::uint32_t section, RunAddress address, Trial& trial) const {
  Comparison result;
  const std::uint64_t size = object_.section(section).size;
  auto run = RunCode::read(image_, address, size);
  if (!run) {
    result.difference = Difference{{}, 0, run.error().message};
    return result;
  }
  result.run = std::move(*run);
  const std::size_t mark = trial.mark();
  if (!sites_.is_cut(section) && trial.prove_as_built(section, result.run.bytes(), address))
    return result;
  trial.back_to(mark);
  SectionComparison straight(*this, section, address, trial);
  result.difference = straight.compare_straight(result.run.bytes());
  result.hooks = straight.take_hooks();
  if (!result.difference) return result;
  trial.back_to(mark);

  // Only a section that is one function may have another layout: in the others every function has
  // its place from the assembler.
  const auto functions = object_.functions_in(section);
  if (functions.empty() || functions.front()->value != functions.back()->value) return result;
  const SectionOffset begin(functions.front()->padding);
  if (functions.front()->value != begin) return result;
  auto longer = RunCode::read(image_, address, size + LayoutComparison::kMaxGrowth);
  if (!longer) return result;
  Comparison other;
  other.run = std::move(*longer);
  LayoutComparison layout(*this, section, address, trial);
  if (layout.compare(begin, other.run.bytes())) {
    trial.back_to(mark);
    return result;
  }
  other.hooks = layout.take_hooks();
  other.moved = layout.take_moved();
  other.run.shorten(layout.run_size());
  return other;
}

std::optional<std::string> SectionComparison::prove(const Relocation& relocation, Bytes field,
                                                    RunAddress address, SectionOffset place) {
  return trial_.prove(relocation, field, address, section_, place);
}

bool SectionComparison::is_as_built(const SiteGroup& group, RunAddress address, Bytes run) {
  // Not prove(): bytes that are equal lead to the same place without another layout.
  const auto differs = compare_stretch(
      object_, section_, group.begin, group.end, run,
      [&](const Relocation& relocation, Bytes field, std::uint64_t at) {
        return trial_.prove(relocation, field, address + at, section_, relocation.offset);
      });
  return !differs;
}

std::optional<std::string> SectionComparison::compare_encoding(const SiteGroup& group,
                                                               const Encoding& encoding,
                                                               RunAddress address, Bytes run) {
  std::vector<bool> free(encoding.bytes.size(), false);
  for (const Relocation& relocation : encoding.relocations) {
    const unsigned width = relocation_width(relocation.type).value_or(0);
    const std::uint64_t at = relocation.offset.value();
    if (at + width > encoding.bytes.size()) return "a relocation leaves its site";
    for (unsigned k = 0; k < width; k++) free[at + k] = true;
  }
  for (const std::uint32_t at : encoding.lock_prefixes)
    free[at] = run[at] == 0xf0 || run[at] == 0x3e;
  for (std::size_t i = 0; i < encoding.bytes.size(); i++)
    if (!free[i] && encoding.bytes[i] != run[i]) return kNoEncoding;
  for (const Relocation& relocation : encoding.relocations) {
    const unsigned width = relocation_width(relocation.type).value_or(0);
    if (width == 0) continue;
    const std::uint64_t at = relocation.offset.value();
    if (auto conflict = prove(relocation, run.subspan(at, width), address + at, group.begin + at))
      return conflict;
  }
  return std::nullopt;
}

std::optional<std::string> SectionComparison::compare_group(const SiteGroup& group,
                                                            RunAddress address, Bytes run) {
  // Most sites are as they were built, which every group permits (encodings.h).
  const Mark clean = mark();
  if (is_as_built(group, address, run)) return std::nullopt;
  back_to(clean);
  std::optional<std::string> reason;
  for (const Encoding& encoding : comparer_.encodings().of(section_, group, address, run)) {
    auto problem = compare_encoding(group, encoding, address, run);
    if (!problem) {
      if (!encoding.hook.empty()) hooks_.emplace_back(group.begin, encoding.hook);
      return std::nullopt;
    }
    back_to(clean);
    // The most telling reason is that of the encoding whose bytes fit.
    if (!reason || *problem != kNoEncoding) reason = problem;
  }
  std::string kinds;
  for (const Site& site : group.sites) {
    const std::string kind = site_kind_name(site.kind);
    if (kinds.find(kind) == std::string::npos) kinds += (kinds.empty() ? "" : ", ") + kind;
  }
  return fmt::format("{} ({})", reason.value_or("the site has no encoding"), kinds);
}

std::optional<Difference> SectionComparison::compare_straight(Bytes run) {
  const auto differs = [](SectionOffset at, std::string reason) {
    return Difference{at, at.value(), std::move(reason)};
  };
  const auto plain = [&](SectionOffset begin, SectionOffset end) -> std::optional<Difference> {
    const auto found =
        compare_stretch(object_, section_, begin, end, run.subspan(begin.value(), end - begin),
                        [&](const Relocation& relocation, Bytes field, std::uint64_t at) {
                          return prove(relocation, field, address_ + begin + at, relocation.offset);
                        });
    if (!found) return std::nullopt;
    switch (found->kind) {
      case StretchDifference::Kind::bytes:
        return differs(begin + found->at, "the code differs");
      case StretchDifference::Kind::field:
        return differs(begin + found->at, found->reason);
      case StretchDifference::Kind::stray:
        return differs(begin + found->at, "a relocation runs into a rewriting site");
    }
    return std::nullopt;
  };
  SectionOffset at;
  for (const SiteGroup& group : comparer_.groups(section_)) {
    if (auto difference = plain(at, group.begin)) return difference;
    if (auto reason = compare_group(group, address_ + group.begin,
                                    run.subspan(group.begin.value(), group.end - group.begin)))
      return differs(group.begin, *reason);
    at = group.end;
  }
  return plain(at, SectionOffset(pre_.size()));
}

}  // namespace splicer
