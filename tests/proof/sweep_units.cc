// SPDX-License-Identifier: GPL-2.0-or-later
//
// Builds the pre objects that a sweep matches, exactly as splice-create builds them.
//
//     sweep-units --kernel 6.1.0-50-cloud-amd64 --root DIR --driver splice-cc --objects 400
//                 --also fs/proc/cmdline.c
//
// Half of them are built in and half belong to modules, evenly spread over the list of all units in
// the order of their folders, so a larger sweep sees more of every folder and none is left out by
// choice. Standard output has one line an object: target, unit, and where the object is. What does
// not build is told as "unbuilt UNIT REASON" and goes on: one folder that needs a missing host tool
// must not hide the others.
//
// Invariant: every unit that was chosen is on exactly one line, built or unbuilt.
#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "splice-cc/build/unit_list.h"
#include "tests/proof/stock_kernel.h"

namespace {

using namespace splicer;
namespace po = boost::program_options;

// `count` of them at equal distances, all when there are fewer.
std::vector<Unit> spread(const std::vector<Unit>& units, std::size_t count) {
  if (count >= units.size()) return units;
  std::vector<Unit> chosen;
  for (std::size_t i = 0; i < count; ++i) chosen.push_back(units[i * units.size() / count]);
  return chosen;
}

// `wanted` is how many, or "built-in", or "all".
std::vector<Unit> choose(const std::vector<Unit>& all, const std::string& wanted) {
  std::vector<Unit> built_in;
  std::vector<Unit> modules;
  for (const Unit& unit : all) (unit.target == "vmlinux" ? built_in : modules).push_back(unit);
  if (wanted == "all") return all;
  if (wanted == "built-in") return built_in;
  const std::size_t count = std::strtoul(wanted.c_str(), nullptr, 10);
  std::vector<Unit> chosen = spread(built_in, count - count / 2);
  for (const Unit& unit : spread(modules, count / 2)) chosen.push_back(unit);
  return chosen;
}

std::string first_line_with(const std::string& text, std::string_view word) {
  const std::size_t at = text.find(word);
  if (at == std::string::npos) return {};
  const std::size_t begin = text.rfind('\n', at) + 1;
  return text.substr(begin, text.find('\n', at) - begin);
}

std::string reason(const Error& error) {
  const std::string line = first_line_with(error.detail, "rror");
  return line.empty() ? error.message : line;
}

Result<void> run(const Command& command, const Console& console) {
  const auto text = [&](const char* name) { return command.values()[name].as<std::string>(); };
  const unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  const auto kernel = StockKernel::open(command, console, jobs);
  if (!kernel) return propagate(kernel);
  const Kbuild& kbuild = (*kernel)->kbuild();
  console.stage("asking kbuild for all units");
  UnitList list(kbuild);
  auto units = list.all(jobs);
  if (!units) return propagate(units);
  const auto built_in = std::count_if(units->begin(), units->end(),
                                      [](const Unit& u) { return u.target == "vmlinux"; });
  console.stage("{} units, {} of them built in", units->size(), built_in);
  std::vector<Unit> chosen = choose(*units, text("objects"));
  if (command.has("also")) {
    for (const std::string& source : command.values()["also"].as<std::vector<std::string>>()) {
      auto unit = list.find(source);
      if (!unit) return propagate(unit);
      const auto same = [&](const Unit& other) { return *unit && other.name == (*unit)->name; };
      if (*unit && std::none_of(chosen.begin(), chosen.end(), same)) chosen.push_back(**unit);
    }
  }
  const auto errors = (*kernel)->build(chosen, jobs, console);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const Unit& unit = chosen[i];
    if (errors[i]) {
      fmt::print("unbuilt {} {}\n", unit.name, reason(*errors[i]));
    } else {
      fmt::print("{} {} {}\n", unit.target, unit.name, kbuild.pre_object(unit).string());
    }
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Command command("sweep-units", "[OPTION]...", "Build pre objects for a sweep.");
  StockKernel::declare(command);
  command.options().add_options()("objects", po::value<std::string>()->default_value("400"),
                                  "how many, or built-in, or all")(
      "also", po::value<std::vector<std::string>>(), "a source whose object must be among them");
  if (const auto status = command.parse(argc, argv)) return *status;
  const Console& console = command.console();
  if (auto done = run(command, console); !done) return console.finish(done.error());
  return 0;
}
