// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/proof/oracle_code.h"

#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "matcher/elf/disassembler.h"

namespace splicer {

namespace {

using ByteList = std::vector<std::uint8_t>;

constexpr std::uint64_t kLongest = 256;  // more of the kernel's code than the object has

// One instruction, or a byte that is none.
struct Decoded {
  std::uint64_t length = 1;
  unsigned id = 0;
  bool branch = false;  // jmp, jcc or call of a place that it names
  std::uint64_t target = 0;
  bool nop = false;
};

// What gas and the kernel write where nothing is to be done.
bool is_nop(Bytes code) {
  while (code.size() > 1 && (code[0] == 0x66 || code[0] == 0x2e)) code = code.subspan(1);
  const ByteList bytes(code.begin(), code.end());
  static const std::vector<ByteList> forms = {
      {0x90},
      {0x0f, 0x1f, 0x00},
      {0x0f, 0x1f, 0x40, 0x00},
      {0x0f, 0x1f, 0x44, 0x00, 0x00},
      {0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00},
      {0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00},
  };
  return std::find(forms.begin(), forms.end(), bytes) != forms.end();
}

// `at` is where the instruction would be if its code began at 0.
Decoded decode_at(Bytes code, std::uint64_t at) {
  Decoded result;
  if (at >= code.size()) return result;
  const cs_insn* found = disassembler().one(code.subspan(at), at);
  if (found == nullptr) return result;
  result.length = found->size;
  result.id = found->id;
  const cs_x86& detail = found->detail->x86;
  const std::uint8_t first = code[at];
  const bool relative =
      first == 0xe8 || first == 0xe9 || first == 0xeb || (first >= 0x70 && first <= 0x7f) ||
      (first == 0x0f && found->size == 6 && code[at + 1] >= 0x80 && code[at + 1] <= 0x8f);
  if (relative && detail.op_count == 1 && detail.operands[0].type == X86_OP_IMM) {
    result.branch = true;
    result.target = static_cast<std::uint64_t>(detail.operands[0].imm);
  }
  result.nop = is_nop(code.subspan(at, result.length));
  return result;
}

std::uint64_t field_value(Bytes field, std::uint32_t type) {
  switch (field.size()) {
    case 1:
      return static_cast<std::uint64_t>(std::int64_t{*load<std::int8_t>(field, 0)});
    case 2:
      return static_cast<std::uint64_t>(std::int64_t{*load<std::int16_t>(field, 0)});
    case 4:
      if (type == R_X86_64_32) return *load<std::uint32_t>(field, 0);
      return static_cast<std::uint64_t>(std::int64_t{*load<std::int32_t>(field, 0)});
    default:
      return *load<std::uint64_t>(field, 0);
  }
}

}  // namespace

OracleCode::OracleCode(const ElfObject& object, const Image& image, std::string target)
    : object_(object), image_(image), target_(std::move(target)) {
  collect_sites();
}

void OracleCode::collect_sites() {
  static const std::map<std::string_view, std::pair<Site, std::uint64_t>> tables = {
      {"__mcount_loc", {Site::ftrace, 8}},   {".smp_locks", {Site::lock, 4}},
      {".return_sites", {Site::returns, 4}}, {"__jump_table", {Site::key, 16}},
      {".ibt_endbr_seal", {Site::endbr, 4}},
  };
  for (const Section& table : object_.sections()) {
    const auto known = tables.find(table.name);
    if (known == tables.end()) continue;
    for (const Relocation& relocation : table.relocations) {
      const Symbol& symbol = object_.symbol(relocation.symbol);
      if (relocation.offset.value() % known->second.second != 0 || !symbol.defined()) continue;
      const SectionOffset at = symbol.value + static_cast<std::uint64_t>(relocation.addend);
      PlacedSite& site = sites_[{symbol.section, at.value()}];
      site.site = known->second.first;
      if (site.site != Site::key) continue;
      const auto target =
          object_.relocations_in(table.index, relocation.offset + 4, relocation.offset + 5);
      if (target.size() != 1) continue;
      const Symbol& to = object_.symbol(target[0].symbol);
      site.inside = to.section == symbol.section;
      site.target = (to.value + static_cast<std::uint64_t>(target[0].addend)).value();
    }
  }
}

// Does the kernel's table agree, where it has the name?
bool OracleCode::lists(const Symbol& symbol, RunAddress address) const {
  const auto rows = image_.symbols().find_anywhere(symbol.name);
  if (rows.empty()) return true;
  const bool own = symbol.defined() && !symbol.is_weak();
  bool any = false;
  for (const KernelSymbol* row : rows) {
    const bool global = row->type < 'a' || row->type == 'w' || row->type == 'v';
    const bool meant = own ? row->module == target_
                           : (row->module == "vmlinux" && global) || row->module == target_ ||
                                 (target_ != "vmlinux" && row->type < 'a');
    any = any || meant;
    if (meant && row->address == address) return true;
  }
  // A static one in vmlinux is not the target's, except for its own.
  return !any && own;
}

// One walk over the section and the code at the address.
class OracleWalk {
 public:
  OracleWalk(const OracleCode& code, std::uint32_t section, RunAddress address)
      : code_(code),
        object_(code.object_),
        section_(section),
        pre_(object_.section(section).bytes),
        address_(address) {}

