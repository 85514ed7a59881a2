// SPDX-License-Identifier: GPL-2.0-or-later
//
// How fast is text matched? Four ways over the same bytes, in one run:
//
//   objects   match_object() as the commands call it: symbols looked up, sites collected, constants
//             and names proved, verdicts written
//   text      the code of these objects compared with memory, relocations and sites proved
//   memcmp    the floor: the same bytes with a copy of themselves
//   decode    every instruction decoded by Capstone, without its details
//
// Each way is repeated until it has run for a second, and its best round counts: the machine may be
// doing other work.
//
// Invariant: all four see exactly the bytes of the sections that match.
#include <capstone/capstone.h>
#include <fmt/core.h>

#include <chrono>
#include <cstring>
#include <deque>
#include <functional>

#include "matcher/code_compare.h"
#include "matcher/command_line.h"
#include "matcher/elf_object.h"
#include "matcher/match.h"
#include "matcher/references.h"
#include "matcher/sites.h"
#include "tests/proof/object_list.h"

namespace {

using namespace splicer;
namespace po = boost::program_options;

struct Code {
  std::uint32_t section;
  std::uint64_t address;
  std::vector<std::uint8_t> run;
  std::vector<std::uint8_t> copy;
};

struct Subject {
  ElfObject object;
  MatchOptions options;
  SiteTables sites;
  std::vector<Code> code = {};
};

// Seconds of the best round.
double best_of(const std::function<void()>& round) {
  using Clock = std::chrono::steady_clock;
  double best = 1e9;
  double total = 0;
  while (total < 1.0) {
    const auto began = Clock::now();
    round();
    const double took = std::chrono::duration<double>(Clock::now() - began).count();
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
      Subject subject{std::move(*object), {}, std::move(*sites)};
      subject.options.target = listed.target;
      auto result = match_object(subject.object, image_, subject.options);
      if (!result) return propagate(result);
      for (const FunctionMatch& function : result->functions) {
        const Symbol& symbol = subject.object.symbol(function.symbol);
        if (function.state != MatchState::matched || symbol.value != 0) continue;
        Code code{symbol.section, function.code, {}, {}};
        code.run.resize(subject.object.section(symbol.section).size);
        if (!image_.read(code.address, code.run)) continue;
        code.copy = code.run;
        bytes_ += code.run.size();
        subject.code.push_back(std::move(code));
      }
      subjects_.push_back(std::move(subject));
    }
    return {};
  }

  void run() {
    const double objects = best_of([this] { match_objects(); });
    const double text = best_of([this] { compare_text(); });
    const double floor = best_of([this] { compare_copies(); });
    const double decode = best_of([this] { decode_all(); });
    const auto rate = [this](double seconds) {
      return static_cast<double>(bytes_) / seconds / 1e6;
    };
    fmt::print("{:.2f} MB of text in {} objects\n", static_cast<double>(bytes_) / 1e6,
               subjects_.size());
    fmt::print("  objects {:>9.1f} MB/s\n", rate(objects));
    fmt::print("  text    {:>9.1f} MB/s\n", rate(text));
    fmt::print("  memcmp  {:>9.1f} MB/s\n", rate(floor));
    fmt::print("  decode  {:>9.1f} MB/s\n", rate(decode));
    fmt::print("text is {:.1f} times slower than memcmp, {:.1f} times faster than decoding\n",
               text / floor, decode / text);
    fmt::print("objects are {:.1f} times slower than memcmp, {:.1f} times faster than decoding\n",
               objects / floor, decode / objects);
  }

 private:
  void match_objects() const {
    for (const Subject& subject : subjects_)
      static_cast<void>(match_object(subject.object, image_, subject.options));
  }

  void compare_text() {
    for (const Subject& subject : subjects_) {
      References references(subject.object, image_, subject.options);
      const CodeComparer comparer(subject.object, subject.sites, image_);
      for (const Code& code : subject.code) {
        Trial trial(references);
        if (comparer.compare(code.section, code.address, trial).difference) ++different_;
        static_cast<void>(trial.commit());
      }
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
        std::uint64_t address = code.address;
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
  std::size_t bytes_ = 0;
  std::size_t different_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Command command("bench-match", "[OPTION]... LIST", "How fast is text matched?");
  command.options().add_options()("image", po::value<std::string>()->required(), "a vmlinuz")(
      "modules", po::value<std::string>()->default_value(""), "lib/modules/REL");
  command.positional("list", 1);
  if (const auto status = command.parse(argc, argv)) return *status;
  const Console& console = command.console();
  const auto text = [&](const char* name) { return command.values()[name].as<std::string>(); };
  if (!command.has("list"))
    return console.finish(fail(ExitCode::usage, "usage", "no list is given").take());
  const auto objects = load_list(command.values()["list"].as<std::vector<std::string>>().front());
  if (!objects) return console.finish(objects.error());
  const auto image = open_for(*objects, text("image"), text("modules"));
  if (!image) return console.finish(image.error());
  Bench bench(**image);
  if (auto ready = bench.prepare(*objects); !ready) return console.finish(ready.error());
  bench.run();
  return 0;
}
