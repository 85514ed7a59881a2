// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/livepatch_module.h"

#include <elf.h>
#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>

#include "matcher/base/wording.h"
#include "matcher/elf/elf_object.h"
#include "matcher/elf/elf_writer.h"
#include "runtime/package/digest.h"
#include "runtime/prepare/livepatch_reference.h"

namespace splicer {

namespace {

constexpr std::string_view kThisModule = ".gnu.linkonce.this_module";

// More than any module has; what a file of a few bytes asks for is made here.
constexpr std::uint64_t kMostAlignment = 4096;
constexpr std::uint64_t kMostMemory = 256U << 20;

// What a module has once; the frame brings it.
bool is_of_frame(const Section& section) {
  return section.name == kThisModule || section.name == ".modinfo" || section.name == "__versions";
}

bool is_taken(const Section& section, bool of_frame) {
  return section.is_alloc() && section.type != SHT_NOTE && section.size != 0 &&
         !section.name.starts_with(".discard") &&  // as scripts/module.lds.S has it
         (of_frame || !is_of_frame(section));
}

// May the kernel write a reference into it when the loader has long read the module's tables? What is for the start
// alone is gone by then, and of data for each processor the loader's copy, which is where it would be written
// (apply_relocate_add() goes by sh_addr; load_module() takes SHF_ALLOC from that section).
bool may_be_late(const Section& section) {
  if (section.name.starts_with(".init") || section.name.starts_with(".data..percpu")) return false;
  if (section.is_code()) return section.name != ".altinstr_replacement";
  return section.name.starts_with(".data") || section.name.starts_with(".rodata");
}

std::optional<std::size_t> number_behind(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  std::size_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + prefix.size(), end, number);
  return error == std::errc() && rest == end ? std::optional(number) : std::nullopt;
}

Failure refused(const std::vector<std::string>& reasons) {
  const std::string more =
      reasons.size() > 1 ? fmt::format(" (and {} more)", counted(reasons.size() - 1, "reason"))
                         : "";
  return fail(
             ExitCode::unsafe, "livepatch-form",
             fmt::format("the kernel's livepatch cannot carry this update: {}{}", reasons[0], more))
      .detail(fmt::format("{}\n", fmt::join(reasons, "\n")))
      .hint("apply the update with --engine stop");
}

// Where something is in the finished file.
struct Place {
  ElfWriter::SectionId section = 0;
  std::uint64_t offset = 0;
};

class Maker {
 public:
  explicit Maker(const LivepatchModule& wanted)
      : wanted_(wanted), manifest_(wanted.package.manifest) {}

  Result<std::vector<std::uint8_t>> run() {
    reasons_ = livepatch_obstacles(manifest_);
    check_sites();
    check_boot();
    if (auto read = read_parts(); !read) return propagate(read);
    for (std::size_t part = 0; part < parts_.size(); ++part)
      if (auto placed = lay_out(part); !placed) return propagate(placed);
    find_frame_symbols();
    for (std::size_t part = 0; part < parts_.size(); ++part)
      if (auto written = write_references(part); !written) return propagate(written);
    if (auto named = write_name(); !named) return propagate(named);
    if (!reasons_.empty()) return refused(reasons_);
    return out_.finish();
  }

 private:
  using Written = Result<void>;

  std::size_t frame() const { return manifest_.targets.size(); }

  // Each reason once, in the order in which they were found.
  void cannot(std::string reason) {
    if (std::ranges::find(reasons_, reason) == reasons_.end())
      reasons_.push_back(std::move(reason));
  }

  Failure malformed(const std::string& part, const std::string& what) const {
    return fail(ExitCode::bad_package, "link-symbol", what)
        .at_file(part)
        .hint("make the package again with splice-create");
  }

  // ftrace leads the calls on at a site at the entry (klp_patch_func() in kernel/livepatch/patch.c).
  void check_sites() {
    for (const MatchedFunction& matched : wanted_.matched.functions)
      if (!matched.run.ftrace_site)
        cannot(fmt::format("{} has no ftrace site", matched.function->name));
  }

  // What only this boot decides may not stand in a file for all of them.
  void check_boot() {
    for (std::size_t i = 0; wanted_.portable && i < manifest_.targets.size(); ++i) {
      const PackageTarget& target = manifest_.targets[i];
      if (wanted_.new_modules[i] != wanted_.package.members.at(target.new_member))
        cannot(fmt::format(
            "the new code for {} branches on a static key that the kernel seals when it boots",
            target.name));
      for (const PackageSymbol& symbol : target.symbols)
        if (symbol.source == "constant")
          cannot(
              fmt::format("the new code needs {}, which the kernel writes into code when it boots",
                          symbol.kernel_name));
    }
  }