  OracleVerdict walk() {
    if (!read()) return refuse("nothing can be read there");
    bind({OracleKey::Kind::section, section_, 0}, address_);
    while (p_ < pre_.size() && verdict_.reason.empty()) step();
    if (!verdict_.reason.empty()) return std::move(verdict_);
    places_[p_] = r_;
    check_branches();
    check_unnamed();
    verdict_.run_size = r_;
    return std::move(verdict_);
  }

 private:
  bool read() {
    for (std::uint64_t size = pre_.size() + kLongest; size >= pre_.size(); size -= 16) {
      run_.resize(size);
      if (code_.image_.read(address_, run_)) return true;
      if (size < 16) break;
    }
    return false;
  }
  OracleVerdict refuse(const std::string& reason) {
    if (verdict_.reason.empty()) verdict_.reason = fmt::format("+{:#x}: {}", p_, reason);
    return std::move(verdict_);
  }
  void fail_with(const std::string& reason) {
    if (verdict_.reason.empty()) verdict_.reason = fmt::format("+{:#x}: {}", p_, reason);
  }

  void bind(OracleKey key, RunAddress value) {
    const auto [known, is_new] = verdict_.bindings.emplace(key, value);
    if (!is_new) {
      if (known->second != value) fail_with("a symbol is at two places");
      return;
    }
    if (key.kind == OracleKey::Kind::symbol) {
      const Symbol& symbol = object_.symbol(key.index);
      const bool missing = value == RunAddress() && symbol.is_weak() && symbol.undefined();
      if (!missing && !code_.lists(symbol, value))
        fail_with(fmt::format("{} is not at {}", symbol.name, value));
    }
    if (key.kind != OracleKey::Kind::section) return;
    for (const Symbol& symbol : object_.symbols())
      if (symbol.section == key.index && !symbol.is_section() && !symbol.is_weak() &&
          !symbol.name.empty() && !code_.lists(symbol, value + symbol.value))
        fail_with(fmt::format("{} is not at {}", symbol.name, value + symbol.value));
  }

  // `value`: what the relocation says its symbol is; `distance`: from the field to the end of the
  // instruction, if the field counts from there.
  void solve(const Relocation& relocation, RunAddress value, std::uint64_t distance) {
    const Symbol& symbol = object_.symbol(relocation.symbol);
    if (relocation.symbol == 0 || symbol.absolute) {
      if (value != symbol.absolute.value_or(RunAddress())) fail_with("an absolute value differs");
      return;
    }
    if (!symbol.defined() || (symbol.is_weak() && !symbol.is_section()))
      return bind({OracleKey::Kind::symbol, symbol.index, 0}, value);
    const Section& section = object_.section(symbol.section);
    if ((section.flags & SHF_MERGE) == 0 || section.is_writable())
      return bind({OracleKey::Kind::section, symbol.section, 0}, value - symbol.value);
    // A label keeps its own string; a section's symbol counts from the section.
    std::uint64_t offset = symbol.value.value();
    RunAddress address = value;
    if (symbol.is_section()) {
      const std::uint64_t into = static_cast<std::uint64_t>(relocation.addend) + distance;
      offset += into;
      address += into;
    }
    std::uint64_t size = section.entsize;
    if ((section.flags & SHF_STRINGS) != 0) {
      if (offset >= section.bytes.size()) return fail_with("a constant lies outside its section");
      const auto from = section.bytes.begin() + static_cast<std::ptrdiff_t>(offset);
      size = static_cast<std::uint64_t>(std::find(from, section.bytes.end(), 0) - from) + 1;
    } else if (size != 0) {
      address -= offset % size;
      offset -= offset % size;
    }
    if (!inside(offset, size, section.bytes.size()))
      return fail_with("a constant lies outside its section");
    bind({OracleKey::Kind::constant, symbol.section, offset}, address);
    ByteList there(size);
    if (!is_read_only(address) || !code_.image_.read(address, there) ||
        !std::equal(there.begin(), there.end(),
                    section.bytes.begin() + static_cast<std::ptrdiff_t>(offset)))
      fail_with(fmt::format("{}+{:#x} is not at {}", section.name, offset, address));
  }

