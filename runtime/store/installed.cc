// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/store/installed.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/package/cve.h"
#include "runtime/package/json_reader.h"
#include "runtime/package/manifest.h"
#include "runtime/package/update_name.h"
#include "runtime/trust/signature_file.h"

namespace splicer {

namespace {

using nlohmann::json;

constexpr unsigned kSchema = 1;
constexpr std::size_t kMaxSentence = 4096;

// A message may quote whatever an update calls its functions.
std::string sentence(const std::string& text) {
  return without_controls(text).substr(0, kMaxSentence);
}

std::vector<std::string> sentences(const std::vector<std::string>& texts) {
  std::vector<std::string> harmless;
  harmless.reserve(texts.size());
  for (const std::string& text : texts) harmless.push_back(sentence(text));
  return harmless;
}

json update_json(const InstalledUpdate& update) {
  return {{"id", update.id},
          {"name", update.name},
          {"fixes", update.fixes},
          {"kernel_version", update.kernel_version},
          {"skip_unloaded", update.skip_unloaded},
          {"require_types", update.require_types},
          {"engine", engine_word(update.engine)},
          {"livepatch", update.livepatch},
          {"parts_left_out", sentences(update.parts_left_out)},
          {"signed_by", update.signed_by},
          {"left_out", sentence(update.left_out)},
          {"failure_code", update.failure_code},
          {"failure", sentence(update.failure)}};
}

std::string text_of(const json& document) {
  return document.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

bool flag(JsonReader& in, const json& row, const std::string& where, const char* key) {
  const json* value = in.field(row, where, key);
  if (value == nullptr) return false;
  if (!value->is_boolean()) {
    in.wrong(where + "." + key, "is not true or false");
    return false;
  }
  return value->get<bool>();
}

// What an older release did not write is as that release had it: the engine "stop", and nothing known of the rest.
void read_newer_fields(JsonReader& in, const json& row, const std::string& where,
                       InstalledUpdate& update) {
  if (in.failed() || !row.is_object()) return;
  if (row.contains("engine")) {
    const std::string word = in.text(
        row, where, "engine", [](const std::string& s) { return engine_choice(s).has_value(); },
        "an engine");
    update.engine = engine_choice(word).value_or(EngineChoice::stop);
  }
  if (row.contains("livepatch")) update.livepatch = in.name_or_empty(row, where, "livepatch");
  if (!row.contains("parts_left_out")) return;
  in.rows(row, where, "parts_left_out", [&](const json& entry, const std::string& at) {
    update.parts_left_out.push_back(
        in.checked(entry, at, JsonReader::is_prose, "a text without control characters"));
  });
}

InstalledUpdate read_row(JsonReader& in, const json& row, const std::string& where) {
  InstalledUpdate update;
  update.id = in.text(row, where, "id", is_update_id, "an update's id");
  update.name = in.text(row, where, "name", is_update_name, "an update's name");
  in.rows(row, where, "fixes", [&](const json& entry, const std::string& at) {
    update.fixes.push_back(in.checked(entry, at, is_cve_id, "a CVE id"));
  });
  update.kernel_version = in.words(row, where, "kernel_version");
  update.skip_unloaded = flag(in, row, where, "skip_unloaded");
  update.require_types = flag(in, row, where, "require_types");
  read_newer_fields(in, row, where, update);
  update.signed_by = in.text(
      row, where, "signed_by", [](const std::string& s) { return s.empty() || is_key_id(s); },
      "a key's id");
  update.left_out = in.prose(row, where, "left_out");
  update.failure_code = in.name_or_empty(row, where, "failure_code");
  update.failure = in.prose(row, where, "failure");
  return update;
}

JsonReader reader(const char* document, const std::string& file) {
  return {{ExitCode::error, "store-malformed", document,
           "remove the file, and install the updates again: their packages lie beside it"},
          file};
}

Result<json> parse_document(std::string_view text, JsonReader& in) {
  std::optional<json> document;
  if (text.size() <= kMaxStateFile) document = parse_json_object(text);
  if (!document) {
    in.wrong("it", "is not a JSON object");
  } else if (in.number(*document, "it", "schema", kSchema) != kSchema) {
    in.wrong("it.schema", fmt::format("is not {}", kSchema));
  }
  if (in.failed()) return Failure(in.take_error());
  return std::move(*document);
}

}  // namespace

const InstalledUpdate* Installed::find(std::string_view id) const {
  const auto found = std::ranges::find(updates, id, &InstalledUpdate::id);
  return found == updates.end() ? nullptr : &*found;
}

std::string installed_text(const Installed& installed) {
  json rows = json::array();
  for (const InstalledUpdate& update : installed.updates) rows.push_back(update_json(update));
  return text_of({{"schema", kSchema}, {"updates", std::move(rows)}});
}

std::string marker_text(const ApplyMarker& marker) {
  return text_of(
      {{"schema", kSchema}, {"boot_id", marker.boot_id}, {"update", update_json(marker.update)}});
}

Result<Installed> parse_installed(std::string_view text, const std::string& file) {
  JsonReader in = reader("state.json", file);
  const auto document = parse_document(text, in);
  if (!document) return propagate(document);
  Installed installed;
  std::set<std::string> ids;
  in.rows(*document, "it", "updates", [&](const json& row, const std::string& where) {
    installed.updates.push_back(read_row(in, row, where));
    if (!ids.insert(installed.updates.back().id).second) in.wrong(where, "appears twice");
  });
  if (installed.updates.size() > kMaxInstalled)
    in.wrong("it.updates", fmt::format("lists more than {}", kMaxInstalled));
  if (in.failed()) return Failure(in.take_error());
  return installed;
}

Result<ApplyMarker> parse_marker(std::string_view text, const std::string& file) {
  JsonReader in = reader("applying.json", file);
  const auto document = parse_document(text, in);
  if (!document) return propagate(document);
  ApplyMarker marker;
  marker.boot_id = in.name_or_empty(*document, "it", "boot_id");
  if (const json* row = in.field(*document, "it", "update"); row != nullptr)
    marker.update = read_row(in, *row, "it.update");
  if (in.failed()) return Failure(in.take_error());
  return marker;
}

}  // namespace splicer
