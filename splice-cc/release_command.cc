// SPDX-License-Identifier: GPL-2.0-or-later
#include "splice-cc/release_command.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "matcher/base/file.h"
#include "matcher/base/wording.h"

namespace splicer {

namespace {

namespace po = boost::program_options;

constexpr unsigned kMostMinutes = 7 * 24 * 60;

std::string text_of(const Command& command, const char* name) {
  return command.has(name) ? command.values()[name].as<std::string>() : std::string();
}

std::array<FixState, 4> states() {
  return {FixState::in, FixState::left_out, FixState::not_built, FixState::unknown};
}

std::size_t count(const ReleaseUpdate& update, FixState state) {
  return static_cast<std::size_t>(std::ranges::count(update.table, state, &FixRow::state));
}

}  // namespace

void add_release_options(Command& command) {
  command.options().add_options()("to", po::value<std::string>()->value_name("VERSION"),
                                  "make it of all that this version of the source package changes")(
      "from", po::value<std::string>()->value_name("VERSION"),
      "with --to: the kernel's own version, to be sure")(
      "only-cve", po::value<std::string>()->value_name("FILE"),
      "with --to: only the fixes of the CVEs that this file lists")(
      "fetch", "with --to: bring the source package by apt, into the cache")(
      "budget", po::value<unsigned>()->value_name("MINUTES"),
      "with --to: begin no file after that time")(
      "table", po::value<std::string>()->value_name("FILE"),
      "with --to: write the table of CVEs here, too (.html, .json or text)");
}

bool is_release(const Command& command) { return command.has("to"); }

Result<void> check_release_options(const Command& command) {
  if (!is_release(command)) {
    for (const char* name : {"from", "only-cve", "fetch", "budget", "table"})
      if (command.has(name))
        return fail(ExitCode::usage, "usage", fmt::format("--{} belongs to --to", name))
            .hint("splice-create --to 6.1.187-1, for all that this version changes");
    return {};
  }
  for (const char* name : {"patch", "on", "accept", "must", "leave-out"})
    if (command.has(name))
      return fail(ExitCode::usage, "usage",
                  std::string(name) == "patch"
                      ? "a release is made without patches"
                      : fmt::format("--{} belongs to patches, and not to --to", name))
          .hint("make an update of the patches by itself");
  if (command.has("budget")) {
    const unsigned minutes = command.values()["budget"].as<unsigned>();
    if (minutes == 0 || minutes > kMostMinutes)
      return fail(ExitCode::usage, "usage",
                  fmt::format("--budget is not between 1 and {} minutes", kMostMinutes))
          .hint("without it, all files are tried");
  }
  return {};
}

ReleaseOptions read_release_options(const Command& command) {
  ReleaseOptions options;
  options.from = text_of(command, "from");
  options.to = text_of(command, "to");
  options.only_cve = text_of(command, "only-cve");
  options.fetch = command.has("fetch");
  if (command.has("budget"))
    options.budget = std::chrono::minutes(command.values()["budget"].as<unsigned>());
  return options;
}

Result<void> report_release(Command& command, const ReleaseUpdate& update,
                            nlohmann::json* document) {
  const std::string title =
      fmt::format("linux {} to {}: {}: {} in, {} left out, {} not built here, {} unknown",
                  update.from, update.to, counted(update.table.size(), "CVE"),
                  count(update, FixState::in), count(update, FixState::left_out),
                  count(update, FixState::not_built), count(update, FixState::unknown));
  const std::string text = table_text(update.table);
  command.console().print("{}\n{}", title, text);
  nlohmann::json sums;
  for (const FixState state : states()) sums[name_of(state)] = count(update, state);
  const nlohmann::json release = {{"from", update.from},   {"to", update.to},
                                  {"files", update.files}, {"hunks", update.hunks},
                                  {"kept", update.kept},   {"not_tried", update.not_tried},
                                  {"cves", sums}};
  (*document)["release"] = release;
  (*document)["cves"] = table_json(update.table);
  const std::filesystem::path file = text_of(command, "table");
  if (file.empty()) return {};
  const nlohmann::json whole = {{"release", release}, {"cves", table_json(update.table)}};
  return write_file(file, file.extension() == ".html"   ? table_html(update.table, title)
                          : file.extension() == ".json" ? whole.dump(2) + "\n"
                                                        : title + "\n" + text);
}

}  // namespace splicer