  bool is_read_only(RunAddress address) const {
    if (code_.target_ != "vmlinux") {
      const auto sections = code_.image_.sections(code_.target_);
      return std::any_of(sections.begin(), sections.end(), [&](const auto& section) {
        return section.first.starts_with(".rodata") && section.second.contains(address);
      });
    }
    const auto begin = code_.image_.symbols().find("vmlinux", "__start_rodata");
    const auto end = code_.image_.symbols().find("vmlinux", "__end_rodata");
    return begin.size() == 1 && end.size() == 1 && address >= begin[0]->address &&
           address < end[0]->address;
  }

  // Where the object's branch or operand leads inside this section, if it does.
  std::optional<std::uint64_t> inner_target(const Relocation& relocation,
                                            std::uint64_t distance) const {
    const Symbol& symbol = object_.symbol(relocation.symbol);
    const bool own = symbol.section == section_ && (!symbol.is_weak() || symbol.is_section());
    if (!own || !relocation_is_pc_relative(relocation.type)) return std::nullopt;
    return (symbol.value + static_cast<std::uint64_t>(relocation.addend) + distance).value();
  }

  void step() {
    if (r_ >= run_.size()) return fail_with("the kernel's code ends");
    if (flipped_site()) return;
    const Decoded pre = decode_at(pre_, p_);
    const Decoded run = decode_at(run_, r_);
    places_[p_] = r_;
    if (same_instruction(pre)) {
      p_ += pre.length;
      r_ += pre.length;
      return;
    }
    if (pre.branch && run.branch && pre.id == run.id) return branches(pre, run);
    if (pre.nop) {
      pre_nops_[p_] = pre.length;
      p_ += pre.length;
    } else if (run.nop) {
      run_nops_[r_] = run.length;
      r_ += run.length;
    } else {
      fail_with("the code differs");
    }
  }

  // Are the bytes equal beside the relocated fields? Then these are solved.
  bool same_instruction(const Decoded& pre) {
    if (r_ + pre.length > run_.size()) return false;
    const auto relocations =
        object_.relocations_in(section_, SectionOffset(p_), SectionOffset(p_ + pre.length));
    std::vector<bool> field(pre.length, false);
    for (const Relocation& relocation : relocations)
      for (unsigned i = 0; i < relocation_width(relocation.type).value_or(0); ++i)
        if (relocation.offset.value() - p_ + i < pre.length)
          field[relocation.offset.value() - p_ + i] = true;
    for (std::uint64_t i = 0; i < pre.length; ++i)
      if (!field[i] && pre_[p_ + i] != run_[r_ + i]) return false;
    if (pre.nop) {
      pre_nops_[p_] = pre.length;
      run_nops_[r_] = pre.length;
    }
    if (relocations.empty() && pre.branch)
      branches_.emplace_back(pre.target, r_ + (pre.target - p_));
    for (const Relocation& relocation : relocations) solve_field(relocation, pre.length);
    return true;
  }

  void solve_field(const Relocation& relocation, std::uint64_t length) {
    const unsigned width = relocation_width(relocation.type).value_or(0);
    const std::uint64_t into = relocation.offset.value() - p_;
    if (width == 0) return;
    if (into + width > length) return fail_with("a field leaves its instruction");
    const bool relative = relocation_is_pc_relative(relocation.type);
    const std::uint64_t distance = relative ? length - into : 0;
    const RunAddress field = address_ + r_ + into;
    const RunAddress value(field_value(Bytes(run_).subspan(r_ + into, width), relocation.type) +
                           (relative ? field.value() : 0) -
                           static_cast<std::uint64_t>(relocation.addend));
    if (const auto target = inner_target(relocation, distance)) {
      const RunAddress there = value + static_cast<std::uint64_t>(relocation.addend) + distance;
      branches_.emplace_back(*target, there - address_);
      return;
    }
    solve(relocation, value, distance);
  }

