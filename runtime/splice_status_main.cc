// SPDX-License-Identifier: GPL-2.0-or-later
//
// splice-status: what is in force of what is installed, for people, scripts and monitoring systems; and
// with --preflight, whether this machine can be patched at all.
#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "matcher/base/command_line.h"
#include "runtime/preflight.h"
#include "runtime/status_report.h"
#include "runtime/vex.h"

namespace {

using namespace splicer;

int show_preflight(const Console& console) {
  const auto answers = preflight();
  console.document({{"preflight", preflight_json(answers)}});
  console.print("{}", preflight_text(answers));
  const auto no = std::ranges::find_if(
      answers, [](const PreflightAnswer& one) { return one.fault.has_value(); });
  return no == answers.end() ? 0 : static_cast<int>(no->fault->exit);
}

// Whoever reads the line wants it whatever happened, and the status of the plugins' API.
int show_for_nagios(const Result<Status>& status, const Console& console) {
  console.print("{}", status ? nagios_line(*status) : nagios_line(status.error()));
  return static_cast<int>(status ? nagios_state(*status) : NagiosState::unknown);
}

int show_vex(const Result<nlohmann::json>& document, const Console& console) {
  if (!document) return console.finish(document.error());
  constexpr int kIndent = 2;
  console.print("{}", document->dump(kIndent) + "\n");
  return 0;
}

// The ways to print it leave each other no room.
Result<void> check_options(const Command& command) {
  int ways = 0;
  for (const char* option : {"json", "prometheus", "nagios", "openvex", "csaf"})
    ways += command.has(option) ? 1 : 0;
  if (ways > 1)
    return fail(ExitCode::usage, "usage",
                "only one of --json, --prometheus, --nagios, --openvex and --csaf can be given")
        .hint("run the command once for each");
  const bool of_updates = command.has("prometheus") || command.has("nagios") ||
                          command.has("openvex") || command.has("csaf");
  if (command.has("preflight") && of_updates)
    return fail(ExitCode::usage, "usage", "--preflight says nothing of updates")
        .hint("give --preflight alone or with --json");
  return {};
}

int show(Command& command) {
  const Console& console = command.console();
  if (auto right = check_options(command); !right) return console.finish(right.error());
  if (command.has("preflight")) return show_preflight(console);
  const auto status = read_status(command.values()["store"].as<std::string>());
  if (command.has("nagios")) return show_for_nagios(status, console);
  if (!status) return console.finish(status.error());
  if (command.has("prometheus")) {
    console.print("{}", prometheus_text(*status));
    return 0;
  }
  if (command.has("openvex")) return show_vex(openvex(*status, vex_context()), console);
  if (command.has("csaf")) return show_vex(csaf(*status, vex_context()), console);
  console.document(status_json(*status));
  console.print("{}", status_text(*status));
  return status->all_in_force() ? 0 : static_cast<int>(ExitCode::partly);
}

}  // namespace

int main(int argc, char** argv) {
  namespace po = boost::program_options;
  Command command("splice-status", "[OPTION]...",
                  "Show which of the updates that are installed or applied are in force.");
  command.options().add_options()("prometheus", "print metrics, as node_exporter reads them")(
      "nagios", "print a line for a monitoring system, and end with its status")(
      "openvex", "print which CVEs are fixed here as an OpenVEX document, for scanners")(
      "csaf", "print the same as a CSAF document")(
      "preflight", "show whether this machine can be patched at all")(
      "store", po::value<std::string>()->default_value(kStore)->value_name("DIR"),
      "what is installed is kept here");
  return command.run([&] {
    const auto status = command.parse(argc, argv);
    return status ? *status : show(command);
  });
}
