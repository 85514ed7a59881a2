// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/vex.h"

#include <fmt/core.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <ctime>
#include <nlohmann/json.hpp>

#include "matcher/base/terminal_text.h"
#include "matcher/base/version.h"
#include "matcher/base/wording.h"
#include "runtime/package/digest.h"

namespace splicer {

namespace {

using nlohmann::json;

// Products of a CSAF document.
constexpr const char* kShipped = "kernel";
constexpr const char* kUpdates = "updates";
constexpr const char* kPatched = "kernel-with-updates";

// The version of the package, from "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-07-07)".
std::string package_version(const KernelIdentity& kernel) {
  constexpr std::string_view kDebian = " Debian ";
  const std::size_t at = kernel.version.find(kDebian);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + kDebian.size();
  return kernel.version.substr(begin, kernel.version.find(' ', begin) - begin);
}

// A part of a package URL (purl), in which the "+" of a release is data.
std::string url_part(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '.' || c == '-' || c == '_' || c == '~')
      out += c;
    else
      out += fmt::format("%{:02X}", byte);
  }
  return out;
}

// A name that is nobody else's (RFC 4151): the same contents of one day have the same.
std::string document_id(const VexContext& context, const json& contents) {
  constexpr std::size_t kDay = 10;  // of "2026-11-27T13:00:00Z"
  constexpr std::size_t kDigits = 16;
  return fmt::format("tag:{},{}:splice-status/{}", url_part(context.host),
                     context.now.substr(0, kDay), sha256_hex(contents.dump()).substr(0, kDigits));
}

const UpdateStanding* update_of(const Status& status, const std::string& id) {
  const auto found = std::ranges::find(status.updates, id, &UpdateStanding::id);
  return found == status.updates.end() ? nullptr : &*found;
}

// "update groups (1111111111111111) is partly: module tun is not loaded"
std::string account_of(const Status& status, const CveStanding& cve) {
  std::string text;
  for (const std::string& id : cve.updates) {
    const UpdateStanding* update = update_of(status, id);
    if (update == nullptr) continue;
    text += fmt::format("{}update {} is {}", text.empty() ? "" : "; ", called(*update),
                        standing_word(update->standing));
    if (!update->why.empty()) text += ": " + update->why;
  }
  return terminal_line(text);
}

std::string remedy_of(const CveStanding& cve) {
  return cve.updates.empty()
             ? std::string("boot a kernel that has the fix")
             : fmt::format(
                   "put update {} in force (splice-install, splice-apply), or boot a "
                   "kernel that has the fix",
                   fmt::join(cve.updates, ", "));
}

Result<void> check(const Status& status) {
  if (!status.cves.empty()) return {};
  return fail(ExitCode::error, "no-cve-known",
              "no update that is installed or applied says which CVE it fixes, and a document "
              "without any is not valid")
      .hint("name the CVE when the update is made: splice-create --fixes CVE-...");
}

// "live update groups (1111111111111111)"; empty if none is in force.
std::string updates_in_force(const Status& status) {
  std::vector<std::string> names;
  for (const UpdateStanding& update : status.updates)
    if (update.standing == Standing::in_force) names.push_back(terminal_line(called(update)));
  if (names.empty()) return {};
  return fmt::format("live update{} {}", names.size() == 1 ? "" : "s", fmt::join(names, ", "));
}

json full_name(const std::string& name, const char* id) {
  return {{"name", name}, {"product_id", id}};
}

// What is shipped, what comes on top of it, and both together.
json product_tree(const Status& status) {
  const std::string release = terminal_line(status.kernel.release);
  json shipped = full_name(fmt::format("Linux {} as shipped", release), kShipped);
  shipped["product_identification_helper"] = {{"purl", package_url(status.kernel)}};
  const std::string version = package_version(status.kernel);
  const json of_version = {{"category", "product_version"},
                           {"name", version.empty() ? release : version},
                           {"product", shipped}};
  const json of_product = {
      {"category", "product_name"}, {"name", "Linux"}, {"branches", json::array({of_version})}};
  json tree = {{"branches", json::array({{{"category", "vendor"},
                                          {"name", "Debian"},
                                          {"branches", json::array({of_product})}}})}};
  const std::string updates = updates_in_force(status);
  if (updates.empty()) return tree;
  tree["full_product_names"] = json::array({full_name(updates, kUpdates)});
  tree["relationships"] =
      json::array({{{"category", "installed_with"},
                    {"product_reference", kUpdates},
                    {"relates_to_product_reference", kShipped},
                    {"full_product_name",
                     full_name(fmt::format("Linux {} with {}", release, updates), kPatched)}}});
  return tree;
}

