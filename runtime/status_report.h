// SPDX-License-Identifier: GPL-2.0-or-later
//
// What splice-status prints: for people, as JSON, as metrics, and as one line for a monitoring system.
//
//     status_text(status)        "CVE-2026-1234 (42acce30ee7d420c): in force\n..."
//     prometheus_text(status)    "splice_updates{state=\"in-force\"} 1\n..."
//     nagios_line(status)        "SPLICE OK - 1 of 1 update in force, 1 of 1 CVE fixed | in_force=1 ..."
//
// Nothing is read or printed here. Every series is there whether or not anything is installed, so that a
// metric that is gone means that nobody asked.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "runtime/status.h"

namespace splicer {

std::string status_text(const Status& status);
nlohmann::json status_json(const Status& status);

// The format of node_exporter's textfile collector, version 0.0.4 of the exposition format.
std::string prometheus_text(const Status& status);

// The API of monitoring plugins: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, and a line with performance
// data behind the bar. In force in part is a warning; what is installed and not in force is critical.
enum class NagiosState { ok, warning, critical, unknown };
NagiosState nagios_state(const Status& status);
std::string nagios_line(const Status& status);
// For a status that could not be read.
std::string nagios_line(const Error& error);

}  // namespace splicer
