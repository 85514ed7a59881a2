// SPDX-License-Identifier: GPL-2.0-or-later
//
// splice-match: is this object the code of that kernel?
//
// main() opens the kernel once, then takes one object after the other: match, show, count. An
// object that cannot be read ends it; one that differs does not, so that all are reported.
//
// Invariant: the status is 0 only if every function of every object is the kernel's or absent.
#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "matcher/base/command_line.h"
#include "matcher/elf/elf_object.h"
#include "matcher/image/live_image.h"
#include "matcher/image/vmlinux_image.h"
#include "matcher/match/match.h"
#include "matcher/match/site_listing.h"
#include "matcher/match/sites.h"

namespace {

using namespace splicer;

Result<std::unique_ptr<Image>> open_image(const std::string& which) {
  return which == "live" ? open_live_image() : open_vmlinux_image(which);
}

const char* state_name(MatchState state) {
  switch (state) {
    case MatchState::matched:
      return "matched";
    case MatchState::mismatched:
      return "mismatched";
    case MatchState::absent:
      return "absent";
    case MatchState::ambiguous:
      return "ambiguous";
  }
  return "unknown";
}

struct Summary {
  std::size_t matched = 0;
  std::size_t absent = 0;
  std::size_t differing = 0;
  std::size_t constants = 0;  // that differ
};

// Constants that differ, each once; a section of them has a symbol of its own too.
std::vector<Error> altered(const MatchResult& result) {
  std::vector<Error> errors;
  for (const auto& constant : result.altered_constants) {
    const Error& error = constant.second;
    if (std::ranges::none_of(errors, [&](const Error& e) { return e.function == error.function; }))
      errors.push_back(error);
  }
  return errors;
}

Summary summarise(const MatchResult& result) {
  Summary summary;
  summary.constants = altered(result).size();
  for (const FunctionMatch& function : result.functions) {
    if (function.state == MatchState::matched) {
      summary.matched++;
    } else if (function.state == MatchState::absent) {
      summary.absent++;
    } else {
      summary.differing++;
    }
  }
  return summary;
}

void print(const MatchResult& result, const ElfObject& object, const Console& console) {
  for (const FunctionMatch& function : result.functions) {
    if (function.state == MatchState::matched) {
      if (console.verbose)
        console.print("{:<40} {}{}\n", function.name, function.code,
                      function.traced_by.empty() ? "" : ", traced by " + function.traced_by);
    } else if (function.state != MatchState::absent || console.verbose) {
      console.print("{:<40} {}\n", function.name, state_name(function.state));
      console.print_error(function.error);
    }
  }
  for (const Error& error : altered(result)) console.print_error(error);
  const Summary summary = summarise(result);
  console.print(
      "{}: {} functions: {} matched, {} not in this kernel, {} differ{}\n", object.name(),
      result.functions.size(), summary.matched, summary.absent, summary.differing,
      summary.constants == 0 ? "" : fmt::format("; {} constants differ", summary.constants));
}

nlohmann::json document(const MatchResult& result, const ElfObject& object) {
  nlohmann::json functions = nlohmann::json::array();
  for (const FunctionMatch& function : result.functions) {
    nlohmann::json one{{"name", function.name}, {"state", state_name(function.state)}};
    if (function.state == MatchState::matched) {
      one["address"] = fmt::format("{}", function.address);
      one["code"] = fmt::format("{}", function.code);
      one["size"] = function.run_bytes.size();
      if (!function.traced_by.empty()) one["traced_by"] = function.traced_by;
      if (!function.update.empty()) one["update"] = function.update;
    } else {
      one["error"] = error_json(function.error);
    }
    functions.push_back(std::move(one));
  }
  nlohmann::json symbols = nlohmann::json::object();
  for (const auto& [index, address] : result.addresses)
    if (const Symbol& symbol = object.symbol(index); !symbol.is_section())
      symbols[symbol.name] = fmt::format("{}", address);
  nlohmann::json constants = nlohmann::json::array();
  for (const Error& error : altered(result)) constants.push_back(error_json(error));
  const Summary summary = summarise(result);
  return {{"object", object.name()},  {"functions", functions},
          {"symbols", symbols},       {"matched", summary.matched},
          {"absent", summary.absent}, {"differing", summary.differing},
          {"constants", constants}};
}

// What --debug can show.
const std::vector<std::string_view> kTopics = {"sites"};

void add_options(Command& command) {
  namespace po = boost::program_options;
  command.options().add_options()(
      "image", po::value<std::string>()->default_value("live")->value_name("IMAGE"),
      "the kernel: 'live', or a file: vmlinuz as shipped, or vmlinux")(
      "target", po::value<std::string>()->default_value("vmlinux")->value_name("NAME"),
      "what the objects belong to: 'vmlinux', or a module's name")(
      "debug", po::value<std::string>()->value_name("TOPICS"),
      "show how it decides: sites (a comma between topics)");
  command.positional("object", -1);
}

// What parsing alone cannot find wrong. Errors: "no-object", "usage".
Result<void> check_options(Command& command) {
  if (!command.has("object"))
    return fail(ExitCode::usage, "no-object", "no object is given")
        .hint("splice-match kernel/fork.o");
  if (!command.has("debug")) return {};
  return command.console().set_debug_topics(command.values()["debug"].as<std::string>(), kTopics);
}

void debug_sites(const MatchResult& result, const ElfObject& object, const Image& image,
                 const Console& console) {
  if (!console.debugs("sites")) return;
  const auto sites = SiteTables::collect(object);
  if (!sites) return;  // match_object() has failed with it
  for (const FunctionMatch& function : result.functions)
    for (const std::string& line : list_sites(object, *sites, image, function))
      console.debug("sites", "{}", line);
}

// The verdict on all objects, shown one by one; with --json in one document at the end.
class Report {
 public:
  explicit Report(const Console& console) : console_(console) {}

  void add(const MatchResult& result, const ElfObject& object) {
    if (console_.json) {
      documents_.push_back(document(result, object));
    } else {
      print(result, object, console_);
    }
    const Summary summary = summarise(result);
    all_match_ = all_match_ && summary.differing == 0 && summary.constants == 0;
  }
  int finish() const {
    console_.document({{"objects", documents_}});
    return static_cast<int>(all_match_ ? ExitCode::done : ExitCode::mismatch);
  }

 private:
  const Console& console_;
  nlohmann::json documents_ = nlohmann::json::array();
  bool all_match_ = true;
};

int match_all(Command& command) {
  const Console& console = command.console();
  if (auto good = check_options(command); !good) return console.finish(good.error());

  // Once for all objects: a live image is a snapshot, and reading its symbols takes the longest.
  console.stage("reading the kernel's symbols");
  auto image = open_image(command.values()["image"].as<std::string>());
  if (!image) return console.finish(image.error());

  MatchOptions options;
  options.target = command.values()["target"].as<std::string>();
  Report report(console);
  for (const std::string& path : command.values()["object"].as<std::vector<std::string>>()) {
    auto object = ElfObject::load(path);
    if (!object) return console.finish(object.error());
    auto result = match_object(*object, **image, options);
    if (!result) return console.finish(result.error());
    // Before the verdicts: the lines explain them.
    debug_sites(*result, *object, **image, console);
    report.add(*result, *object);
  }
  return report.finish();
}

}  // namespace

int main(int argc, char** argv) {
  Command command("splice-match", "[OPTION]... OBJECT.o...",
                  "Match the code of kernel objects against a kernel, function by function.");
  add_options(command);
  return command.run([&] {
    const auto status = command.parse(argc, argv);
    return status ? *status : match_all(command);
  });
}