json vulnerability(const Status& status, const CveStanding& cve) {
  const std::string account = account_of(status, cve);
  json out = {{"cve", cve.id},
              {"notes", json::array({{{"category", "details"},
                                      {"title", "on this machine"},
                                      {"text", account.empty() ? remedy_of(cve) : account}}})}};
  json affected = json::array({kShipped});
  if (cve.fixed)
    out["product_status"]["fixed"] = json::array({kPatched});
  else if (status.count(Standing::in_force) != 0)
    affected.push_back(kPatched);
  out["product_status"]["known_affected"] = affected;
  out["remediations"] = json::array(
      {{{"category", "vendor_fix"},
        {"details", remedy_of(cve)},
        {"product_ids", affected},
        {"restart_required", {{"category", cve.updates.empty() ? "system" : "none"}}}}});
  return out;
}

}  // namespace

VexContext vex_context() {
  VexContext context;
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) == 0) context.host = host.data();
  if (context.host.empty()) context.host = "localhost";
  context.now = utc_time(static_cast<std::uint64_t>(std::time(nullptr)));
  context.maker = std::string("splice-status ") + version();
  return context;
}

std::string package_url(const KernelIdentity& kernel) {
  const std::string version = package_version(kernel);
  return fmt::format("pkg:deb/debian/linux-image-{}{}{}?arch={}", url_part(kernel.release),
                     version.empty() ? "" : "@", url_part(version),
                     kernel.machine == "x86_64" ? "amd64" : url_part(kernel.machine));
}

Result<json> openvex(const Status& status, const VexContext& context) {
  if (auto some = check(status); !some) return propagate(some);
  const json products = json::array({{{"@id", package_url(status.kernel)}}});
  json statements = json::array();
  for (const CveStanding& cve : status.cves) {
    json one = {{"vulnerability", {{"name", cve.id}}},
                {"products", products},
                {"status", cve.fixed ? "fixed" : "affected"}};
    if (const std::string account = account_of(status, cve); !account.empty())
      one["status_notes"] = account;
    if (!cve.fixed) one["action_statement"] = remedy_of(cve);
    statements.push_back(std::move(one));
  }
  return json{{"@context", "https://openvex.dev/ns/v0.2.0"},
              {"@id", document_id(context, statements)},
              {"author", terminal_line(context.host)},
              {"timestamp", context.now},
              {"version", 1},
              {"tooling", context.maker},
              {"statements", statements}};
}

Result<json> csaf(const Status& status, const VexContext& context) {
  if (auto some = check(status); !some) return propagate(some);
  json vulnerabilities = json::array();
  for (const CveStanding& cve : status.cves) vulnerabilities.push_back(vulnerability(status, cve));
  const std::string host = terminal_line(context.host);
  const std::string id = document_id(context, vulnerabilities);
  const json tracking = {
      {"id", id},
      {"status", "final"},
      {"version", "1"},
      {"initial_release_date", context.now},
      {"current_release_date", context.now},
      {"generator", {{"engine", {{"name", context.maker}}}}},
      {"revision_history",
       json::array({{{"date", context.now}, {"number", "1"}, {"summary", "as it is now"}}})}};
  return json{{"document",
               {{"category", "csaf_vex"},
                {"csaf_version", "2.0"},
                {"title", fmt::format("live updates of the kernel on {}", host)},
                {"publisher",
                 {{"category", "user"},
                  {"name", host},
                  {"namespace",
                   fmt::format("tag:{},{}:", url_part(context.host), context.now.substr(0, 10))}}},
                {"tracking", tracking}}},
              {"product_tree", product_tree(status)},
              {"vulnerabilities", vulnerabilities}};
}

}  // namespace splicer