  Result<void> read_parts() {
    for (std::size_t i = 0; i < manifest_.targets.size(); ++i) {
      auto module = ElfObject::parse(wanted_.new_modules[i], manifest_.targets[i].new_member);
      if (!module) return propagate(module);
      parts_.push_back(std::move(*module));
    }
    auto frame = ElfObject::parse(wanted_.package.members.at(manifest_.frame), manifest_.frame);
    if (!frame) return propagate(frame);
    parts_.push_back(std::move(*frame));
    return {};
  }

  Result<void> lay_out(std::size_t part) {
    for (const Section& section : parts_[part].sections()) {
      if (!is_taken(section, part == frame())) continue;
      memory_ += section.size + section.align;
      if (!std::has_single_bit(std::max<std::uint64_t>(section.align, 1)) ||
          section.align > kMostAlignment || memory_ > kMostMemory)
        return fail(ExitCode::bad_package, "elf-malformed",
                    fmt::format("{} needs more memory, or an alignment, that no module has",
                                section.name))
            .at_file(parts_[part].name())
            .hint("make the package again with splice-create");
      const std::uint64_t flags = section.flags & (SHF_ALLOC | SHF_WRITE | SHF_EXECINSTR);
      const bool zeros = section.is_nobits();
      Place place;
      place.section =
          out_.section(section.name, zeros ? SHT_NOBITS : SHT_PROGBITS, flags, section.entsize);
      place.offset = zeros ? out_.reserve(place.section, section.size, section.align)
                           : out_.append(place.section, section.bytes, section.align);
      places_[{part, section.index}] = place;
    }
    for (const Symbol& symbol : parts_[part].symbols()) {
      if (!symbol.defined() || symbol.is_section() || symbol.name.empty()) continue;
      const auto place = places_.find({part, symbol.section});
      if (place != places_.end())
        out_.define(symbol.name, place->second.section, place->second.offset + symbol.value.value(),
                    symbol.size, STB_LOCAL, symbol.type);
    }
    return {};
  }

  // What the frame calls splice_new_N, splice_position_N and splice_hook_N: in the order of the manifest.
  void find_frame_symbols() {
    for (const MatchedFunction& matched : wanted_.matched.functions) {
      new_code_.push_back(
          section_place(matched.target, matched.function->section, matched.function->offset));
      const std::string& name = matched.function->name;
      auto reference = livepatch_reference(matched.run.address, name, wanted_.kernel);
      if (reference && (reference->name != name || reference->distance != 0 ||
                        reference->object != manifest_.targets[matched.target].name))
        cannot(fmt::format("{} does not stand in the kernel's symbol table", name));
      if (!reference) cannot(reference.error().message);
      positions_.push_back(reference ? reference->position : 0);
    }
    for (std::size_t i = 0; i < manifest_.targets.size(); ++i)
      for (const PackageHook& hook : manifest_.targets[i].hooks)
        hooks_.push_back(section_place(i, hook.section, hook.offset));
  }

  std::optional<Place> section_place(std::size_t part, const std::string& section,
                                     std::uint64_t offset) const {
    const Section* found = parts_[part].find_section(section);
    if (found == nullptr || offset >= found->size) return std::nullopt;
    const auto place = places_.find({part, found->index});
    if (place == places_.end()) return std::nullopt;
    return Place{place->second.section, place->second.offset + offset};
  }

  Written write_references(std::size_t part) {
    std::map<std::string, const PackageSymbol*> listed;
    if (part != frame())
      for (const PackageSymbol& symbol : manifest_.targets[part].symbols)
        listed[symbol.name] = &symbol;
    for (const Section& section : parts_[part].sections()) {
      const auto place = places_.find({part, section.index});
      if (place == places_.end()) continue;
      for (const Relocation& relocation : section.relocations) {
        if (relocation.type == R_X86_64_NONE) continue;
        const Field field{
            section,
            relocation,
            {place->second.section, place->second.offset + relocation.offset.value()}};
        const Symbol& symbol = parts_[part].symbol(relocation.symbol);
        const auto known = listed.find(symbol.name);
        auto written = symbol.defined() ? write_inside(part, symbol, field)
                       : !symbol.undefined()
                           ? malformed(parts_[part].name(), "a symbol has an address already")
                       : part == frame()       ? write_for_frame(symbol, field)
                       : known == listed.end() ? write_import(part, symbol.name, field)
                                               : write_listed(part, *known->second, field);
        if (!written) return written;
      }
    }
    return {};
  }

