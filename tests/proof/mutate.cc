// SPDX-License-Identifier: GPL-2.0-or-later
//
// Alters a kernel image one byte at a time, and asks the matcher whether it notices.
//
//     mutate --image vmlinuz --modules lib/modules/REL --count 100000 LIST
//
// Places are of five kinds, drawn evenly among those that the object has: a byte of plain code, a
// byte of a relocated field, a byte of a rewriting site, a byte of a named constant, a byte of a
// string. The new value is a random byte, the old one with one bit flipped, or one of those that
// the kernel itself likes to write.
//
// A mutation is detected if the function, or anything else of its object, no longer matches. It is
// missed if all still matches; then either nothing changed, or, worse, a symbol moved. At a
// rewriting site an accepted byte is permitted if the kernel could have written it, which is judged
// here apart from the matcher: a lock prefix (f0 or 3e) is all that one byte can turn into another
// form.
//
// One class of mutations changes nothing that can be seen: where code refers to a string only once,
// and the altered address is that of an equal string in the kernel's read-only data (most often the
// empty one: any zero byte there is its equal). The code does the same; these are counted apart,
// after it has been checked here, again apart from the matcher, that the bytes are equal.
//
// Invariant: same image, list and seed: same mutations.
#include <fmt/core.h>

#include <elf.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>

#include "matcher/base/command_line.h"
#include "matcher/elf/elf_object.h"
#include "matcher/match/match.h"
#include "matcher/match/sites.h"
#include "tests/proof/altered_image.h"
#include "tests/proof/object_list.h"
#include "tests/proof/random_draw.h"

