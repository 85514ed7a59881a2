// SPDX-License-Identifier: GPL-2.0-or-later
//
// Matches objects a second time, the slow way, and asks whether the matcher says the same.
//
//     oracle --image vmlinuz --modules lib/modules/REL --count 500 LIST
//
// The oracle finds the places of an object's code in rounds. In each round every section whose place
// is known is checked there by itself (oracle_code.h); then all that the sections say about symbols
// is put together, and a section that contradicts another is refused with it. A place is known by the
// only row of its name in the kernel's table, by a reference of code that is proved, by lying between
// or beside proved code of the object, or by a variable that points to it. When a round proves
// nothing more, what is proved must stand in the object's order.
//
// First the verdicts on each function are compared: matched or not, and where. Then --count bytes of
// matched code are altered, one at a time, every fourth at a site, to what a flip of it would make:
// either both refuse something of the object, or neither does. There is no case in which they may
// differ.
//
// Invariant: nothing of matcher/match is used but match_object() itself, for comparison.
#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "matcher/base/command_line.h"
#include "matcher/elf/elf_object.h"
#include "matcher/elf/kernel_sections.h"
#include "matcher/match/match.h"
#include "tests/proof/altered_image.h"
#include "tests/proof/object_list.h"
#include "tests/proof/oracle_code.h"
#include "tests/proof/random_draw.h"

namespace {

using namespace splicer;
namespace po = boost::program_options;

// All verdicts of the oracle on an object.
class Oracle {
 public:
  Oracle(const ElfObject& object, const Image& image, const std::string& target)
      : object_(object), image_(image), target_(target), code_(object, image, target) {}

  // The places of the functions that match, by symbol.
  std::map<std::uint32_t, RunAddress> functions() {
    collect();
    while (round()) {
    }
    refuse_misplaced();
    std::map<std::uint32_t, RunAddress> found;
    for (const Piece& piece : pieces_)
      for (const Symbol* function : object_.functions_in(piece.section))
        if (piece.state == State::proved && is_its_own(*function, piece.base + function->value))
          found.emplace(function->index, piece.base + function->value);
    return found;
  }
  // Why a function does not match.
  std::string reason(std::uint32_t symbol) const {
    for (const Piece& piece : pieces_)
      if (piece.section == object_.symbol(symbol).section)
        return piece.reason.empty() ? "its place is not known" : piece.reason;
    return "its section is not kept";
  }

 private:
  enum class State : std::uint8_t { open, proved, refused };
  struct Piece {
    std::uint32_t section = 0;
    std::string group;
    std::size_t place = 0;
    std::vector<RunAddress> candidates;
    State state = State::open;
    RunAddress base;
    OracleVerdict verdict;
    std::string reason;
  };

  static bool is_weak_row(const KernelSymbol& row) {
    return row.type == 'W' || row.type == 'w' || row.type == 'V' || row.type == 'v';
  }

  void collect() {
    std::map<std::string, std::size_t> places;
    for (const Section& section : object_.sections()) {
      if (!section.is_code() || section.bytes.empty() ||
          is_discarded(section.name, target_ != "vmlinux"))
        continue;
      Piece piece;
      piece.section = section.index;
      piece.group = linked_section(section.name);
      piece.place = places[piece.group]++;
      piece.candidates = candidates(section.index);
      pieces_.push_back(std::move(piece));
    }
  }

  // Where all names that the kernel lists of it are at their distances.
  std::vector<RunAddress> candidates(std::uint32_t section) const {
    std::optional<std::set<RunAddress>> common;
    for (const bool weak : {false, true}) {
      if (common) break;
      for (const Symbol& symbol : object_.symbols()) {
        if (symbol.section != section || symbol.is_section() || symbol.is_weak() != weak ||
            symbol.name.empty() || (!symbol.is_function() && symbol.type != STT_NOTYPE))
          continue;
        std::set<RunAddress> here;
        for (const KernelSymbol* row : image_.symbols().find(target_, symbol.name))
          if (!weak || is_weak_row(*row)) here.insert(row->address - symbol.value);
        if (here.empty()) continue;
        std::set<RunAddress> both;
        for (const RunAddress base : here)
          if (!common || common->contains(base)) both.insert(base);
        common = both;
      }
    }
    return common ? std::vector<RunAddress>(common->begin(), common->end())
                  : std::vector<RunAddress>();
  }