  // A field to be relocated: in which section of its part, and where that is now.
  struct Field {
    const Section& section;
    const Relocation& relocation;
    Place at;
  };

  void relocate_to(const Place& target, const Field& field) {
    out_.relocate(field.at.section, field.at.offset, out_.section_symbol(target.section),
                  field.relocation.type,
                  static_cast<std::int64_t>(target.offset) + field.relocation.addend);
  }

  Written write_inside(std::size_t part, const Symbol& symbol, const Field& field) {
    const auto place = places_.find({part, symbol.section});
    if (place == places_.end())
      return malformed(parts_[part].name(),
                       fmt::format("{} refers to {}, which the module does not have",
                                   field.section.name, symbol.name));
    relocate_to({place->second.section, place->second.offset + symbol.value.value()}, field);
    return {};
  }

  Written write_for_frame(const Symbol& symbol, const Field& field) {
    if (const auto number = number_behind(symbol.name, "splice_position_")) {
      if (*number >= positions_.size() || field.relocation.type != R_X86_64_64)
        return malformed(manifest_.frame,
                         fmt::format("{} is no function of the update", symbol.name));
      std::uint8_t bytes[sizeof(std::uint64_t)];
      std::memcpy(bytes, &positions_[*number], sizeof bytes);
      out_.overwrite(field.at.section, field.at.offset, bytes);
      return {};
    }
    for (const auto& [prefix, places] :
         {std::pair("splice_new_", &new_code_), {"splice_hook_", &hooks_}}) {
      const auto number = number_behind(symbol.name, prefix);
      if (!number) continue;
      if (*number >= places->size() || !(*places)[*number])
        return malformed(manifest_.frame,
                         fmt::format("{} is nowhere in the new code", symbol.name));
      relocate_to(*(*places)[*number], field);
      return {};
    }
    out_.relocate(field.at.section, field.at.offset, out_.undefined(symbol.name),
                  field.relocation.type, field.relocation.addend);
    return {};
  }

  // What vmlinux exports stays undefined: the loader looks it up and checks its version. What a module exports
  // is looked up when both are there, or that module could never be unloaded again.
  Written write_import(std::size_t part, const std::string& name, const Field& field) {
    const KernelSymbol* of_module = nullptr;
    bool of_vmlinux = false;
    wanted_.kernel.for_each(name, [&](const KernelSymbol& symbol) {
      if (symbol.module == "vmlinux")
        of_vmlinux = true;
      else if (symbol.type >= 'A' && symbol.type <= 'Z')
        of_module = &symbol;
    });
    if (of_vmlinux || of_module == nullptr || manifest_.targets[part].name == "vmlinux") {
      out_.relocate(field.at.section, field.at.offset, out_.undefined(name), field.relocation.type,
                    field.relocation.addend);
      return {};
    }
    return write_by_name(part, name, of_module->address, field);
  }

  Written write_listed(std::size_t part, const PackageSymbol& symbol, const Field& field) {
    if (symbol.source == "update") return write_update(symbol, field);
    if (symbol.source == "constant") return write_constant(part, symbol, field);
    const auto address = wanted_.matched.addresses[part].find(symbol.name);
    if (address == wanted_.matched.addresses[part].end())
      return malformed(parts_[part].name(), fmt::format("{} has no address", symbol.name));
    return write_by_name(part, symbol.kernel_name, address->second, field);
  }

  Written write_update(const PackageSymbol& symbol, const Field& field) {
    const auto other = std::ranges::find_if(manifest_.targets, [&](const PackageTarget& target) {
      return target.name == symbol.target;
    });
    const auto part = static_cast<std::size_t>(other - manifest_.targets.begin());
    auto definition = find_definition(symbol, parts_[part]);
    if (!definition) return propagate(definition);
    const auto place = section_place(part, definition->section, definition->offset.value());
    if (!place)
      return malformed(parts_[part].name(),
                       fmt::format("{} is in no section that is loaded", symbol.name));
    relocate_to(*place, field);
    return {};
  }

  // A number, not an address. The loader has no relocation of one byte.
  Written write_constant(std::size_t part, const PackageSymbol& symbol, const Field& field) {
    const auto value = wanted_.matched.constants[part].find(symbol.name);
    if (value == wanted_.matched.constants[part].end())
      return malformed(parts_[part].name(), fmt::format("{} has no value", symbol.name));
    if (field.relocation.type == R_X86_64_8) {
      const auto byte = static_cast<std::uint8_t>(value->second);
      out_.overwrite(field.at.section, field.at.offset, Bytes(&byte, 1));
    } else {
      out_.relocate(field.at.section, field.at.offset,
                    out_.reserved(symbol.name, SHN_ABS, value->second), field.relocation.type,
                    field.relocation.addend);
    }
    return {};
  }