namespace {

using namespace splicer;
namespace po = boost::program_options;

enum Kind : std::size_t { kCode, kField, kSite, kConstant, kString, kKinds };
constexpr std::array<const char*, kKinds> kKindNames = {"code", "relocated field", "rewriting site",
                                                        "constant", "string"};

struct Place {
  RunAddress address;
  std::string where;                       // for people
  bool is_lock = false;                    // a lock prefix
  const Relocation* relocation = nullptr;  // of the field that it is in
  RunAddress field = {};                   // the field's address
};

struct Subject {
  ElfObject object;
  MatchOptions options;
  MatchResult clean;
  std::array<std::vector<Place>, kKinds> places;
};

// Bytes of matched functions, by kind.
void collect_code(Subject& subject, const SiteTables& sites) {
  for (const FunctionMatch& function : subject.clean.functions) {
    if (function.state != MatchState::matched) continue;
    const Symbol& symbol = subject.object.symbol(function.symbol);
    if (function.run_bytes.size() != symbol.size) continue;  // another layout: places are unknown
    std::vector<Kind> kinds(symbol.size, kCode);
    std::vector<bool> lock(symbol.size, false);
    std::vector<const Relocation*> fields(symbol.size, nullptr);
    for (const Relocation& relocation :
         subject.object.relocations_in(symbol.section, symbol.value, symbol.value + symbol.size))
      for (unsigned i = 0; i < relocation_width(relocation.type).value_or(0); ++i) {
        kinds[relocation.offset - symbol.value + i] = kField;
        fields[relocation.offset - symbol.value + i] = &relocation;
      }
    for (const SiteGroup& group : sites.in(symbol.section)) {
      if (group.begin < symbol.value || group.end > symbol.value + symbol.size) continue;
      for (SectionOffset at = group.begin; at < group.end; at += 1)
        kinds[at - symbol.value] = kSite;
      for (const Site& site : group.sites)
        if (site.kind == SiteKind::lock_prefix) lock[site.offset - symbol.value] = true;
    }
    for (std::uint64_t at = 0; at < symbol.size; ++at)
      subject.places[kinds[at]].push_back(
          {function.code + at, fmt::format("{}+{:#x}", function.name, at), lock[at], fields[at],
           fields[at] == nullptr ? RunAddress()
                                 : function.code + fields[at]->offset - symbol.value});
  }
}

// Bytes of constants that have a name, and of strings that matched code takes the address of.
void collect_data(Subject& subject) {
  for (const auto& [index, address] : subject.clean.addresses) {
    const Symbol& symbol = subject.object.symbol(index);
    if (!symbol.defined() || !symbol.is_object()) continue;
    const Section& section = subject.object.section(symbol.section);
    if (!section.name.starts_with(".rodata") || section.is_writable() || section.is_nobits())
      continue;
    for (std::uint64_t at = 0; at < symbol.size; ++at)
      subject.places[kConstant].push_back(
          {address + at, fmt::format("{}+{:#x}", symbol.name, at), false, nullptr, {}});
  }
  for (const FunctionMatch& function : subject.clean.functions) {
    if (function.state != MatchState::matched) continue;
    const Symbol& symbol = subject.object.symbol(function.symbol);
    if (function.run_bytes.size() != symbol.size) continue;
    for (const Relocation& relocation :
         subject.object.relocations_in(symbol.section, symbol.value, symbol.value + symbol.size)) {
      const Symbol& target = subject.object.symbol(relocation.symbol);
      if (relocation.type != R_X86_64_32S || !target.is_section()) continue;
      const Section& section = subject.object.section(target.section);
      if ((section.flags & SHF_STRINGS) == 0) continue;
      std::int32_t address = 0;
      std::copy_n(function.run_bytes.begin() +
                      static_cast<std::ptrdiff_t>(relocation.offset - symbol.value),
                  sizeof address, reinterpret_cast<std::uint8_t*>(&address));
      auto at = static_cast<std::uint64_t>(relocation.addend);
      for (std::uint64_t i = 0; at + i < section.bytes.size(); ++i) {
        subject.places[kString].push_back(
            {RunAddress(static_cast<std::uint64_t>(std::int64_t{address})) + i,
             fmt::format("a string of {} +{:#x}", function.name, i), false});
        if (section.bytes[at + i] == 0) break;
      }
    }
  }
}

enum class Outcome { detected, permitted, equal, unnoticed, moved };

// Does the altered field still refer to the same bytes, in read-only data?
bool same_string(const Subject& subject, const Image& image, const Place& place) {
  if (place.relocation == nullptr || place.relocation->type != R_X86_64_32S) return false;
  const Symbol& target = subject.object.symbol(place.relocation->symbol);
  if (!target.defined()) return false;
  const Section& section = subject.object.section(target.section);
  if ((section.flags & SHF_STRINGS) == 0) return false;
  const auto offset = target.value + static_cast<std::uint64_t>(place.relocation->addend);
  if (offset >= section.bytes.size()) return false;
  const auto from = section.bytes.begin() + static_cast<std::ptrdiff_t>(offset.value());
  const auto nul = std::find(from, section.bytes.end(), std::uint8_t{0});
  if (nul == section.bytes.end()) return false;
  const std::vector<std::uint8_t> wanted(from, nul + 1);
  std::int32_t address = 0;
  if (!image.read(place.field, {reinterpret_cast<std::uint8_t*>(&address), sizeof address}))
    return false;
  const RunAddress at(static_cast<std::uint64_t>(std::int64_t{address}));
  if (subject.options.target == "vmlinux") {
    const auto begin = image.symbols().find("vmlinux", "__start_rodata");
    const auto end = image.symbols().find("vmlinux", "__end_rodata");
    if (begin.size() != 1 || end.size() != 1 || at < begin[0]->address || at >= end[0]->address)
      return false;
  }
  std::vector<std::uint8_t> found(wanted.size());
  return image.read(at, found) && found == wanted;
}

Outcome judge(const Subject& subject, const MatchResult& altered, const Place& place,
              std::uint8_t value) {
  for (std::size_t i = 0; i < subject.clean.functions.size(); ++i)
    if (altered.functions[i].state != subject.clean.functions[i].state) return Outcome::detected;
  if (altered.altered_constants.size() != subject.clean.altered_constants.size())
    return Outcome::detected;
  if (altered.addresses != subject.clean.addresses) return Outcome::moved;
  if (place.is_lock && (value == 0xf0 || value == 0x3e)) return Outcome::permitted;
  return Outcome::unnoticed;
}

class Mutation {
 public:
  Mutation(const Image& image, std::uint64_t seed)
      : image_(image), altered_(image), random_(seed) {}

  Result<void> prepare(const std::vector<ListedObject>& objects) {
    for (const ListedObject& listed : objects) {
      auto object = ElfObject::load(listed.path);
      if (!object) return propagate(object);
      MatchOptions options;
      options.target = listed.target;
      auto clean = match_object(*object, image_, options);
      if (!clean) return propagate(clean);
      const auto sites = SiteTables::collect(*object);
      Subject subject{std::move(*object), options, std::move(*clean), {}};
      collect_code(subject, *sites);
      collect_data(subject);
      if (!subject.places[kCode].empty()) subjects_.push_back(std::move(subject));
    }
    return {};
  }