  bool round() {
    const auto pointed = pointers();
    std::vector<Piece*> tried;
    for (Piece& piece : pieces_) {
      if (piece.state != State::open) continue;
      const auto base = place_of(piece, pointed);
      if (!base) continue;
      piece.base = *base;
      piece.verdict = code_.check(piece.section, *base);
      piece.reason = piece.verdict.reason;
      piece.state = piece.reason.empty() ? State::proved : State::refused;
      tried.push_back(&piece);
    }
    // Two that contradict each other are both wrong, unless one was proved before.
    std::map<OracleKey, RunAddress> now;
    std::set<OracleKey> torn;
    for (const Piece* piece : tried) {
      if (piece->state != State::proved) continue;
      for (const auto& [key, value] : piece->verdict.bindings)
        if (const auto [known, is_new] = now.emplace(key, value); !is_new && known->second != value)
          torn.insert(key);
    }
    bool progress = false;
    for (Piece* piece : tried) {
      if (piece->state != State::proved) continue;
      for (const auto& [key, value] : piece->verdict.bindings) {
        const auto known = bindings_.find(key);
        if (torn.contains(key) || (known != bindings_.end() && known->second != value))
          piece->reason = "another function has a symbol elsewhere";
      }
      if (piece->reason.empty()) {
        progress = true;
      } else {
        piece->state = State::refused;
      }
    }
    for (const Piece* piece : tried)
      if (piece->state == State::proved)
        bindings_.insert(piece->verdict.bindings.begin(), piece->verdict.bindings.end());
    return progress;
  }

  std::optional<RunAddress> place_of(const Piece& piece,
                                     const std::map<std::uint32_t, RunAddress>& pointed) const {
    if (piece.candidates.size() == 1) return piece.candidates[0];
    const auto bound = bindings_.find({OracleKey::Kind::section, piece.section, 0});
    if (bound != bindings_.end()) return bound->second;
    std::vector<RunAddress> own;
    for (const RunAddress base : piece.candidates)
      if (is_beside(piece, base)) own.push_back(base);
    if (own.size() == 1) return own[0];
    const auto pointer = pointed.find(piece.section);
    if (pointer != pointed.end() && std::find(piece.candidates.begin(), piece.candidates.end(),
                                              pointer->second) != piece.candidates.end())
      return pointer->second;
    return std::nullopt;
  }

  // Between two proved pieces of the object, or right beside the one that is next to it there.
  bool is_beside(const Piece& piece, RunAddress base) const {
    const Piece* before = nullptr;
    const Piece* after = nullptr;
    for (const Piece& other : pieces_) {
      if (other.state != State::proved || other.group != piece.group) continue;
      if (other.base < base && (before == nullptr || other.base > before->base)) before = &other;
      if (other.base >= base && (after == nullptr || other.base < after->base)) after = &other;
    }
    if (before != nullptr && after != nullptr) return true;
    if (before != nullptr)
      return piece.place == before->place + 1 &&
             is_empty(before->base + before->verdict.run_size, base);
    return after != nullptr && after->place == piece.place + 1 &&
           is_empty(base + object_.section(piece.section).size, after->base);
  }

  bool is_empty(RunAddress from, RunAddress to) const {
    constexpr std::uint64_t kPadding = 64;
    if (to < from || to - from >= kPadding) return false;
    const KernelSymbol* symbol = image_.symbols().nearest(to - 1);
    return symbol == nullptr || symbol->address < from;
  }

