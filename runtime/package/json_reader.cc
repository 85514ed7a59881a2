// SPDX-License-Identifier: GPL-2.0-or-later
#include "runtime/package/json_reader.h"

namespace splicer {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxValues = 1u << 20;
constexpr int kMaxDepth = 16;  // of arrays and objects in each other; a manifest needs 5

// Length of the control character at `at` in UTF-8 text, 0 if there is none: C0, DEL, or C1 (c2 80
// to c2 9f), all of which a terminal may obey.
std::size_t control_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(at) < 0x20 || byte(at) == 0x7f) return 1;
  if (byte(at) == 0xc2 && at + 1 < text.size() && byte(at + 1) >= 0x80 && byte(at + 1) <= 0x9f)
    return 2;
  return 0;
}

}  // namespace

std::optional<json> parse_json_object(std::string_view text) {
  bool too_much = false;
  std::size_t values = 0;
  const auto watch = [&](int depth, json::parse_event_t, json&) {
    too_much = too_much || depth > kMaxDepth || ++values > kMaxValues;
    return !too_much;
  };
  json document = json::parse(text.begin(), text.end(), watch, /*allow_exceptions=*/false);
  if (document.is_discarded() || too_much || !document.is_object()) return std::nullopt;
  return document;
}

bool is_plain_text(std::string_view text, bool spaces) {
  return std::ranges::all_of(
      text, [&](char c) { return c > 0x20 && c < 0x7f ? true : spaces && c == ' '; });
}

std::string without_controls(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t control = control_length(text, i);
    out += control != 0 ? ' ' : text[i];
    i += std::max<std::size_t>(control, 1);
  }
  return out;
}

}  // namespace splicer
