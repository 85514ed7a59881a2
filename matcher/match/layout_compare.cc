// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/match/layout_compare.h"

#include <elf.h>

#include <algorithm>

#include "matcher/elf/nops.h"

namespace splicer {

namespace {

constexpr const char* kDiffers = "the code differs";
constexpr const char* kLonger = "the code in memory is much longer";

// Of two branches the same number: both call, both jmp, both jcc of the same condition.
unsigned branch_kind(Bytes code, const Instruction& branch) {
  const std::uint8_t opcode = code[branch.immediate_offset - 1];
  if (opcode == 0xe8) return 0x100;
  if (opcode == 0xe9 || opcode == 0xeb) return 0x101;
  if (opcode >= 0xe0 && opcode <= 0xe3) return opcode;
  return opcode & 0xfu;
}

// What is before a branch's opcode: neither layout nor meaningless.
Bytes branch_prefixes(Bytes code, const Instruction& branch) {
  const bool two_bytes = branch.immediate_offset > 1 && branch.immediate_size == 4 &&
                         (code[branch.immediate_offset - 1] & 0xf0) == 0x80;
  return code.first(branch.immediate_offset - (two_bytes ? 2 : 1));
}

}  // namespace

std::optional<std::string> LayoutComparison::prove(const Relocation& relocation, Bytes field,
                                                   RunAddress address, SectionOffset place) {
  const Symbol& symbol = object_.symbol(relocation.symbol);
  if (symbol.section == section_ && (symbol.is_section() || !symbol.is_weak())) {
    // What is relative counts from the end of the field.
    const bool relative = relocation_is_pc_relative(relocation.type);
    const std::uint64_t end = relative ? field.size() : 0;
    const SectionOffset target = symbol.value + static_cast<std::uint64_t>(relocation.addend) + end;
    // The beginning has not moved; and of replaced code it is the old entry (Trial::prove).
    if (target != begin_) {
      const RunAddress value =
          (relative ? address : RunAddress()) + read_field(field, relocation.type);
      branches_.emplace_back(target, value + end - address_);
      return std::nullopt;
    }
  }
  return SectionComparison::prove(relocation, field, address, place);
}

void LayoutComparison::pair_up() {
  places_.emplace(p_, r_);
  pre_nops_.push_back(p_);
  run_nops_.push_back(r_);
  for (const SectionOffset at : pre_nops_) pre_real_.emplace(at, p_);
  for (const std::uint64_t at : run_nops_) run_real_.emplace(at, r_);
  pre_nops_.clear();
  run_nops_.clear();
}

std::optional<std::string> LayoutComparison::compare_site(const SiteGroup& group) {
  const std::uint64_t length = group.end - group.begin;
  if (length > run_.size() - r_) return kLonger;
  pair_up();
  if (auto reason = compare_group(group, address_ + r_, run_.subspan(r_, length))) return reason;
  p_ += length;
  r_ += length;
  ++group_;
  return std::nullopt;
}

// Only a constant at an instruction's end begins inside one (asm/runtime-const.h); what is before
// it says what is done with it.
std::optional<std::string> LayoutComparison::compare_site_at_end(const SiteGroup& group,
                                                                 const Instruction& pre,
                                                                 const Instruction& run) {
  const std::uint64_t before = group.begin - p_;
  if (group.end != p_ + pre.length || pre.length != run.length ||
      !object_.relocations_in(section_, p_, p_ + pre.length).empty() ||
      first_difference(pre_.subspan(p_.value(), before), run_.subspan(r_, before)))
    return "a rewriting site begins inside an instruction";
  if (auto reason = compare_group(group, address_ + r_ + before,
                                  run_.subspan(r_ + before, pre.length - before)))
    return reason;
  p_ += pre.length;
  r_ += run.length;
  ++group_;
  return std::nullopt;
}

std::optional<std::string> LayoutComparison::compare_branch(const Instruction& pre,
                                                            const Instruction& run) {
  const Bytes pre_code = pre_.subspan(p_.value());
  const Bytes run_code = run_.subspan(r_);
  if (branch_kind(pre_code, pre) != branch_kind(run_code, run) ||
      !std::ranges::equal(branch_prefixes(pre_code, pre), branch_prefixes(run_code, run)))
    return kDiffers;
  const auto relocations = object_.relocations_in(section_, p_, p_ + pre.length);
  if (relocations.empty()) {
    branches_.emplace_back(p_ + pre.length + static_cast<std::uint64_t>(pre.displacement),
                           r_ + run.length + static_cast<std::uint64_t>(run.displacement));
  } else {
    // A near branch to another section, which memory may reach with a short one: prove the same
    // symbol from the field that is there.
    Relocation relocation = relocations[0];
    if (relocations.size() != 1 || relocation.offset != p_ + pre.immediate_offset ||
        pre.immediate_size != 4)
      return "an unexpected relocation in a branch";
    if (run.immediate_size == 1) {
      relocation.type = R_X86_64_PC8;
      relocation.addend += 3;
    }
    const std::uint64_t field = r_ + run.immediate_offset;
    if (auto reason = prove(relocation, run_.subspan(field, run.immediate_size), address_ + field,
                            relocation.offset))
      return reason;
  }
  p_ += pre.length;
  r_ += run.length;
  return std::nullopt;
}

std::optional<std::string> LayoutComparison::compare_instruction(const Instruction& pre,
                                                                 const Instruction& run) {
  if (pre.length != run.length) return kDiffers;
  const auto differs =
      compare_stretch(object_, section_, p_, p_ + pre.length, run_.subspan(r_, pre.length),
                      [&](const Relocation& relocation, Bytes field, std::uint64_t at) {
                        return prove(relocation, field, address_ + r_ + at, relocation.offset);
                      });
  if (differs) {
    switch (differs->kind) {
      case StretchDifference::Kind::bytes:
        return kDiffers;
      case StretchDifference::Kind::field:
        return differs->reason;
      case StretchDifference::Kind::stray:
        return "an unexpected relocation";
    }
  }
  p_ += pre.length;
  r_ += run.length;
  return std::nullopt;
}

std::optional<std::string> LayoutComparison::compare_next() {
  if (r_ >= run_.size()) return kLonger;
  if (group_ != last_group_ && group_->begin == p_) return compare_site(*group_);
  const auto pre = decode(pre_.subspan(p_.value()));
  const auto run = decode(run_.subspan(r_));
  // Padding: nops on either side count for nothing, of whatever lengths.
  if (pre && pre->nop) {
    pre_nops_.push_back(p_);
    p_ += pre->length;
    return std::nullopt;
  }
  if (run && run->nop && nop_at(run_.subspan(r_))->usual) {
    run_nops_.push_back(r_);
    r_ += run->length;
    return std::nullopt;
  }
  pair_up();
  if (!pre || !run) return "the code differs, and the disassembler does not know it";
  if (group_ != last_group_ && group_->begin < p_ + pre->length)
    return compare_site_at_end(*group_, *pre, *run);
  return pre->direct_branch && run->direct_branch ? compare_branch(*pre, *run)
                                                  : compare_instruction(*pre, *run);
}

std::optional<Difference> LayoutComparison::check_branches() const {
  for (const auto& [pre_target, run_target] : branches_) {
    const auto pre_at = pre_real_.find(pre_target);
    const auto run_at = run_real_.find(run_target);
    if (pre_at == pre_real_.end() || run_at == run_real_.end() ||
        places_.at(pre_at->second) != run_at->second)
      return Difference{pre_target, run_target, "a branch leads elsewhere"};
  }
  return std::nullopt;
}

std::optional<Difference> LayoutComparison::compare(SectionOffset begin, Bytes run) {
  run_ = run;
  begin_ = p_ = begin;
  r_ = begin.value();
  group_ = comparer_.groups(section_).begin();
  last_group_ = comparer_.groups(section_).end();
  if (const auto at = first_difference(pre_.first(r_), run_.first(r_)))
    return Difference{SectionOffset(*at), *at, "the padding before the function differs"};
  while (p_ < pre_.size())
    if (auto reason = compare_next()) return Difference{p_, r_, std::move(*reason)};
  pair_up();
  return check_branches();
}

}  // namespace splicer