  // What variables of the object whose names are unique point to, by section.
  std::map<std::uint32_t, RunAddress> pointers() const {
    std::map<std::uint32_t, RunAddress> found;
    for (const Symbol& table : object_.symbols()) {
      if (table.type != STT_OBJECT || !table.defined()) continue;
      const auto rows = image_.symbols().find(target_, table.name);
      if (rows.size() != 1) continue;
      for (const Relocation& relocation :
           object_.relocations_in(table.section, table.value, table.value + table.size)) {
        const Symbol& function = object_.symbol(relocation.symbol);
        const auto pointer =
            image_.pointer_at(rows[0]->address + (relocation.offset - table.value));
        if (relocation.type == R_X86_64_64 && function.defined() && pointer)
          found.emplace(function.section,
                        *pointer - function.value - static_cast<std::uint64_t>(relocation.addend));
      }
    }
    return found;
  }

  void refuse_misplaced() {
    std::set<const Piece*> bad;
    for (const Piece& a : pieces_)
      for (const Piece& b : pieces_)
        if (a.state == State::proved && b.state == State::proved && a.group == b.group &&
            a.place + 1 <= b.place && b.base < a.base + a.verdict.run_size)
          bad.insert({&a, &b});
    for (Piece& piece : pieces_)
      if (bad.contains(&piece)) {
        piece.state = State::refused;
        piece.reason = "it is not in the object's order";
      }
  }

  // A weak name may be another object's.
  bool is_its_own(const Symbol& function, RunAddress address) const {
    if (!function.is_weak()) return true;
    const auto rows = image_.symbols().find(target_, function.name);
    return rows.empty() || std::any_of(rows.begin(), rows.end(), [&](const KernelSymbol* row) {
             return row->address == address;
           });
  }

  const ElfObject& object_;
  const Image& image_;
  const std::string target_;
  OracleCode code_;
  std::vector<Piece> pieces_;
  OracleBindings bindings_;  // of what is proved
};

struct Subject {
  ElfObject object;
  MatchOptions options;
  MatchResult clean;
  std::size_t matched = 0;
};

struct Account {
  std::size_t agree = 0;
  std::size_t oracle_alone = 0;
  std::size_t matcher_alone = 0;
};

class Comparing {
 public:
  Comparing(const Image& image, std::uint64_t seed) : image_(image), random_(seed) {}

  Result<void> verdicts(const std::vector<ListedObject>& objects) {
    for (const ListedObject& listed : objects) {
      auto object = ElfObject::load(listed.path);
      if (!object) return propagate(object);
      MatchOptions options;
      options.target = listed.target;
      auto fast = match_object(*object, image_, options);
      if (!fast) return propagate(fast);
      Oracle oracle(*object, image_, listed.target);
      const auto slow = oracle.functions();
      for (const FunctionMatch& function : fast->functions) compare(listed, oracle, slow, function);
      subjects_.push_back({std::move(*object), options, std::move(*fast), slow.size()});
    }
    return {};
  }

  // Alters `count` bytes of matched code.
  Result<void> alter(std::size_t count) {
    for (std::size_t done = 0; done < count;) {
      const Subject& subject = subjects_[below(subjects_.size())];
      if (subject.clean.functions.empty()) continue;
      const FunctionMatch& function =
          subject.clean.functions[below(subject.clean.functions.size())];
      if (function.state != MatchState::matched || function.run_bytes.empty()) continue;
      std::size_t at = below(function.run_bytes.size());
      const std::vector<std::uint8_t> bytes = new_bytes(function, at);
      AlteredImage altered(image_);
      altered.alter(function.code + at, bytes);
      const auto fast = match_object(subject.object, altered, subject.options);
      if (!fast) return propagate(fast);
      const bool refused =
          std::count_if(fast->functions.begin(), fast->functions.end(),
                        [](const FunctionMatch& f) { return f.state == MatchState::matched; }) <
          std::count_if(
              subject.clean.functions.begin(), subject.clean.functions.end(),
              [](const FunctionMatch& f) { return f.state == MatchState::matched; });
      Oracle oracle(subject.object, altered, subject.options.target);
      const bool slow = oracle.functions().size() < subject.matched;
      ++done;
      (refused ? refused_ : accepted_)++;
      if (refused == slow) continue;
      ++differ_;
      fmt::print("altered: {} {}+{:#x}: {} became {}: the {} alone refuses it\n",
                 subject.object.name(), function.name, at, hex({&function.run_bytes[at], 1}),
                 hex(bytes), refused ? "matcher" : "oracle");
    }
    return {};
  }

