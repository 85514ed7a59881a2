// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/prepare/applied_record.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>

#include "matcher/base/file.h"
#include "runtime/package/cve.h"
#include "runtime/package/digest.h"
#include "runtime/package/update_name.h"
#include "runtime/trust/signature_file.h"

namespace splicer {

namespace fs = std::filesystem;

namespace {

using nlohmann::json;

constexpr std::size_t kMaxRecord = 4U << 20;
constexpr std::size_t kMaxAttribute = 4096;

constexpr const char* kSignedBy = "signed_by";

// The lists of a record, by their names in the file. The last ones are younger than others: a record of an older
// release may lack them.
constexpr std::pair<const char*, std::vector<std::string> AppliedRecord::*> kLists[] = {
    {"titles", &AppliedRecord::titles},
    {"patches", &AppliedRecord::patches},
    {"base", &AppliedRecord::base},
    {"units", &AppliedRecord::units},
    {"left_out", &AppliedRecord::left_out},
    {"livepatch", &AppliedRecord::livepatch},
    {"parts_left_out", &AppliedRecord::parts_left_out}};
constexpr auto kYounger = std::size(kLists) - 2;

constexpr std::tuple<const char*, std::string AppliedRecord::*, bool (*)(std::string_view)>
    kTexts[] = {{"name", &AppliedRecord::name, is_update_name},
                {"fix_id", &AppliedRecord::fix_id, is_update_id}};

std::optional<AppliedRecord> parse_record(const fs::path& file, const std::string& boot) {
  const json document =
      json::parse(read_contents(file, kMaxRecord).text(), nullptr, /*allow_exceptions=*/false);
  if (!document.is_object() || document.value("boot_id", json()) != boot) return std::nullopt;
  AppliedRecord record;
  record.id = file.stem();
  // A record of a release that knew no names is as good for all the rest.
  for (const auto& [name, field, good] : kTexts)
    if (const auto found = document.find(name);
        found != document.end() && found->is_string() && good(found->get_ref<const std::string&>()))
      record.*field = found->get<std::string>();
  if (const auto found = document.find("fixes"); found != document.end() && found->is_array())
    for (const json& one : *found)
      if (one.is_string() && is_cve_id(one.get_ref<const std::string&>()))
        record.fixes.push_back(one.get<std::string>());
  if (const auto found = document.find(kSignedBy); found != document.end() && found->is_string())
    if (const auto& key = found->get_ref<const std::string&>(); key.empty() || is_key_id(key))
      record.signed_by = key;
  for (std::size_t i = 0; i < std::size(kLists); ++i) {
    const auto& [name, list] = kLists[i];
    const auto found = document.find(name);
    if (found == document.end() && i >= kYounger) continue;
    if (found == document.end() || !found->is_array()) return std::nullopt;
    for (const json& one : *found) {
      if (!one.is_string()) return std::nullopt;
      (record.*list).push_back(one.get<std::string>());
    }
  }
  return record;
}

}  // namespace

std::string boot_id(const std::string& proc) {
  return read_contents(proc + "/sys/kernel/random/boot_id", kMaxAttribute).text();
}

AppliedRecord record_of(const Package& package, const std::set<std::string>& left_out,
                        const std::string& signed_by) {
  AppliedRecord record;
  record.signed_by = signed_by;
  record.id = package.manifest.id;
  record.name = package.manifest.name;
  record.fix_id = package.manifest.fix_id;
  record.fixes = package.manifest.fixes;
  record.parts_left_out = package.manifest.parts_left_out;
  for (const PackagePatch& patch : package.manifest.patches) {
    record.titles.push_back(patch.title);
    record.patches.push_back(sha256_hex(package.members.at(patch.member)));
  }
  for (const PackageBase& base : package.manifest.base) record.base.push_back(base.sha256);
  for (const PackageTarget& target : package.manifest.targets)
    for (const PackageUnit& unit : target.units)
      if (!left_out.contains(target.name)) record.units.push_back(unit.name);
  record.left_out.assign(left_out.begin(), left_out.end());
  return record;
}

Result<void> write_record(const AppliedRecord& record, const std::string& folder,
                          const std::string& proc) {
  json document{{"boot_id", boot_id(proc)},
                {"name", record.name},
                {"fix_id", record.fix_id},
                {"fixes", record.fixes}};
  if (record.signed_by) document[kSignedBy] = *record.signed_by;
  for (const auto& [name, list] : kLists) document[name] = record.*list;
  const fs::path file = fs::path(folder) / (record.id + ".json");
  const fs::path fresh = fs::path(folder) / (record.id + ".new");
  const auto written =
      write_file(fresh, document.dump(1, ' ', false, json::error_handler_t::replace) + "\n");
  std::error_code failed;
  if (written) fs::rename(fresh, file, failed);
  if (written && !failed) return {};
  return fail(ExitCode::error, "record-unwritable",
              fmt::format("what the update leaves out cannot be noted: {}",
                          written ? failed.message() : written.error().message))
      .at_file(file)
      .hint("mount a tmpfs at /run, then apply the update");
}

void remove_record(const std::string& id, const std::string& folder) {
  std::error_code ignored;
  fs::remove(fs::path(folder) / (id + ".json"), ignored);
}

AppliedRecords AppliedRecords::read(const std::string& folder, const std::string& proc) {
  AppliedRecords records;
  const std::string boot = boot_id(proc);
  for (const auto& entry : list_directory(folder).entries) {
    if (entry.path().extension() != ".json") continue;
    if (auto record = parse_record(entry.path(), boot))
      records.records_.insert_or_assign(record->id, std::move(*record));
  }
  return records;
}

const AppliedRecord* AppliedRecords::find_livepatch(std::string_view module) const {
  for (const auto& [id, record] : records_)
    if (!record.livepatch.empty() && record.livepatch.front() == module) return &record;
  return nullptr;
}

const AppliedRecord* AppliedRecords::find(std::string_view id) const {
  const auto found = records_.find(id);
  return found == records_.end() ? nullptr : &found->second;
}

}  // namespace splicer
