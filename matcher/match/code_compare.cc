// SPDX-License-Identifier: GPL-2.0-or-later
#include "matcher/match/code_compare.h"

#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "matcher/elf/instruction.h"
#include "matcher/elf/nops.h"

namespace splicer {

namespace {

// How much longer than the pre code the code in memory may be: every short jump of it made near.
constexpr std::uint64_t kMaxGrowth = 256;

std::optional<std::uint64_t> first_difference(Bytes a, Bytes b) {
  if (std::memcmp(a.data(), b.data(), a.size()) == 0) return std::nullopt;
  const auto [where, other] = std::mismatch(a.begin(), a.end(), b.begin());
  return static_cast<std::uint64_t>(where - a.begin());
}

}  // namespace

std::uint64_t Comparison::run_offset(std::uint64_t pre_offset) const {
  if (moved.empty()) return pre_offset;
  const auto after = std::partition_point(moved.begin(), moved.end(),
                                          [&](const auto& p) { return p.first <= pre_offset; });
  if (after == moved.begin()) return pre_offset;
  const auto& [pre, run_at] = *std::prev(after);
  return run_at + (pre_offset - pre);
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
    result.difference = Difference{0, 0, run.error().message};
    return result;
  }
  result.run = std::move(*run);
  const std::size_t mark = trial.mark();
  if (!sites_.is_cut(section) && trial.prove_as_built(section, result.run.bytes(), address))
    return result;
  trial.back_to(mark);
  result.difference = compare_straight(section, address, result.run.bytes(), trial, result);
  if (!result.difference) return result;
  trial.back_to(mark);

  // Only a section that is one function may have another layout: in the others every function has
  // its place from the assembler.
  const auto functions = object_.functions_in(section);
  if (functions.empty() || functions.front()->value != functions.back()->value) return result;
  const std::uint64_t begin = functions.front()->padding;
  if (functions.front()->value != begin) return result;
  Comparison other;
  auto longer = RunCode::read(image_, address, size + kMaxGrowth);
  if (!longer) return result;
  other.run = std::move(*longer);
  if (compare_moved(section, begin, address, other.run.bytes(), trial, other)) {
    trial.back_to(mark);
    return result;
  }
  return other;
}

std::optional<std::string> CodeComparer::fit(std::uint32_t section, const SiteGroup& group,
                                             const Form& form, RunAddress address, Bytes run,
                                             Trial& trial, Moved* moved) const {
  std::vector<bool> free(form.bytes.size(), false);
  for (const Relocation& relocation : form.relocations) {
    const unsigned width = relocation_width(relocation.type).value_or(0);
    if (relocation.offset + width > form.bytes.size()) return "a relocation leaves its site";
    for (unsigned k = 0; k < width; k++) free[relocation.offset + k] = true;
  }
  for (const std::uint32_t at : form.lock_prefixes) free[at] = run[at] == 0xf0 || run[at] == 0x3e;
  for (std::size_t i = 0; i < form.bytes.size(); i++)
    if (!free[i] && form.bytes[i] != run[i]) return "no permitted form of the site stands there";
  for (const Relocation& relocation : form.relocations) {
    const unsigned width = relocation_width(relocation.type).value_or(0);
    if (width == 0) continue;
    if (auto conflict =
            prove(section, relocation, run.subspan(relocation.offset, width),
                  address + relocation.offset, group.begin + relocation.offset, trial, moved))
      return conflict;
  }
  return std::nullopt;
}

std::optional<std::string> CodeComparer::prove(std::uint32_t section, const Relocation& relocation,
                                               Bytes field, RunAddress address, std::uint64_t place,
                                               Trial& trial, Moved* moved) const {
  const Symbol& symbol = object_.symbol(relocation.symbol);
  if (moved != nullptr && symbol.section == section && (symbol.is_section() || !symbol.is_weak())) {
    // What is relative counts from the end of the field.
    const bool relative = relocation_is_pc_relative(relocation.type);
    const std::uint64_t end = relative ? field.size() : 0;
    const std::uint64_t target = symbol.value + static_cast<std::uint64_t>(relocation.addend) + end;
    // The beginning has not moved; and of replaced code it is the old entry (Trial::prove).
    if (target != moved->begin) {
      const RunAddress value =
          (relative ? address : RunAddress()) + read_field(field, relocation.type);
      moved->branches.emplace_back(target, value + end - moved->code);
      return std::nullopt;
    }
  }
  return trial.prove(relocation, field, address, section, place);
}

bool CodeComparer::stretch_differs(std::uint32_t section, std::uint64_t begin, std::uint64_t end,
                                   RunAddress address, Bytes run, Trial& trial) const {
  const Bytes pre = object_.section(section).bytes;
  std::uint64_t at = begin;
  const auto differs_until = [&](std::uint64_t stop) {
    return std::memcmp(pre.data() + at, run.data() + (at - begin), stop - at) != 0;
  };
  for (const Relocation& relocation : object_.relocations_in(section, begin, end)) {
    const unsigned width = relocation_width(relocation.type).value_or(0);
    if (width == 0) continue;
    if (relocation.offset < at || relocation.offset + width > end) return true;
    if (differs_until(relocation.offset)) return true;
    const std::uint64_t field = relocation.offset - begin;
    if (trial.prove(relocation, run.subspan(field, width), address + field, section,
                    relocation.offset))
      return true;
    at = relocation.offset + width;
  }
  return differs_until(end);
}