  Written write_by_name(std::size_t part, const std::string& name, RunAddress address,
                        const Field& field) {
    const auto reference = livepatch_reference(address, name, wanted_.kernel);
    if (!reference) {
      cannot(reference.error().message);
      return {};
    }
    // Which object must be there before the kernel can write it.
    const std::string& target = manifest_.targets[part].name;
    const std::string& late = reference->object == "vmlinux" ? reference->object : target;
    // What stands before it in memory may be another object's, which is loaded somewhere else the next time.
    if (reference->distance != 0 && reference->object != target)
      cannot(fmt::format("{} has no name in {}, and nothing of {} before it has one", name, target,
                         target));
    if (reference->object != "vmlinux" && target == "vmlinux")
      cannot(fmt::format("the new code for vmlinux refers to {} of module {}", reference->name,
                         reference->object));
    if (late != "vmlinux" && !may_be_late(field.section))
      cannot(fmt::format(
          "{} of the new code refers to {} of module {}, and the loader reads it before that "
          "module may be there",
          field.section.name, reference->name, reference->object));
    out_.relocate(field.at.section, field.at.offset,
                  out_.reserved(reference->symbol(), kLivepatchIndex, 0), field.relocation.type,
                  field.relocation.addend + reference->distance, late);
    return {};
  }

  // Over the name that the frame was compiled with, in struct module.
  Result<void> write_name() {
    const Section* module = parts_[frame()].find_section(kThisModule);
    const std::string made = fmt::format("livepatch_{}", kIdPlaceholder);
    const Bytes bytes = module == nullptr ? Bytes() : module->bytes;
    const auto found = std::search(bytes.begin(), bytes.end(), made.begin(), made.end());
    const auto place = places_.find({frame(), module == nullptr ? 0 : module->index});
    if (!is_module_name(wanted_.name) || found == bytes.end() || place == places_.end())
      return malformed(manifest_.frame, fmt::format("the module cannot be named {}", wanted_.name));
    std::vector<std::uint8_t> name(wanted_.name.begin(), wanted_.name.end());
    name.resize(std::max(name.size() + 1, made.size()), 0);
    const auto offset = static_cast<std::uint64_t>(found - bytes.begin());
    if (bytes.size() - offset < name.size())
      return malformed(manifest_.frame, "struct module has no room for the module's name");
    out_.overwrite(place->second.section, place->second.offset + offset, name);
    return {};
  }

  const LivepatchModule& wanted_;
  const Manifest& manifest_;
  std::vector<std::string> reasons_;
  std::vector<ElfObject> parts_;  // by target; then the frame
  ElfWriter out_;
  std::uint64_t memory_ = 0;                                       // of the sections so far
  std::map<std::pair<std::size_t, std::uint32_t>, Place> places_;  // by part and section
  std::vector<std::optional<Place>> new_code_;                     // splice_new_N
  std::vector<std::uint64_t> positions_;                           // splice_position_N
  std::vector<std::optional<Place>> hooks_;                        // splice_hook_N
};

}  // namespace

std::vector<std::string> livepatch_obstacles(const Manifest& manifest) {
  std::vector<std::string> reasons;
  for (const PackageTarget& target : manifest.targets) {
    for (const PackageValue& value : target.values)
      reasons.push_back(fmt::format("{} is written in place", value.name));
    for (const PackageHook& hook : target.hooks)
      if (livepatch_callback(hook).empty())
        reasons.push_back(
            fmt::format("livepatch has no callback for the {} hook {}", hook.kind, hook.name));
  }
  return reasons;
}

Result<std::vector<std::uint8_t>> make_livepatch_module(const LivepatchModule& wanted) {
  const Manifest& manifest = wanted.package.manifest;
  if (!manifest.frame.empty()) return Maker(wanted).run();
  auto reasons = livepatch_obstacles(manifest);
  if (reasons.empty())
    reasons.emplace_back("the kernel that it was made for has no livepatch (CONFIG_LIVEPATCH)");
  return refused(reasons);
}

std::string livepatch_module_name(const Package& package) {
  std::string all;
  const auto add = [&](const std::string& member) {
    if (const auto found = package.members.find(member); found != package.members.end())
      all += sha256_hex(found->second);
  };
  add(package.manifest.frame);
  for (const PackageTarget& target : package.manifest.targets) add(target.new_member);
  return "livepatch_" + sha256_hex(all).substr(0, kIdPlaceholder.size());
}

}  // namespace splicer
