// SPDX-License-Identifier: GPL-2.0-or-later
//
// How fast is text matched? Over the same bytes, in one run:
//
//   objects   match_object() as the commands call it: all of it, verdicts and their copies included
//   plan      what depends on the object alone: sites collected, relocations taken apart, masks
//   names     the object's symbols looked up in the kernel's table
//   text      given these, the code compared with the kernel's memory: every byte, every relocated
//             field, each symbol and constant bound, proved and found again, each function a trial
//   memcmp    the floor: the same memory of the kernel with copies, one a function, as the objects
//             have them
//   decode    every instruction decoded by Capstone, without its details
//
// Each way is repeated until it has run for a second of this processor's own time, and its best
// round counts: the machine may be doing other work. `cold` rounds begin with caches full of other
// memory, as a kernel that has just been read finds them.
//
// Invariant: all see exactly the bytes of the sections that match.
#include <capstone/capstone.h>
#include <fmt/core.h>

#include <cstring>
#include <ctime>
#include <deque>
#include <functional>

#include "matcher/base/command_line.h"
#include "matcher/elf/elf_object.h"
#include "matcher/match/code_compare.h"
#include "matcher/match/match.h"
#include "matcher/match/references.h"
#include "matcher/match/sites.h"
#include "tests/proof/object_list.h"

namespace {

using namespace splicer;
namespace po = boost::program_options;

struct Code {
  std::uint32_t section;
  RunAddress address;
  Bytes run;
  std::vector<std::uint8_t> copy;
};

struct Subject {
  Subject(ElfObject made, std::string target, SiteTables tables)
      : object(std::move(made)), sites(std::move(tables)), plan(object) {
    options.target = std::move(target);
  }
  ElfObject object;
  MatchOptions options;
  SiteTables sites;
  ReferencePlan plan;
  std::vector<Code> code;
};

// Processor time: what others do meanwhile is not ours.
double now() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void fill_caches() {
  static std::vector<std::uint64_t> other(std::size_t{64} << 17);
  for (std::uint64_t& word : other) ++word;
}

// Seconds of the best round; what `prepare` does is not counted.
double best_of(
    bool cold, const std::function<void()>& round, const std::function<void()>& prepare = [] {}) {
  double best = 1e9;
  double total = 0;
  for (int rounds = 0; rounds < 3 || (total < 1.0 && rounds < 200); ++rounds) {
    prepare();
    if (cold) fill_caches();
    const double began = now();
    round();
    const double took = now() - began;
    best = std::min(best, took);
    total += took;
  }
  return best;
}

class Bench {
 public:
  explicit Bench(const Image& image) : image_(image) {}

  Result<void> prepare(const std::vector<ListedObject>& objects) {
    for (const ListedObject& listed : objects) {
      auto object = ElfObject::load(listed.path);
      if (!object) return propagate(object);
      auto sites = SiteTables::collect(*object);
      if (!sites) return propagate(sites);
      Subject& subject =
          subjects_.emplace_back(std::move(*object), listed.target, std::move(*sites));
      auto result = match_object(subject.object, image_, subject.options);
      if (!result) return propagate(result);
      for (const FunctionMatch& function : result->functions) {
        const Symbol& symbol = subject.object.symbol(function.symbol);
        if (function.state != MatchState::matched || symbol.value != 0) continue;
        const std::size_t size = subject.object.section(symbol.section).size;
        Code code{symbol.section, function.code, image_.view(function.code, size), {}};
        if (code.run.empty()) continue;
        code.copy.assign(code.run.begin(), code.run.end());
        bytes_ += size;
        subject.code.push_back(std::move(code));
      }
    }
    return {};
  }

  void run() {
    const auto compare = [this] { compare_text(); };
    const auto look_up = [this] { look_names_up(); };
    const double objects = best_of(false, [this] { match_objects(); });
    const double plan = best_of(false, [this] { plan_objects(); });
    const double names = best_of(false, look_up, [this] { references_.clear(); });
    const double text = best_of(false, compare, look_up);
    const double cold_text = best_of(true, compare, look_up);
    const double floor = best_of(false, [this] { compare_copies(); });
    const double cold_floor = best_of(true, [this] { compare_copies(); });
    const double decode = best_of(false, [this] { decode_all(); });
    const auto print = [this](const char* what, double seconds) {
      fmt::print("  {:<12} {:>9.1f} MB/s\n", what, static_cast<double>(bytes_) / seconds / 1e6);
    };
    fmt::print("{:.2f} MB of text in {} objects\n", static_cast<double>(bytes_) / 1e6,
               subjects_.size());
    print("objects", objects);
    print("plan", plan);
    print("names", names);
    print("text", text);
    print("text, cold", cold_text);
    print("memcmp", floor);
    print("memcmp, cold", cold_floor);
    print("decode", decode);
    fmt::print(
        "text is {:.1f} times slower than memcmp ({:.1f} times with cold caches), "
        "{:.1f} times faster than decoding\n",
        text / floor, cold_text / cold_floor, decode / text);
    fmt::print("objects are {:.1f} times slower than memcmp, {:.1f} times faster than decoding\n",
               objects / floor, decode / objects);
    if (different_ != 0) fmt::print("{} comparisons failed\n", different_);
  }

 private:
  void match_objects() const {
    for (const Subject& subject : subjects_)
      static_cast<void>(match_object(subject.object, image_, subject.options));
  }

  void plan_objects() const {
    for (const Subject& subject : subjects_) {
      static_cast<void>(SiteTables::collect(subject.object));
      const ReferencePlan plan(subject.object);
    }
  }

  void look_names_up() {
    references_.clear();
    for (const Subject& subject : subjects_)
      references_.emplace_back(subject.object, subject.plan, image_, subject.options);
  }

  void compare_text() {
    auto references = references_.begin();
    for (const Subject& subject : subjects_) {
      const CodeComparer comparer(subject.object, subject.sites, image_);
      for (const Code& code : subject.code) {
        Trial trial(*references);
        if (comparer.compare(code.section, code.address, trial).difference) ++different_;
        static_cast<void>(trial.commit());
      }
      ++references;
    }
  }

  void compare_copies() {
    for (const Subject& subject : subjects_)
      for (const Code& code : subject.code)
        if (std::memcmp(code.run.data(), code.copy.data(), code.run.size()) != 0) ++different_;
  }

  void decode_all() {
    csh handle = 0;
    if (cs_open(CS_ARCH_X86, CS_MODE_64, &handle) != CS_ERR_OK) return;
    cs_insn* instruction = cs_malloc(handle);
    for (const Subject& subject : subjects_)
      for (const Code& code : subject.code) {
        const std::uint8_t* at = code.run.data();
        std::size_t left = code.run.size();
        std::uint64_t address = code.address.value();
        while (left > 0) {
          if (cs_disasm_iter(handle, &at, &left, &address, instruction)) continue;
          ++at;
          --left;
          ++address;
        }
      }
    cs_free(instruction, 1);
    cs_close(&handle);
  }

  const Image& image_;
  std::deque<Subject> subjects_;
  std::deque<References> references_;
  std::size_t bytes_ = 0;
  std::size_t different_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Command command("bench-match", "[OPTION]... LIST", "How fast is text matched?");
  add_listed_options(command);
  if (const auto status = command.parse(argc, argv)) return *status;
  const Console& console = command.console();
  const auto kernel = open_listed(command);
  if (!kernel) return console.finish(kernel.error());
  Bench bench(*kernel->image);
  if (auto ready = bench.prepare(kernel->objects); !ready) return console.finish(ready.error());
  bench.run();
  return 0;
}