std::optional<std::string> CodeComparer::compare_group(std::uint32_t section,
                                                       const SiteGroup& group, RunAddress address,
                                                       Bytes run, Trial& trial, Comparison& result,
                                                       Moved* moved) const {
  // Most sites stand as they were built, which every group permits (forms.h), and need no forms.
  const std::size_t clean = trial.mark();
  if (!stretch_differs(section, group.begin, group.end, address, run, trial)) return std::nullopt;
  trial.back_to(clean);
  std::optional<std::string> reason;
  for (const Form& form : forms_.make(section, group, address, run)) {
    const std::size_t mark = trial.mark();
    const std::size_t branch_mark = moved != nullptr ? moved->branches.size() : 0;
    auto problem = fit(section, group, form, address, run, trial, moved);
    if (!problem) {
      if (!form.hook.empty()) result.hooks.emplace_back(group.begin, form.hook);
      return std::nullopt;
    }
    trial.back_to(mark);
    if (moved != nullptr) moved->branches.resize(branch_mark);
    // The most telling reason is that of the form whose bytes fit.
    if (!reason || *problem != "no permitted form of the site stands there") reason = problem;
  }
  std::string kinds;
  for (const Site& site : group.sites) {
    const std::string kind = site_kind_name(site.kind);
    if (kinds.find(kind) == std::string::npos) kinds += (kinds.empty() ? "" : ", ") + kind;
  }
  return fmt::format("{} ({})", reason.value_or("the site has no form"), kinds);
}

std::optional<Difference> CodeComparer::compare_straight(std::uint32_t section, RunAddress address,
                                                         Bytes run, Trial& trial,
                                                         Comparison& result) const {
  const Section& code = object_.section(section);
  const Bytes pre = code.bytes;
  auto group = sites_.in(section).begin();
  const auto last_group = sites_.in(section).end();
  auto relocation = code.relocations.begin();
  for (std::uint64_t at = 0; at < pre.size();) {
    while (relocation != code.relocations.end() &&
           (relocation->offset < at || relocation_width(relocation->type).value_or(0) == 0))
      ++relocation;
    if (group != last_group && relocation != code.relocations.end() &&
        relocation->offset < group->begin &&
        relocation->offset + *relocation_width(relocation->type) > group->begin)
      return Difference{at, at, "a relocation runs into a rewriting site"};
    std::uint64_t stop = pre.size();
    if (group != last_group) stop = std::min(stop, group->begin);
    if (relocation != code.relocations.end()) stop = std::min(stop, relocation->offset);
    if (const auto differs =
            first_difference(pre.subspan(at, stop - at), run.subspan(at, stop - at)))
      return Difference{at + *differs, at + *differs, "the code differs"};
    at = stop;
    if (group != last_group && at == group->begin) {
      if (auto reason = compare_group(section, *group, address + at,
                                      run.subspan(at, group->end - at), trial, result, nullptr))
        return Difference{at, at, *reason};
      at = group->end;
      ++group;
    } else if (relocation != code.relocations.end() && at == relocation->offset) {
      const unsigned width = *relocation_width(relocation->type);
      if (auto reason = trial.prove(*relocation, run.subspan(at, width), address + at, section, at))
        return Difference{at, at, *reason};
      at += width;
    }
  }
  return std::nullopt;
}