  Result<void> run(std::size_t count, const Console& console) {
    const auto began = std::chrono::steady_clock::now();
    for (std::size_t done = 0; done < count;) {
      const Subject& subject = subjects_[below(subjects_.size())];
      const std::size_t kind = below(kKinds);
      if (subject.places[kind].empty()) continue;
      auto counts = mutate(subject, kind);
      if (!counts) return propagate(counts);
      if (!*counts) continue;
      ++done;
      if (done % 5000 == 0)
        console.stage(
            "{} mutations, {:.0f} a second", done,
            static_cast<double>(done) /
                std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    }
    return {};
  }

  int report() const {
    std::size_t detected = 0;
    std::size_t missed = 0;
    std::size_t permitted = 0;
    std::size_t equal = 0;
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      const auto of = [&](Outcome outcome) {
        const auto found = outcomes_.find({kind, outcome});
        return found == outcomes_.end() ? std::size_t{0} : found->second;
      };
      fmt::print("{:<16} {:>7} detected, {} permitted, {} equal, {} unnoticed, {} moved a symbol\n",
                 kKindNames[kind], of(Outcome::detected), of(Outcome::permitted),
                 of(Outcome::equal), of(Outcome::unnoticed), of(Outcome::moved));
      detected += of(Outcome::detected);
      permitted += of(Outcome::permitted);
      equal += of(Outcome::equal);
      missed += of(Outcome::unnoticed) + of(Outcome::moved);
    }
    fmt::print("{} more that the kernel may have written itself, {} to an equal string\n",
               permitted, equal);
    fmt::print("mutations {}: detected {}, missed {}\n", detected + missed, detected, missed);
    return missed == 0 ? 0 : 5;
  }

 private:
  std::size_t below(std::size_t limit) { return random_.below(limit); }

  std::uint8_t new_value(std::uint8_t old) {
    constexpr std::array<std::uint8_t, 8> kLiked = {0x90, 0xcc, 0xf0, 0x3e, 0xe8, 0xe9, 0xeb, 0xc3};
    for (;;) {
      std::uint8_t value = old;
      switch (below(3)) {
        case 0:
          value = static_cast<std::uint8_t>(below(256));
          break;
        case 1:
          value = static_cast<std::uint8_t>(old ^ (1U << below(8)));
          break;
        default:
          value = kLiked[below(kLiked.size())];
      }
      if (value != old) return value;
    }
  }

  // False for a mutation that does not count, as the kernel may have made it.
  Result<bool> mutate(const Subject& subject, std::size_t kind) {
    const Place& place = subject.places[kind][below(subject.places[kind].size())];
    std::uint8_t old = 0;
    if (auto read = image_.read(place.address, {&old, 1}); !read) return propagate(read);
    const std::uint8_t value = new_value(old);
    altered_.alter(place.address, {value});
    auto result = match_object(subject.object, altered_, subject.options);
    if (!result) return propagate(result);
    Outcome outcome = judge(subject, *result, place, value);
    if (outcome == Outcome::unnoticed && same_string(subject, altered_, place))
      outcome = Outcome::equal;
    ++outcomes_[{kind, outcome}];
    if (outcome == Outcome::unnoticed || outcome == Outcome::moved)
      fmt::print("missed: {}, {} at {}: {:02x} became {:02x}{}\n", subject.object.name(),
                 place.where, place.address, old, value,
                 outcome == Outcome::moved ? ", and a symbol moved" : "");
    return outcome != Outcome::permitted && outcome != Outcome::equal;
  }

  const Image& image_;
  AlteredImage altered_;
  RandomDraw random_;
  std::vector<Subject> subjects_;
  std::map<std::pair<std::size_t, Outcome>, std::size_t> outcomes_;
};

}  // namespace

int main(int argc, char** argv) {
  Command command("mutate", "[OPTION]... LIST", "Alter an image byte by byte; is it noticed?");
  add_listed_options(command);
  command.options().add_options()("count", po::value<std::size_t>()->default_value(20000),
                                  "mutations")("seed", po::value<std::uint64_t>()->default_value(1),
                                               "of the random numbers");
  if (const auto status = command.parse(argc, argv)) return *status;
  const Console& console = command.console();
  const auto kernel = open_listed(command);
  if (!kernel) return console.finish(kernel.error());
  Mutation mutation(*kernel->image, command.values()["seed"].as<std::uint64_t>());
  if (auto ready = mutation.prepare(kernel->objects); !ready) return console.finish(ready.error());
  if (auto done = mutation.run(command.values()["count"].as<std::size_t>(), console); !done)
    return console.finish(done.error());
  return mutation.report();
}