  int report() const {
    fmt::print("altered images {}: both refuse {}, both accept {}, differ {}\n",
               refused_ + accepted_, refused_, accepted_, differ_);
    fmt::print("functions {}: agree {}, oracle alone {}, matcher alone {}\n",
               account_.agree + account_.oracle_alone + account_.matcher_alone, account_.agree,
               account_.oracle_alone, account_.matcher_alone);
    return account_.oracle_alone + account_.matcher_alone + differ_ == 0 && account_.agree > 0 ? 0
                                                                                               : 1;
  }

 private:
  std::size_t below(std::size_t limit) { return random_.below(limit); }

  void compare(const ListedObject& listed, const Oracle& oracle,
               const std::map<std::uint32_t, RunAddress>& slow, const FunctionMatch& function) {
    const auto found = slow.find(function.symbol);
    const bool fast = function.state == MatchState::matched;
    if (fast == (found != slow.end()) && (!fast || function.address == found->second)) {
      ++account_.agree;
      return;
    }
    (fast ? account_.matcher_alone : account_.oracle_alone)++;
    fmt::print(
        "differ: {} {}: matcher: {}, oracle: {}\n", listed.unit, function.name,
        fast ? fmt::format("at {}", function.address) : function.error.message,
        found != slow.end() ? fmt::format("at {}", found->second) : oracle.reason(function.symbol));
  }

  // One byte, or what a site would have after a flip.
  std::vector<std::uint8_t> new_bytes(const FunctionMatch& function, std::size_t& at) {
    static const std::vector<std::uint8_t> nop = {0x0f, 0x1f, 0x44, 0x00, 0x00};
    if (!function.live_sites.empty() && below(4) == 0) {
      const auto& [begin, end] = function.live_sites[below(function.live_sites.size())];
      at = begin;
      if (end - begin == 1) return {0x3e};
      if (end - begin == nop.size()) return nop;
    }
    const std::uint8_t old = function.run_bytes[at];
    for (;;) {
      const auto value =
          static_cast<std::uint8_t>(below(2) == 0 ? old ^ (1U << below(8)) : below(256));
      if (value != old) return {value};
    }
  }

  const Image& image_;
  RandomDraw random_;
  std::vector<Subject> subjects_;
  Account account_;
  std::size_t refused_ = 0;
  std::size_t accepted_ = 0;
  std::size_t differ_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Command command("oracle", "[OPTION]... LIST", "Match the slow way, and compare.");
  add_listed_options(command);
  command.options().add_options()("count", po::value<std::size_t>()->default_value(300),
                                  "alterations")(
      "seed", po::value<std::uint64_t>()->default_value(1), "of the random numbers");
  if (const auto status = command.parse(argc, argv)) return *status;
  const Console& console = command.console();
  const auto kernel = open_listed(command);
  if (!kernel) return console.finish(kernel.error());
  Comparing comparing(*kernel->image, command.values()["seed"].as<std::uint64_t>());
  if (auto done = comparing.verdicts(kernel->objects); !done) return console.finish(done.error());
  if (auto done = comparing.alter(command.values()["count"].as<std::size_t>()); !done)
    return console.finish(done.error());
  return comparing.report();
}