std::optional<Difference> CodeComparer::compare_moved(std::uint32_t section, std::uint64_t begin,
                                                      RunAddress address, Bytes run, Trial& trial,
                                                      Comparison& result) const {
  const Bytes pre = object_.section(section).bytes;
  if (const auto differs = first_difference(pre.first(begin), run.first(begin)))
    return Difference{*differs, *differs, "the padding before the function differs"};
  // Instructions that stand for each other, pre -> run; a nop counts as the next real instruction.
  std::map<std::uint64_t, std::uint64_t> places;
  std::map<std::uint64_t, std::uint64_t> pre_real;
  std::map<std::uint64_t, std::uint64_t> run_real;
  std::vector<std::uint64_t> pre_nops;
  std::vector<std::uint64_t> run_nops;
  Moved moved{address, begin, {}};
  auto group = sites_.in(section).begin();
  const auto last_group = sites_.in(section).end();
  std::uint64_t p = begin;
  std::uint64_t r = begin;
  const auto differs = [&](std::string reason) { return Difference{p, r, std::move(reason)}; };
  const auto pair_up = [&] {
    places.emplace(p, r);
    pre_nops.push_back(p);
    run_nops.push_back(r);
    for (const std::uint64_t at : pre_nops) pre_real.emplace(at, p);
    for (const std::uint64_t at : run_nops) run_real.emplace(at, r);
    pre_nops.clear();
    run_nops.clear();
  };
  while (p < pre.size()) {
    if (r >= run.size()) return differs("the code in memory is much longer");
    if (group != last_group && group->begin == p) {
      const std::uint64_t length = group->end - group->begin;
      if (length > run.size() - r) return differs("the code in memory is much longer");
      pair_up();
      if (auto reason = compare_group(section, *group, address + r, run.subspan(r, length), trial,
                                      result, &moved))
        return differs(*reason);
      p += length;
      r += length;
      ++group;
      continue;
    }
    const auto a = decode(pre.subspan(p));
    const auto b = decode(run.subspan(r));
    // Padding: nops on either side count for nothing, of whatever lengths.
    if (a && a->nop) {
      pre_nops.push_back(p);
      p += a->length;
      continue;
    }
    if (b && b->nop && nop_at(run.subspan(r))->usual) {
      run_nops.push_back(r);
      r += b->length;
      continue;
    }
    pair_up();
    if (!a || !b) return differs("the code differs, and the disassembler does not know it");
    const auto relocations = object_.relocations_in(section, p, p + a->length);
    if (group != last_group && group->begin < p + a->length) {
      // Only a constant at an instruction's end does (asm/runtime-const.h); what stands before it
      // says what is done with it.
      const std::uint64_t before = group->begin - p;
      if (group->end != p + a->length || a->length != b->length || !relocations.empty() ||
          first_difference(pre.subspan(p, before), run.subspan(r, before)))
        return differs("a rewriting site begins inside an instruction");
      if (auto reason =
              compare_group(section, *group, address + r + before,
                            run.subspan(r + before, a->length - before), trial, result, &moved))
        return differs(*reason);
      p += a->length;
      r += b->length;
      ++group;
      continue;
    }
    if (a->direct_branch && b->direct_branch) {
      // The same kind of branch: both call, both jmp, both the same condition.
      const auto kind = [](Bytes code, const Instruction& i) -> unsigned {
        const std::uint8_t opcode = code[i.immediate_offset - 1];
        if (opcode == 0xe8) return 0x100;
        if (opcode == 0xe9 || opcode == 0xeb) return 0x101;
        if (opcode >= 0xe0 && opcode <= 0xe3) return opcode;
        return opcode & 0xfu;
      };
      // Prefixes are neither layout nor meaningless: they must be the same.
      const auto prefixes = [](Bytes code, const Instruction& i) {
        const bool two_bytes = i.immediate_offset > 1 && i.immediate_size == 4 &&
                               (code[i.immediate_offset - 1] & 0xf0) == 0x80;
        return code.first(i.immediate_offset - (two_bytes ? 2 : 1));
      };
      if (kind(pre.subspan(p), *a) != kind(run.subspan(r), *b) ||
          !std::ranges::equal(prefixes(pre.subspan(p), *a), prefixes(run.subspan(r), *b)))
        return differs("the code differs");
      if (relocations.empty()) {
        moved.branches.emplace_back(p + a->length + static_cast<std::uint64_t>(a->displacement),
                                    r + b->length + static_cast<std::uint64_t>(b->displacement));
      } else {
        // A near branch to another section, which memory may reach with a short one: prove the same
        // symbol from the field that is there.
        Relocation relocation = relocations[0];
        if (relocations.size() != 1 || relocation.offset != p + a->immediate_offset ||
            a->immediate_size != 4)
          return differs("an unexpected relocation in a branch");
        if (b->immediate_size == 1) {
          relocation.type = R_X86_64_PC8;
          relocation.addend += 3;
        }
        const std::uint64_t field = r + b->immediate_offset;
        if (auto reason = prove(section, relocation, run.subspan(field, b->immediate_size),
                                address + field, relocation.offset, trial, &moved))
          return differs(*reason);
      }
    } else {
      if (a->length != b->length) return differs("the code differs");
      std::uint64_t at = 0;
      for (const Relocation& relocation : relocations) {
        const unsigned width = relocation_width(relocation.type).value_or(0);
        if (width == 0) continue;
        const std::uint64_t offset = relocation.offset - p;
        if (offset < at || offset + width > a->length) return differs("an unexpected relocation");
        if (const auto d = first_difference(pre.subspan(p + at, offset - at),
                                            run.subspan(r + at, offset - at)))
          return differs("the code differs");
        if (auto reason = prove(section, relocation, run.subspan(r + offset, width),
                                address + r + offset, relocation.offset, trial, &moved))
          return differs(*reason);
        at = offset + width;
      }
      if (const auto d = first_difference(pre.subspan(p + at, a->length - at),
                                          run.subspan(r + at, a->length - at)))
        return differs("the code differs");
    }
    p += a->length;
    r += b->length;
  }
  pair_up();
  for (const auto& [pre_target, run_target] : moved.branches) {
    const auto pre_at = pre_real.find(pre_target);
    const auto run_at = run_real.find(run_target);
    if (pre_at == pre_real.end() || run_at == run_real.end() ||
        places.at(pre_at->second) != run_at->second)
      return Difference{pre_target, run_target, "a branch leads elsewhere"};
  }
  result.moved.assign(places.begin(), places.end());
  result.run.shorten(r);
  return std::nullopt;
}

}  // namespace splicer
