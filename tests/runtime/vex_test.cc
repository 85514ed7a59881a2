// SPDX-License-Identifier: GPL-2.0-or-later
//
// The documents have what their schemas require: openvex_json_schema of OpenVEX 0.2.0; csaf_json_schema of CSAF
// 2.0, and section 4.5 of its text for the profile csaf_vex.
#include "runtime/vex.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <set>

namespace splicer {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const VexContext kContext = {"host.example", "2026-11-27T13:00:00Z", "splice-status 0.1.0"};

Status sample() {
  Status status;
  status.kernel = {"6.12.117+deb12-amd64",
                   "#1 SMP PREEMPT_DYNAMIC Debian 6.12.117-1~deb12u1 (2026-11-01)", "x86_64", ""};
  UpdateStanding good;
  good.id = "42acce30ee7d420c";
  good.name = "CVE-2026-1234";
  good.standing = Standing::in_force;
  UpdateStanding part;
  part.id = "1111111111111111";
  part.name = "groups";
  part.standing = Standing::partly;
  part.why = "module tun is not loaded,\x1b[31m and not patched";
  status.updates = {good, part};
  status.cves = {{"CVE-2026-1234", true, {good.id}}, {"CVE-2026-2222", false, {part.id}}};
  return status;
}

TEST(Vex, ThePackageThatAScannerKnows) {
  KernelIdentity kernel = sample().kernel;
  EXPECT_EQ(package_url(kernel),
            "pkg:deb/debian/linux-image-6.12.117%2Bdeb12-amd64@6.12.117-1~deb12u1?arch=amd64");
  kernel.version = "#1 SMP own build";
  EXPECT_EQ(package_url(kernel), "pkg:deb/debian/linux-image-6.12.117%2Bdeb12-amd64?arch=amd64");
}

TEST(Vex, OpenVex) {
  const json document = openvex(sample(), kContext).value();
  for (const char* member : {"@context", "@id", "author", "timestamp", "version", "statements"})
    EXPECT_TRUE(document.contains(member)) << member;
  const json& fixed = document["statements"][0];
  EXPECT_EQ(fixed["vulnerability"]["name"], "CVE-2026-1234");
  EXPECT_EQ(fixed["status"], "fixed");
  EXPECT_FALSE(fixed.contains("action_statement"));
  EXPECT_EQ(fixed["products"][0]["@id"], package_url(sample().kernel));
  const json& affected = document["statements"][1];
  EXPECT_EQ(affected["status"], "affected");
  EXPECT_THAT(affected["action_statement"].get<std::string>(), HasSubstr("1111111111111111"));
  EXPECT_THAT(affected["status_notes"].get<std::string>(),
              HasSubstr("update groups (1111111111111111) is partly: module tun"));
  EXPECT_EQ(document.dump().find('\x1b'), std::string::npos);
}

// All products that a part of the document names.
void collect(const json& part, std::set<std::string>& named) {
  for (const auto& [key, value] : part.items()) {
    if (key == "product_ids" || key == "fixed" || key == "known_affected")
      for (const json& one : value) named.insert(one.get<std::string>());
    else if (key == "product_reference" || key == "relates_to_product_reference")
      named.insert(value.get<std::string>());
    else if (value.is_structured())
      collect(value, named);
  }
}

std::set<std::string> defined(const json& part) {
  std::set<std::string> ids;
  for (const auto& [key, value] : part.items()) {
    if (key == "product_id") ids.insert(value.get<std::string>());
    if (value.is_structured()) ids.merge(defined(value));
  }
  return ids;
}

TEST(Vex, Csaf) {
  const json document = csaf(sample(), kContext).value();
  const json& about = document["document"];
  EXPECT_EQ(about["category"], "csaf_vex");
  EXPECT_EQ(about["csaf_version"], "2.0");
  for (const char* member : {"category", "name", "namespace"})
    EXPECT_TRUE(about["publisher"].contains(member)) << member;
  for (const char* member : {"id", "status", "version", "initial_release_date",
                             "current_release_date", "revision_history"})
    EXPECT_TRUE(about["tracking"].contains(member)) << member;
  for (const json& one : document["vulnerabilities"]) {
    EXPECT_TRUE(
        std::regex_match(one["cve"].get<std::string>(), std::regex("CVE-[0-9]{4}-[0-9]{4,}")));
    EXPECT_FALSE(one["notes"].empty());
    // What is affected has a remedy.
    EXPECT_EQ(one["remediations"][0]["product_ids"], one["product_status"]["known_affected"]);
    EXPECT_EQ(one["remediations"][0]["restart_required"]["category"], "none");
  }
  const json& first = document["vulnerabilities"][0]["product_status"];
  EXPECT_EQ(first["fixed"], json::array({"kernel-with-updates"}));
  EXPECT_EQ(first["known_affected"], json::array({"kernel"}));
  const json& second = document["vulnerabilities"][1]["product_status"];
  EXPECT_FALSE(second.contains("fixed"));
  EXPECT_EQ(second["known_affected"], json::array({"kernel", "kernel-with-updates"}));
}

TEST(Vex, CsafNamesOnlyProductsOfItsTree) {
  Status nothing_yet = sample();
  nothing_yet.updates[0].standing = Standing::pending;
  nothing_yet.cves[0].fixed = false;
  for (const Status& status : {sample(), nothing_yet}) {
    const json document = csaf(status, kContext).value();
    std::set<std::string> named;
    collect(document, named);
    EXPECT_EQ(named, [&] {
      std::set<std::string> all = defined(document["product_tree"]);
      return all;
    }());
  }
}

TEST(Vex, TheSameContentsHaveTheSameName) {
  const std::string id = openvex(sample(), kContext).value()["@id"];
  EXPECT_TRUE(id.starts_with("tag:host.example,2026-11-27:splice-status/")) << id;
  EXPECT_EQ(id, openvex(sample(), kContext).value()["@id"]);
  Status other = sample();
  other.cves[1].fixed = true;
  EXPECT_NE(id, openvex(other, kContext).value()["@id"]);
}

TEST(Vex, NothingToSayIsNoDocument) {
  Status none = sample();
  none.cves.clear();
  EXPECT_EQ(openvex(none, kContext).error().code, "no-cve-known");
  EXPECT_EQ(csaf(none, kContext).error().code, "no-cve-known");
}

TEST(Vex, OfThisMachine) {
  const VexContext context = vex_context();
  EXPECT_FALSE(context.host.empty());
  EXPECT_TRUE(std::regex_match(
      context.now, std::regex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")))
      << context.now;
}

}  // namespace
}  // namespace splicer