  // One branch in two lengths.
  void branches(const Decoded& pre, const Decoded& run) {
    const auto relocations =
        object_.relocations_in(section_, SectionOffset(p_), SectionOffset(p_ + pre.length));
    if (relocations.empty()) {
      branches_.emplace_back(pre.target, run.target);
    } else {
      const Relocation& relocation = relocations[0];
      const std::uint64_t distance = p_ + pre.length - relocation.offset.value();
      if (const auto target = inner_target(relocation, distance))
        branches_.emplace_back(*target, run.target);
      else
        solve(relocation,
              address_ + run.target - distance - static_cast<std::uint64_t>(relocation.addend),
              distance);
    }
    p_ += pre.length;
    r_ += run.length;
  }

  // A form that one flip of a site makes; passes over it.
  bool flipped_site() {
    const auto known = code_.sites_.find({section_, p_});
    if (known == code_.sites_.end()) return false;
    static const ByteList nop5 = {0x0f, 0x1f, 0x44, 0x00, 0x00};
    static const ByteList nop2 = {0x66, 0x90};
    static const ByteList returns = {0xc3, 0xcc, 0xcc, 0xcc, 0xcc};
    static const ByteList endbr = {0x66, 0x0f, 0x1f, 0x00};
    const auto stands = [&](const ByteList& form) {
      return r_ + form.size() <= run_.size() &&
             std::equal(form.begin(), form.end(), run_.begin() + static_cast<std::ptrdiff_t>(r_));
    };
    const auto pass = [&](std::uint64_t length) {
      places_[p_] = r_;
      p_ += length;
      r_ += length;
      return true;
    };
    const OracleCode::PlacedSite& site = known->second;
    switch (site.site) {
      case OracleCode::Site::ftrace:
        return stands(nop5) && pass(5);
      case OracleCode::Site::returns:
        return stands(returns) && pass(5);
      case OracleCode::Site::endbr:
        return stands(endbr) && pass(4);
      case OracleCode::Site::lock:
        if (run_[r_] == 0x3e) run_[r_] = 0xf0;
        return false;
      case OracleCode::Site::key: {
        const bool is_short = pre_[p_] == 0xeb || pre_[p_] == 0x66;
        if (stands(is_short ? nop2 : nop5)) return pass(is_short ? 2 : 5);
        const Decoded run = decode_at(run_, r_);
        if (!run.branch || run.length != (is_short ? 2U : 5U) || !site.inside ||
            run_[r_] != (is_short ? 0xeb : 0xe9))
          return false;
        branches_.emplace_back(site.target, run.target);
        return pass(run.length);
      }
    }
    return false;
  }

  // Behind nops, which count for nothing.
  static std::uint64_t behind(const std::map<std::uint64_t, std::uint64_t>& nops,
                              std::uint64_t at) {
    for (auto nop = nops.find(at); nop != nops.end(); nop = nops.find(at)) at += nop->second;
    return at;
  }

  void check_branches() {
    for (const auto& [pre, run] : branches_) {
      if (const auto same = places_.find(pre); same != places_.end() && same->second == run)
        continue;
      const auto place = places_.find(behind(pre_nops_, pre));
      const bool nops =
          place != places_.end() && behind(run_nops_, place->second) == behind(run_nops_, run);
      // Into an instruction (behind a lock prefix), of code that is where it was.
      const bool into = p_ == r_ && pre == run && pre < p_ && !places_.contains(pre);
      if (!nops && !into) fail_with(fmt::format("a branch to +{:#x} leads to +{:#x}", pre, run));
    }
  }

  // What static_cpu_has() jumps to has no name, so its content must tell.
  void check_unnamed() {
    for (const auto& [key, base] : OracleBindings(verdict_.bindings)) {
      if (key.kind != OracleKey::Kind::section || key.index == section_ ||
          object_.section(key.index).name != ".altinstr_aux" || !verdict_.reason.empty())
        continue;
      OracleWalk walk(code_, key.index, base);
      const OracleVerdict other = walk.walk();
      if (!other.reason.empty()) fail_with(".altinstr_aux: " + other.reason);
    }
  }

  const OracleCode& code_;
  const ElfObject& object_;
  const std::uint32_t section_;
  const Bytes pre_;
  const RunAddress address_;
  ByteList run_;
  std::uint64_t p_ = 0;
  std::uint64_t r_ = 0;
  OracleVerdict verdict_;
  std::map<std::uint64_t, std::uint64_t> places_;    // instruction starts, pre -> run
  std::map<std::uint64_t, std::uint64_t> pre_nops_;  // start -> bytes
  std::map<std::uint64_t, std::uint64_t> run_nops_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> branches_;  // must lead to the same
};

OracleVerdict OracleCode::check(std::uint32_t section, RunAddress address) const {
  return OracleWalk(*this, section, address).walk();
}

}  // namespace splicer
