// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/status_report.h"

#include <fmt/core.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "matcher/base/console.h"
#include "matcher/base/terminal_text.h"
#include "matcher/base/wording.h"

namespace splicer {

namespace {

using nlohmann::json;

std::string in_words(const UpdateStanding& update) {
  switch (update.standing) {
    case Standing::in_force:
      return update.installed ? "in force" : "in force until the next reboot: it is not installed";
    case Standing::partly:
      return fmt::format("in force only in part: {}", update.why);
    case Standing::pending:
      return fmt::format("NOT IN FORCE: {}", update.why);
    case Standing::left_out:
      return fmt::format("left out: {}; splice-install it again to lift that", update.why);
    default:
      return fmt::format("not for this build: {}", update.why);
  }
}

// ", by the kernel's livepatch"; the usual engine is not said.
std::string engine_in_words(const UpdateStanding& update) {
  std::string text;
  if (update.applied && update.engine == EngineChoice::livepatch)
    text = ", by the kernel's livepatch";
  // Which engine a choice comes to is known once it is applied, and may be another one after each boot.
  if (update.installed && update.applied && update.engine_at_boot != EngineChoice::automatic &&
      update.engine_at_boot != update.engine)
    text += fmt::format("; the next boot puts it back by the engine {}",
                        engine_word(update.engine_at_boot));
  return text;
}

// How many there are that should be in force.
std::size_t wanted(const Status& status) {
  return status.updates.size() - status.count(Standing::for_another_build);
}

std::string summary(const Status& status) {
  std::string text = fmt::format("{} of {} in force", status.count(Standing::in_force),
                                 counted(wanted(status), "update"));
  if (!status.cves.empty())
    text += fmt::format(", {} of {} fixed", status.fixed(), counted(status.cves.size(), "CVE"));
  return text;
}

std::string in_words(const Error& trust_fault) {
  return fmt::format("nothing can be applied: {}: {}", trust_fault.file, trust_fault.message);
}

// Between the quotes of a label.
std::string label(const std::string& text) {
  std::string out;
  for (const char c : terminal_line(text)) {
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

std::string metric(const char* name, const char* help) {
  return fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n", name, help);
}

}  // namespace

std::string status_text(const Status& status) {
  std::string text;
  if (status.updates.empty())
    text += fmt::format("nothing is installed for kernel {}, and nothing is applied\n",
                        status.kernel.release);
  for (const UpdateStanding& update : status.updates) {
    text += fmt::format("{}: {}{}{}\n", called(update), in_words(update), engine_in_words(update),
                        parts_that_wait(update.waiting));
    if (!update.fixes.empty() && update.fixes != std::vector{update.name})
      text += fmt::format("    fixes {}\n", fmt::join(update.fixes, ", "));
    if (update.signature) text += fmt::format("    {}\n", update.signature->text());
    if (!update.parts_left_out.empty())
      text += fmt::format("    made without {} of its patches:\n",
                          counted(update.parts_left_out.size(), "part"));
    for (const std::string& part : update.parts_left_out) text += fmt::format("        {}\n", part);
  }
  if (!status.updates.empty()) text += fmt::format("{}\n", summary(status));
  for (const CveStanding& cve : status.cves)
    if (!cve.fixed) text += fmt::format("{} is NOT fixed\n", cve.id);
  if (status.switched_off)
    text += fmt::format("nothing is put back at boot: {}\n", *status.switched_off);
  if (status.trust_fault) text += in_words(*status.trust_fault) + "\n";
  return text;
}

json status_json(const Status& status) {
  json updates = json::array();
  for (const UpdateStanding& update : status.updates) {
    json row{{"id", update.id},
             {"name", update.name},
             {"fixes", update.fixes},
             {"state", standing_word(update.standing)},
             {"installed", update.installed},
             {"applied", update.applied},
             {"engine", engine_word(update.engine)},
             {"parts_left_out", update.parts_left_out},
             {"waiting", update.waiting},
             {"why", update.why}};
    if (update.installed) row["engine_at_boot"] = engine_word(update.engine_at_boot);
    if (update.applied) row["pause_ns"] = update.pause_ns;
    if (update.signature) row["signature"] = verdict_json(*update.signature);
    updates.push_back(std::move(row));
  }
  json cves = json::array();
  for (const CveStanding& cve : status.cves)
    cves.push_back({{"id", cve.id}, {"fixed", cve.fixed}, {"updates", cve.updates}});
  json counts = json::object();
  for (const Standing standing : kStandings)
    counts[standing_word(standing)] = status.count(standing);
  json out{{"kernel",
            {{"release", status.kernel.release},
             {"version", status.kernel.version},
             {"machine", status.kernel.machine}}},
           {"updates", std::move(updates)},
           {"cves", std::move(cves)},
           {"counts", std::move(counts)},
           {"all_in_force", status.all_in_force()}};
  if (status.switched_off) out["switched_off"] = *status.switched_off;
  if (status.trust_fault) out["trust_fault"] = error_json(*status.trust_fault);
  return out;
}

std::string prometheus_text(const Status& status) {
  std::string text = metric("splice_updates", "How many updates are in each state.");
  for (const Standing standing : kStandings)
    text += fmt::format("splice_updates{{state=\"{}\"}} {}\n", standing_word(standing),
                        status.count(standing));
  text += metric("splice_all_in_force",
                 "1 if all that is installed for this kernel or applied to it is in force.");
  text += fmt::format("splice_all_in_force {}\n", status.all_in_force() ? 1 : 0);
  text += metric("splice_put_back", "1 if what is installed is put back at boot.");
  text += fmt::format("splice_put_back {}\n", status.switched_off ? 0 : 1);
  text += metric("splice_trust_known", "1 if the keys and the policy in /etc/splice can be read.");
  text += fmt::format("splice_trust_known {}\n", status.trust_fault ? 0 : 1);
  text += metric("splice_update_info", "The updates that are installed or applied.");
  for (const UpdateStanding& update : status.updates)
    text +=
        fmt::format("splice_update_info{{id=\"{}\",name=\"{}\",state=\"{}\",engine=\"{}\"}} 1\n",
                    label(update.id), label(update.name), standing_word(update.standing),
                    engine_word(update.engine));
  text +=
      metric("splice_parts_left_out", "How many parts of its patches the update was made without.");
  for (const UpdateStanding& update : status.updates)
    text += fmt::format("splice_parts_left_out{{id=\"{}\"}} {}\n", label(update.id),
                        update.parts_left_out.size());
  text += metric("splice_pause_seconds", "How long the machine was stopped for the update.");
  for (const UpdateStanding& update : status.updates)
    if (update.applied)
      text += fmt::format("splice_pause_seconds{{id=\"{}\"}} {}.{:09}\n", label(update.id),
                          update.pause_ns / 1000000000, update.pause_ns % 1000000000);
  text += metric("splice_cve_fixed", "1 if an update that fixes the CVE is fully in force.");
  for (const CveStanding& cve : status.cves)
    text += fmt::format("splice_cve_fixed{{cve=\"{}\"}} {}\n", label(cve.id), cve.fixed ? 1 : 0);
  return text;
}

NagiosState nagios_state(const Status& status) {
  if (status.count(Standing::pending) + status.count(Standing::left_out) != 0)
    return NagiosState::critical;
  return status.count(Standing::partly) != 0 || status.trust_fault ? NagiosState::warning
                                                                   : NagiosState::ok;
}

std::string nagios_line(const Status& status) {
  constexpr const char* kWords[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
  std::string text = fmt::format("SPLICE {} - {}", kWords[static_cast<int>(nagios_state(status))],
                                 summary(status));
  const auto worst = std::ranges::max_element(status.updates, {}, [](const UpdateStanding& update) {
    return update.standing == Standing::for_another_build ? Standing::in_force : update.standing;
  });
  if (worst != status.updates.end() && worst->standing != Standing::in_force &&
      worst->standing != Standing::for_another_build)
    text += fmt::format("; {}: {}", called(*worst), in_words(*worst));
  if (status.trust_fault) text += "; " + in_words(*status.trust_fault);
  std::ranges::replace(text, '|', '/');  // it ends the text
  return terminal_line(text) +
         fmt::format(" | in_force={} partly={} pending={} left_out={} cves_fixed={} cves={}\n",
                     status.count(Standing::in_force), status.count(Standing::partly),
                     status.count(Standing::pending), status.count(Standing::left_out),
                     status.fixed(), status.cves.size());
}

std::string nagios_line(const Error& error) {
  std::string text = error.message;
  std::ranges::replace(text, '|', '/');
  return terminal_line(fmt::format("SPLICE UNKNOWN - {} ({})", text, error.code)) + "\n";
}

}  // namespace splicer
